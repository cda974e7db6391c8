/** The ports of a node's endpoints. */
import type { PacketBatch } from '../../memory/index.js';
import { type Endpoint, endpointId, type ReadonlyNodeTables } from '../../overlay/index.js';
import { ETHERNET_HEADER_LEN } from '../../wire/index.js';
import type { FramePort, FramePortCounters } from '../port/frame-port.js';
import { LargeFrames } from './large-frames.js';

const MAC_BYTES = 6;
/** Maximum number of endpoints without a port whose counters are kept, the most recent ones. */
const MAX_PAST = 4096;
const NOTHING: FramePortCounters = { received: 0, sent: 0, refused: 0 };

/** Counters of an endpoint over all its ports. */
export interface EndpointReport {
  /** Name of the latest port. */
  readonly name: string;
  readonly counters: FramePortCounters;
}

/** Refused frames by reason; `unknown` if a port counts them without a reason. */
function reasonsOf({ refused, refusedBy }: FramePortCounters): Readonly<Record<string, number>> {
  return refusedBy ?? (refused > 0 ? { unknown: refused } : {});
}

function combined(a: FramePortCounters, b: FramePortCounters, sign: 1 | -1): FramePortCounters {
  const refusedBy = new Map(Object.entries(reasonsOf(a)));
  for (const [reason, count] of Object.entries(reasonsOf(b))) {
    refusedBy.set(reason, (refusedBy.get(reason) ?? 0) + sign * count);
  }
  const reasons = [...refusedBy].filter(([, count]) => count > 0);
  return {
    received: a.received + sign * b.received,
    sent: a.sent + sign * b.sent,
    refused: a.refused + sign * b.refused,
    ...(reasons.length > 0 ? { refusedBy: Object.fromEntries(reasons) } : {}),
  };
}

/** The counters of an endpoint whose frames went through ports of several workers; the name is the first's. */
export function combinedReports(a: EndpointReport, b: EndpointReport): EndpointReport {
  return { name: a.name === '' ? b.name : a.name, counters: combined(a.counters, b.counters, 1) };
}

/** Ports by the endpoint's id and by index. */
export class EndpointPorts {
  readonly byId = new Map<string, FramePort>();
  /** Frames for endpoints without a port. */
  noPort = 0;
  /** How often an endpoint has got or lost a port. */
  changes = 0;
  /** Ports that frames come from, without duplicates, and the network of each, as of the last `arrange`. */
  sources: readonly FramePort[] = [];
  networks: readonly number[] = [];
  /** Whether `sources` and `networks` need an update. */
  stale = false;
  readonly #tables: ReadonlyNodeTables;
  /** Counters of endpoints over their previous ports; the most recent last. */
  readonly #past = new Map<string, EndpointReport>();
  /** Counters of a port when it was attached, since it may have served another endpoint before. */
  readonly #baseline = new Map<string, FramePortCounters>();
  /** By index: id and port of this node's endpoints; and the indices by id. */
  readonly #idOf: (string | undefined)[] = [];
  readonly #portOf: (FramePort | undefined)[] = [];
  readonly #indices = new Map<string, number[]>();
  readonly #mtuOf: (network: number) => number;
  readonly #large = new LargeFrames();
  /** Length of the longest ordinary frame by network. */
  #frameBytes: (number | undefined)[] = [];

  /**
   * @param tables the node's tables; call `update` after each change of an endpoint
   * @param mtuOf the MTU of a network's interfaces in bytes; call `forgetMtus` when it may have changed
   */
  constructor(tables: ReadonlyNodeTables, mtuOf: (network: number) => number) {
    this.#tables = tables;
    this.#mtuOf = mtuOf;
    for (const list of tables.columns.local) for (const index of list) this.update(index);
  }

  /** Whether any port has buffered frames that poll(2) does not report. */
  get pending(): boolean {
    for (let i = 0; i < this.sources.length; i++) if (this.sources[i].pending === true) return true;
    return false;
  }

