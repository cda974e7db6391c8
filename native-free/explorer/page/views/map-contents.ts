/** What the map shows of a selection: nodes, the traffic between them, endpoints behind them. */
import { byAddress } from '../../../../src/picture/internal.js';
import type { AddressNames, SurveyReport } from '../../../../src/inspect/index.js';
import { formatIp } from '../../../../src/wire/index.js';
import type { Selection } from '../../filter/selection.js';
import type { CaptureIndex } from '../../index/capture-index.js';

/** Most nodes and links that are drawn: those with the most bytes. */
export const MAX_NODES = 64;
export const MAX_LINKS = 300;
/** Flows that are looked at to find how much each endpoint sent and received. */
const MAX_FLOWS = 50_000;

/** A container or a load balancer, as packets or names show it. */
export interface MapEndpoint {
  readonly vni: number;
  readonly mac: string;
  /** Empty if only frames without IP were seen. */
  readonly ip: string;
  /** Empty without a name. */
  readonly name: string;
  /** Address of the node. */
  readonly node: string;
  /** Bytes of the selected packets. */
  readonly bytes: number;
}

/** A node. */
export interface MapNode {
  readonly address: string;
  readonly name: string;
  readonly bytes: number;
  readonly endpoints: readonly MapEndpoint[];
}

/** What two nodes sent to each other; `a` and `b` are indices of nodes. */
export interface MapLink {
  readonly a: number;
  readonly b: number;
  readonly bytes: number;
  readonly packets: number;
  /** Networks of its frames; empty before every packet has been read, and for ESP without keys. */
  readonly vnis: readonly number[];
  /** Undefined before every packet has been read. Traffic outside of networks isn't. */
  readonly isEncrypted: boolean | undefined;
}

/** A map. */
export interface MapContents {
  /** By address. */
  readonly nodes: readonly MapNode[];
  readonly links: readonly MapLink[];
  readonly moreNodes: number;
  readonly moreLinks: number;
  /** Hosts that have no tunnel: routers, multicast groups. They are not drawn. */
  readonly others: number;
  readonly endpoints: readonly MapEndpoint[];
}

/** Bytes of the selected packets by `VNI address`; undefined if there are too many flows to look at. */
function bytesByEndpoint({ tables: { flows } }: CaptureIndex, { totals }: Selection): Map<string, number> | undefined {
  const known = Math.min(flows.count, totals.flowFirst.length);
  if (known > MAX_FLOWS) return undefined;
  const bytes = new Map<string, number>();
  for (let flow = 0; flow < known; flow++) {
    const sum = totals.flowBytes[2 * flow] + totals.flowBytes[2 * flow + 1];
    if (sum === 0 || flows.vni[flow] < 0) continue;
    for (let side = 0; side < 2; side++) {
      const key = `${flows.vni[flow]} ${formatIp(flows.family[flow], flows.address, 16 * (2 * flow + side))}`;
      bytes.set(key, (bytes.get(key) ?? 0) + sum);
    }
  }
  return bytes;
}

function endpointsOf(
  report: SurveyReport,
  bytes: ReadonlyMap<string, number> | undefined,
  names: AddressNames | undefined,
): MapEndpoint[] {
  const withIp = new Set<string>();
  for (const { vni, mac, ip } of report.endpoints) if (ip !== null) withIp.add(`${vni} ${mac}`);
  return report.endpoints
    .filter(({ vni, mac, ip }) => ip !== null || !withIp.has(`${vni} ${mac}`))
    .map(({ vni, mac, ip, vtep, sentBytes, receivedBytes }): MapEndpoint => {
      const name = ip === null ? undefined : names?.find(vni, ip);
      return {
        vni,
        mac,
        ip: ip ?? '',
        name: name?.text ?? '',
        node: vtep,
        bytes: bytes === undefined ? sentBytes + receivedBytes : (bytes.get(`${vni} ${ip ?? ''}`) ?? 0),
      };
    });
}

