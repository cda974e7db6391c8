/** What a picture of an overlay shows: nodes, their endpoints, and the links between them, in bounded numbers. */
import type { SurveyReport } from '../inspect/index.js';

/** Maximum number of nodes in a picture; those with the most traffic are shown. */
export const MAX_NODES = 64;
/** Maximum number of links: those with the most traffic. */
export const MAX_LINKS = 160;

/** An endpoint of a network, behind a node. */
export interface MapEndpoint {
  readonly vni: number;
  readonly mac: string;
  /** Null if it was only seen with frames without IP. */
  readonly ip: string | null;
  /** What the description of the network calls it; null without. */
  readonly name: string | null;
  /** Bytes of the frames that it sent and received. */
  readonly bytes: number;
}

/** A node, known by its VTEP address. */
export interface MapNode {
  readonly address: string;
  /** Its endpoints, the busiest first. */
  readonly endpoints: readonly MapEndpoint[];
  /** Bytes that it sent and received. */
  readonly bytes: number;
}

/** One direction of a link. */
export interface MapTraffic {
  /** Inner frames; if there are none, ESP packets. */
  readonly packets: number;
  readonly bytes: number;
}

/** The traffic between two nodes. */
export interface MapLink {
  /** Index of a node. */
  readonly a: number;
  /** Index of another node, or of the same. */
  readonly b: number;
  readonly fromA: MapTraffic;
  readonly fromB: MapTraffic;
  /** Its networks, if known. */
  readonly vnis: readonly number[];
  /** Whether any of it is ESP. */
  readonly encrypted: boolean;
  /** ESP packets that weren't decrypted. */
  readonly unopened: number;
}

/** A network. */
export interface MapNetwork {
  readonly vni: number;
  readonly security: 'clear' | 'encrypted' | 'partly encrypted';
}

/** An overlay. */
export interface OverlayMap {
  /** By address. */
  readonly nodes: readonly MapNode[];
  /** Number of nodes that aren't shown. */
  readonly moreNodes: number;
  /** The busiest first. */
  readonly links: readonly MapLink[];
  /** Number of links between shown nodes that aren't shown. */
  readonly moreLinks: number;
  /** By VNI. */
  readonly networks: readonly MapNetwork[];
  /** Length of the capture in seconds; 0 if it isn't known. */
  readonly seconds: number;
}

interface LinkDraft {
  a: number;
  b: number;
  fromA: MapTraffic;
  fromB: MapTraffic;
  vnis: Set<number>;
  encrypted: boolean;
  unopened: number;
}

const NONE: MapTraffic = { packets: 0, bytes: 0 };

/** Compares addresses as people sort them: 10.0.0.9 before 10.0.0.10, IPv4 before IPv6. */
export function byAddress(one: string, other: string): number {
  const family = Number(one.includes(':')) - Number(other.includes(':'));
  if (family !== 0) return family;
  if (one.includes(':')) return compare(one, other);
  const parts = one.split('.').map(Number);
  const others = other.split('.').map(Number);
  const at = parts.findIndex((part, i) => part !== others[i]);
  return at < 0 ? compare(one, other) : parts[at] - others[at];
}

function compare(one: string, other: string): number {
  if (one === other) return 0;
  return one < other ? -1 : 1;
}

function busiest(one: { readonly bytes: number }, other: { readonly bytes: number }): number {
  return other.bytes - one.bytes;
}

/** Endpoints by node. Frames without IP (ARP, say) are counted under a MAC address alone, which its IP replaces. */
function endpointsByNode(report: SurveyReport): Map<string, MapEndpoint[]> {
  const withIp = new Set<string>();
  for (const { vni, mac, ip } of report.endpoints) if (ip !== null) withIp.add(`${vni} ${mac}`);
  const nodes = new Map<string, MapEndpoint[]>();
  for (const { vni, mac, ip, name = null, vtep, sentBytes, receivedBytes } of report.endpoints) {
    if (ip === null && withIp.has(`${vni} ${mac}`)) continue;
    const endpoint = { vni, mac, ip, name, bytes: sentBytes + receivedBytes };
    const known = nodes.get(vtep);
    if (known === undefined) nodes.set(vtep, [endpoint]);
    else known.push(endpoint);
  }
  for (const endpoints of nodes.values()) {
    endpoints.sort((one, other) => busiest(one, other) || compare(one.ip ?? one.mac, other.ip ?? other.mac));
  }
  return nodes;
}