  /** By endpoint, including the latest 4,096 endpoints that no longer have a port. */
  get reports(): ReadonlyMap<string, EndpointReport> {
    const reports = new Map(this.#past);
    for (const endpoint of this.byId.keys()) reports.set(endpoint, this.#reportOf(endpoint));
    return reports;
  }

  /** The endpoint of this node with an id. */
  endpoint(id: string): Endpoint | undefined {
    const index = this.#indices.get(id)?.[0] ?? -1;
    return this.#tables.endpoints[index];
  }

  /** Attaches a port, and closes the endpoint's previous one. */
  attach(endpoint: string, port: FramePort): void {
    if (this.byId.get(endpoint) === port) return;
    this.detach(endpoint);
    this.changes++;
    this.byId.set(endpoint, port);
    this.#baseline.set(endpoint, port.counters);
    this.#put(endpoint, port);
  }

  /** Detaches an endpoint's port, if any, and closes it unless another endpoint uses it too. */
  detach(endpoint: string): void {
    const port = this.byId.get(endpoint);
    if (port === undefined) return;
    const report = this.#reportOf(endpoint);
    // Last in the map, as the latest.
    this.#past.delete(endpoint);
    this.#past.set(endpoint, report);
    for (const oldest of this.#past.keys()) {
      if (this.#past.size <= MAX_PAST) break;
      this.#past.delete(oldest);
    }
    this.#baseline.delete(endpoint);
    this.changes++;
    this.byId.delete(endpoint);
    this.#put(endpoint, undefined);
    if (![...this.byId.values()].includes(port)) port.close();
  }

  /** Updates an endpoint index from the tables. The port of a removed endpoint is closed. */
  update(index: number): void {
    const endpoint = this.#tables.endpoints[index];
    const id = endpoint?.node === this.#tables.node ? endpointId(endpoint) : undefined;
    const before = this.#idOf[index];
    if (before !== undefined && before !== id) this.#forget(before, index);
    if (id !== undefined && before !== id) {
      const indices = this.#indices.get(id);
      if (indices === undefined) this.#indices.set(id, [index]);
      else indices.push(index);
    }
    this.#idOf[index] = id;
    this.#portOf[index] = id === undefined ? undefined : this.byId.get(id);
    // Its network may have changed.
    if (this.#portOf[index] !== undefined) this.stale = true;
  }

  /** Forgets the MTUs of networks, which are asked for again. */
  forgetMtus(): void {
    this.#frameBytes = [];
  }

  /** Updates `sources` and `networks`. */
  arrange(): void {
    const networks = new Map<FramePort, number>();
    for (const [id, port] of this.byId) {
      const { network } = this.endpoint(id) ?? {};
      if (network !== undefined) networks.set(port, network);
    }
    this.sources = [...networks.keys()];
    this.networks = [...networks.values()];
    this.stale = false;
  }

  /** Delivers frames to the ports of their endpoints; `endpoint` -1 means all endpoints of the network. */
  deliver(batch: PacketBatch): void {
    const { bytes } = batch.arena;
    let last: FramePort | undefined;
    for (let i = 0; i < batch.count; i++) {
      const endpoint = batch.endpoint[i];
      if (endpoint < 0) {
        last?.flush();
        last = undefined;
        this.#sendToAll(bytes, batch.start[i], batch.end[i], batch.segment[i], batch.network[i]);
        continue;
      }
      const port = this.#portOf[endpoint];
      if (port !== last) last?.flush();
      last = port;
      if (port === undefined) this.noPort++;
      else this.#send(port, bytes, batch.start[i], batch.end[i], batch.segment[i], batch.network[i]);
    }
    last?.flush();
  }

  /** Sends a frame to a port, in segments if it is large and the port doesn't take it so. */
  #send(port: FramePort, bytes: Uint8Array, start: number, end: number, segment: number, network: number): void {
    if (port.takesLarge !== true && (segment > 0 || end - start > this.#longest(network))) {
      // It may come after frames that the port holds back.
      port.flush();
      const mtu = this.#longest(network) - ETHERNET_HEADER_LEN;
      if (this.#large.send(port, bytes, start, end, segment, mtu)) return;
    }
    port.send(bytes, start, end, segment);
  }

  /** Length of the longest ordinary frame of a network, in bytes. */
  #longest(network: number): number {
    return (this.#frameBytes[network] ??= this.#mtuOf(network) + ETHERNET_HEADER_LEN);
  }

  #put(endpoint: string, port: FramePort | undefined): void {
    for (const index of this.#indices.get(endpoint) ?? []) this.#portOf[index] = port;
    this.stale = true;
  }

  #forget(id: string, index: number): void {
    const left = this.#indices.get(id)?.filter((other) => other !== index) ?? [];
    this.#portOf[index] = undefined;
    if (left.length > 0) {
      this.#indices.set(id, left);
      return;
    }
    this.detach(id);
    this.#indices.delete(id);
  }

  #reportOf(endpoint: string): EndpointReport {
    const { name = '', counters = NOTHING } = this.byId.get(endpoint) ?? {};
    const own = combined(counters, this.#baseline.get(endpoint) ?? NOTHING, -1);
    return { name, counters: combined(own, this.#past.get(endpoint)?.counters ?? NOTHING, 1) };
  }

  /** Delivers a frame to all local endpoints of its network except its sender. */
  #sendToAll(bytes: Uint8Array, start: number, end: number, segment: number, network: number): void {
    const { columns, endpoints } = this.#tables;
    const { length } = columns.local[network];
    for (let i = 0; i < length; i++) {
      const index = columns.local[network][i];
      const port = this.#portOf[index];
      const mac = endpoints[index]?.mac;
      if (port === undefined || mac === undefined) continue;
      if (end - start >= ETHERNET_HEADER_LEN && isSource(bytes, start, mac)) continue;
      this.#send(port, bytes, start, end, segment, network);
      port.flush();
    }
  }
}

function isSource(bytes: Uint8Array, start: number, mac: Uint8Array): boolean {
  for (let i = 0; i < MAC_BYTES; i++) if (bytes[start + MAC_BYTES + i] !== mac[i]) return false;
  return true;
}