/** The map of a selection. */
export function mapContents(
  index: CaptureIndex,
  selection: Selection,
  report: SurveyReport | undefined,
  names: AddressNames | undefined,
): MapContents {
  const { tunnels } = index.tables;
  const { tunnelBytes, tunnelPackets } = selection.totals;
  const bytes = new Map<string, number>();
  const add = (address: string, more: number): void => void bytes.set(address, (bytes.get(address) ?? 0) + more);
  const isNode = nodeTest(report);
  const others = new Set<string>();
  const count = Math.min(tunnels.length, tunnelPackets.length);
  for (let id = 0; id < count; id++) {
    const { source, destination } = tunnels[id];
    if (tunnelPackets[id] === 0) continue;
    for (const address of [source, destination]) if (!isNode(address)) others.add(address);
    if (!isNode(source) || !isNode(destination)) continue;
    add(tunnels[id].source, tunnelBytes[id]);
    add(tunnels[id].destination, tunnelBytes[id]);
  }
  const endpoints = report === undefined ? [] : endpointsOf(report, bytesByEndpoint(index, selection), names);
  const behind = grouped(endpoints);
  const addresses = [...bytes.keys()]
    .sort((a, b) => (bytes.get(b) ?? 0) - (bytes.get(a) ?? 0) || byAddress(a, b))
    .slice(0, MAX_NODES)
    .sort(byAddress);
  const nodes = addresses.map((address): MapNode => ({
    address,
    name: nodeName(names, address),
    bytes: bytes.get(address) ?? 0,
    endpoints: [...(behind.get(address) ?? [])].sort((a, b) => a.vni - b.vni || byAddress(a.ip, b.ip)),
  }));
  const links = linksOf(index, selection, addresses, report);
  return {
    nodes,
    links: links.slice(0, MAX_LINKS),
    moreNodes: bytes.size - nodes.length,
    moreLinks: Math.max(0, links.length - MAX_LINKS),
    others: others.size,
    endpoints,
  };
}

/** Whether an address is that of a node: once every packet has been read, of one with a tunnel, if there are any. */
function nodeTest(report: SurveyReport | undefined): (address: string) => boolean {
  const vteps = new Set(report?.tunnels.flatMap(({ source, destination }) => [source, destination]));
  return vteps.size === 0 ? () => true : (address) => vteps.has(address);
}

/** What a node is called; empty without a name, also if the name is its address. */
export function nodeName(names: AddressNames | undefined, address: string): string {
  const name = names?.nodeAt(address) ?? '';
  return name === address ? '' : name;
}

function grouped(endpoints: readonly MapEndpoint[]): Map<string, MapEndpoint[]> {
  const groups = new Map<string, MapEndpoint[]>();
  for (const endpoint of endpoints) {
    const group = groups.get(endpoint.node);
    if (group === undefined) groups.set(endpoint.node, [endpoint]);
    else group.push(endpoint);
  }
  return groups;
}

interface LinkDraft {
  readonly a: number;
  readonly b: number;
  bytes: number;
  packets: number;
  readonly vnis: Set<number>;
  isEncrypted: boolean | undefined;
}

function newLink(a: number, b: number): LinkDraft {
  return { a, b, bytes: 0, packets: 0, vnis: new Set(), isEncrypted: undefined };
}

function linksOf(
  { tables: { tunnels } }: CaptureIndex,
  { totals: { tunnelBytes, tunnelPackets } }: Selection,
  addresses: readonly string[],
  report: SurveyReport | undefined,
): MapLink[] {
  const positions = new Map(addresses.map((address, i) => [address, i]));
  const known = new Map(report?.tunnels.map((tunnel) => [`${tunnel.source} ${tunnel.destination}`, tunnel]) ?? []);
  const links = new Map<number, LinkDraft>();
  const count = Math.min(tunnels.length, tunnelPackets.length);
  for (let id = 0; id < count; id++) {
    const { source, destination } = tunnels[id];
    const from = positions.get(source);
    const to = positions.get(destination);
    if (tunnelPackets[id] === 0 || from === undefined || to === undefined) continue;
    const [a, b] = from < to ? [from, to] : [to, from];
    const key = a * MAX_NODES + b;
    const link: LinkDraft = links.get(key) ?? newLink(a, b);
    link.bytes += tunnelBytes[id];
    link.packets += tunnelPackets[id];
    const reported = known.get(`${source} ${destination}`);
    for (const vni of reported?.vnis ?? []) link.vnis.add(vni);
    if (report !== undefined) link.isEncrypted = link.isEncrypted === true || (reported?.espPackets ?? 0) > 0;
    links.set(key, link);
  }
  return [...links.values()]
    .map((link) => ({ ...link, vnis: [...link.vnis].sort((x, y) => x - y) }))
    .sort((x, y) => y.bytes - x.bytes);
}