function nodesOf(report: SurveyReport): MapNode[] {
  const bytes = new Map<string, number>();
  for (const tunnel of report.tunnels) {
    const size = Math.max(tunnel.bytes, tunnel.espBytes);
    for (const address of [tunnel.source, tunnel.destination]) bytes.set(address, (bytes.get(address) ?? 0) + size);
  }
  const endpoints = endpointsByNode(report);
  for (const address of endpoints.keys()) if (!bytes.has(address)) bytes.set(address, 0);
  return [...bytes].map(([address, sum]) => ({ address, bytes: sum, endpoints: endpoints.get(address) ?? [] }));
}

function linksOf(report: SurveyReport, nodes: readonly MapNode[]): MapLink[] {
  const indexes = new Map(nodes.map(({ address }, i) => [address, i]));
  const opened = new Map<string, number>();
  for (const { source, destination, opened: count } of report.esp) {
    const key = `${source} ${destination}`;
    opened.set(key, (opened.get(key) ?? 0) + count);
  }
  const links = new Map<number, LinkDraft>();
  for (const tunnel of report.tunnels) {
    const from = indexes.get(tunnel.source);
    const to = indexes.get(tunnel.destination);
    if (from === undefined || to === undefined) continue;
    const a = Math.min(from, to);
    const b = Math.max(from, to);
    const key = a * MAX_NODES + b;
    let link = links.get(key);
    if (link === undefined) {
      link = { a, b, fromA: NONE, fromB: NONE, vnis: new Set(), encrypted: false, unopened: 0 };
      links.set(key, link);
    }
    const { frames, espPackets } = tunnel;
    const traffic =
      frames > 0 ? { packets: frames, bytes: tunnel.bytes } : { packets: espPackets, bytes: tunnel.espBytes };
    if (from === a) link.fromA = traffic;
    else link.fromB = traffic;
    for (const vni of tunnel.vnis) link.vnis.add(vni);
    link.encrypted ||= espPackets > 0;
    link.unopened += Math.max(0, espPackets - (opened.get(`${tunnel.source} ${tunnel.destination}`) ?? 0));
  }
  return [...links.values()].map((link) => ({ ...link, vnis: [...link.vnis].sort((one, other) => one - other) }));
}

/** Bytes of both directions. */
export function linkBytes({ fromA, fromB }: MapLink): number {
  return fromA.bytes + fromB.bytes;
}

/** How much of an overlay a picture shows. */
export interface MapBounds {
  /** @default MAX_NODES, which is also the maximum */
  readonly nodes?: number;
  /** @default MAX_LINKS */
  readonly links?: number;
}

/** What a picture of a capture's overlay shows. Anything beyond its bounds is counted. */
export function overlayMap(report: SurveyReport, bounds: MapBounds = {}): OverlayMap {
  const { nodes: maxNodes = MAX_NODES, links: maxLinks = MAX_LINKS } = bounds;
  const all = nodesOf(report);
  const nodes = all
    .sort((one, other) => busiest(one, other) || byAddress(one.address, other.address))
    .slice(0, maxNodes)
    .sort((one, other) => byAddress(one.address, other.address));
  const links = linksOf(report, nodes).sort(
    (one, other) => linkBytes(other) - linkBytes(one) || one.a - other.a || one.b - other.b,
  );
  return {
    nodes,
    moreNodes: all.length - nodes.length,
    links: links.slice(0, maxLinks),
    moreLinks: Math.max(0, links.length - maxLinks),
    networks: report.networks.map(({ vni, frames, encrypted }) => ({ vni, security: security(frames, encrypted) })),
    seconds: report.durationSeconds,
  };
}

function security(frames: number, encrypted: number): MapNetwork['security'] {
  if (encrypted === 0) return 'clear';
  return encrypted >= frames ? 'encrypted' : 'partly encrypted';
}
