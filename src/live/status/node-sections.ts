/** The sections of a status about the node and its overlay: tables, ports and SAs, never keys. */
import { endpointId, EndpointKind, formatAddress, formatPrefix, TargetKind } from '../../overlay/index.js';
import { formatMac } from '../../wire/index.js';
import type { DirectionCounters } from '../node/node-chains.js';
import type { LiveVtep } from '../node/live-vtep.js';
import type { FramePortCounters } from '../port/frame-port.js';
import { saRows } from './sa-rows.js';
import type { StatusSection, StatusSections } from './status-section.js';

/** Data besides the VTEP's tables and counters. */
export interface StatusContext {
  /** Version of vtep. */
  readonly version: string;
  /** The cipher, if there is one. */
  readonly aead?: string | undefined;
  /** Successful and failed config reloads since the start. */
  readonly reloads: { readonly taken: number; readonly refused: number };
  /** Seconds since the start. */
  readonly seconds: number;
}

/** Slots of a table that are passed before a pause, if none holds anything to show. */
const SLOTS_PER_PAUSE = 256;
const NOTHING: FramePortCounters = { received: 0, sent: 0, refused: 0 };

/**
 * The sections `node`, `networks`, `endpoints`, `forwarding` and `sas`.
 * @param context is asked for with each document
 * @param clock the node's clock, in seconds
 */
export function nodeSections(vtep: LiveVtep, context: () => StatusContext, clock: () => number): StatusSections {
  return new Map([
    ['node', () => nodeSection(vtep, context())],
    ['networks', () => networkSection(vtep)],
    ['endpoints', () => endpointSection(vtep)],
    ['forwarding', () => forwardingSection(vtep, clock())],
    ['sas', () => saSection(vtep, clock())],
  ]);
}

/** An address of 4 or 16 bytes as text; null if it is unknown. */
export function addressText(address: Uint8Array | undefined): string | null {
  return address === undefined ? null : formatAddress(address);
}

function nodeSection({ node, underlay, counters }: LiveVtep, context: StatusContext): StatusSection {
  const { here, port, profile, counts, acceptUnknownVteps } = node.tables;
  const { egress, ingress, sealed, opened, noPort } = counters;
  return {
    facts: {
      name: here.name,
      pid: process.pid,
      version: context.version,
      seconds: Math.round(context.seconds),
      vtep: addressText(here.vtep),
      port,
      mtu: here.mtu,
      profile,
      underlay,
      cipher: context.aead ?? null,
      acceptsUnknownVteps: acceptUnknownVteps,
      nodes: counts.nodes,
      reloads: context.reloads,
      egress: directionOf(egress),
      ingress: directionOf(ingress),
      sealed,
      opened,
      framesWithoutPort: noPort,
      sockets: counters.underlay,
      ...(counters.workers === undefined ? {} : { workers: counters.workers }),
    },
  };
}

function directionOf({ drops, ...counts }: DirectionCounters): object {
  return { ...counts, dropped: drops.byName() };
}

function networkSection({ node }: LiveVtep): StatusSection {
  const { networks } = node.tables;
  return { facts: { total: networks.filter((network) => network !== undefined).length }, rows: rows() };

  function* rows(): Generator<object | undefined> {
    const { tables } = node;
    for (let i = 0; i < tables.networks.length; i++) {
      const network = tables.networks[i];
      if (network === undefined) {
        yield undefined;
        continue;
      }
      const { name, vni, subnets, gateways, encrypted, flood, learning } = network;
      yield {
        name,
        vni,
        subnets: subnets.map(formatPrefix),
        gateways: gateways.map(addressText),
        encrypted,
        mtu: node.mtuOf(i),
        flood,
        learning,
        endpoints: tables.endpointsIn(i),
        endpointsHere: tables.columns.local[i].length,
      };
    }
  }
}

function endpointSection(vtep: LiveVtep): StatusSection {
  const { node } = vtep;
  const { tables } = node;
  return { facts: { total: tables.endpointsOn(tables.node) }, rows: rows() };

  function* rows(): Generator<object | undefined> {
    const reports = vtep.endpointReports;
    for (let network = 0; network < tables.networks.length; network++) {
      const local = network < tables.columns.local.length ? tables.columns.local[network] : [];
      for (const index of local) {
        const endpoint = tables.endpoints[index];
        if (endpoint?.network !== network) continue;
        const { name, kind = EndpointKind.Container, ip, mac, netns } = endpoint;
        const { name: port = null, counters = NOTHING } = reports.get(endpointId(endpoint)) ?? {};
        yield {
          id: endpointId(endpoint),
          name,
          kind,
          network: tables.networks[network]?.name ?? null,
          address: addressText(ip),
          mac: formatMac(mac, 0),
          interface: port,
          netns: netns ?? null,
          attached: node.ports.has(endpointId(endpoint)),
          received: counters.received,
          sent: counters.sent,
          refused: counters.refused,
          refusedBy: counters.refusedBy ?? {},
        };
      }
      yield undefined;
    }
  }
}

function forwardingSection({ node }: LiveVtep, now: number): StatusSection {
  const { tables } = node;
  const { forwarding } = tables;
  const { size, limit, learned, moves, aged, evicted, refused, conflicts } = forwarding;
  return { facts: { total: size, limit, learned, moves, aged, evicted, refused, conflicts }, rows: rows() };

  function* rows(): Generator<object | undefined> {
    let passed = 0;
    for (const entry of forwarding) {
      if (++passed % SLOTS_PER_PAUSE === 0) yield undefined;
      const isLocal = entry.kind === TargetKind.Local;
      yield {
        network: tables.networks[tables.networkOf(entry.vni)]?.name ?? null,
        vni: entry.vni,
        mac: formatMac(entry.mac, 0),
        endpoint: isLocal ? (tables.endpoints[entry.target]?.name ?? null) : null,
        node: isLocal ? tables.here.name : (tables.nodes[entry.target]?.name ?? null),
        vtep: isLocal ? null : addressText(tables.nodes[entry.target]?.vtep),
        learned: !entry.static,
        age: entry.static ? null : Math.max(0, Math.round(now - entry.seen)),
      };
    }
  }
}

function saSection({ node, workerSas }: LiveVtep, now: number): StatusSection {
  const { sas, tables } = node;
  if (sas === undefined) return { facts: { total: 0, keyTags: [] }, rows: [] };
  let outbound = 0;
  for (let peer = 0; peer < tables.nodes.length; peer++) if (sas.outbound(peer) !== undefined) outbound++;
  const total = sas.inbound.size + outbound + workerSas.length;
  return { facts: { total, keyTags: sas.tags }, rows: rows() };

  function* rows(): Generator<object | undefined> {
    yield* saRows(node, now);
    yield* workerSas;
  }
}
