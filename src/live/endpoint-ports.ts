/** The ports of a node's endpoints. */
import type { PacketBatch } from '../memory/index.js';
import type { Endpoint, Topology } from '../overlay/index.js';
import { ETHERNET_SPAN } from '../wire/index.js';
import type { FramePort, FramePortCounters } from './frame-port.js';

const MAC_BYTES = 6;
/** Maximum number of endpoints without a port whose counters are kept: the latest ones. */
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

/** Ports by endpoint name and index. Call `arrange` after each change of ports or topology. */
export class EndpointPorts {
  readonly byName = new Map<string, FramePort>();
  /** Frames for endpoints without a port. */
  noPort = 0;
  /** The distinct ports to receive frames from, and the network of each. */
  sources: readonly FramePort[] = [];
  networks: readonly number[] = [];
  /** Counters of the endpoints' previous ports, the latest last. */
  readonly #past = new Map<string, EndpointReport>();
  /** Counters of a port when it was attached, since it may have served another endpoint before. */
  readonly #begun = new Map<string, FramePortCounters>();
  #endpoints: readonly Endpoint[] = [];
  /** By endpoint index. */
  #portOf: readonly (FramePort | undefined)[] = [];

  /** Whether any port has buffered frames that poll(2) does not report. */
  get pending(): boolean {
    for (let i = 0; i < this.sources.length; i++) if (this.sources[i].pending === true) return true;
    return false;
  }

  /** By endpoint, including the latest 4,096 endpoints that no longer have a port. */
  get reports(): ReadonlyMap<string, EndpointReport> {
    const reports = new Map(this.#past);
    for (const endpoint of this.byName.keys()) reports.set(endpoint, this.#reportOf(endpoint));
    return reports;
  }

  /** Attaches a port to an endpoint, and closes its previous one. */
  attach(endpoint: string, port: FramePort): void {
    if (this.byName.get(endpoint) === port) return;
    this.detach(endpoint);
    this.byName.set(endpoint, port);
    this.#begun.set(endpoint, port.counters);
  }

  /** Detaches an endpoint's port, if any, and closes it unless another endpoint uses it too. */
  detach(endpoint: string): void {
    const port = this.byName.get(endpoint);
    if (port === undefined) return;
    const report = this.#reportOf(endpoint);
    // Last in the map, as the latest.
    this.#past.delete(endpoint);
    this.#past.set(endpoint, report);
    for (const oldest of this.#past.keys()) {
      if (this.#past.size <= MAX_PAST) break;
      this.#past.delete(oldest);
    }
    this.#begun.delete(endpoint);
    this.byName.delete(endpoint);
    if (![...this.byName.values()].includes(port)) port.close();
  }

  /** Updates the indexes to a topology, for the endpoints of a node. */
  arrange({ endpoints }: Topology, node: number): void {
    this.#endpoints = endpoints;
    this.#portOf = endpoints.map(({ name, node: home }) => (home === node ? this.byName.get(name) : undefined));
    const networks = new Map<FramePort, number>();
    this.#portOf.forEach((port, index) => port !== undefined && networks.set(port, endpoints[index].network));
    this.sources = [...networks.keys()];
    this.networks = [...networks.values()];
  }

  /** Hands frames over to the ports of their endpoints; an `endpoint` of -1 is all of the frame's network. */
  handOver(batch: PacketBatch): void {
    const { bytes } = batch.arena;
    let last: FramePort | undefined;
    for (let i = 0; i < batch.count; i++) {
      const endpoint = batch.endpoint[i];
      if (endpoint < 0) {
        last?.flush();
        last = undefined;
        this.#handToAll(bytes, batch.start[i], batch.end[i], batch.network[i]);
        continue;
      }
      const port = this.#portOf[endpoint];
      if (port !== last) last?.flush();
      last = port;
      if (port === undefined) this.noPort++;
      else port.send(bytes, batch.start[i], batch.end[i]);
    }
    last?.flush();
  }

  #reportOf(endpoint: string): EndpointReport {
    const { name = '', counters = NOTHING } = this.byName.get(endpoint) ?? {};
    const own = combined(counters, this.#begun.get(endpoint) ?? NOTHING, -1);
    return { name, counters: combined(own, this.#past.get(endpoint)?.counters ?? NOTHING, 1) };
  }

  /** Delivers a frame to all local endpoints of its network except its sender. */
  #handToAll(bytes: Uint8Array, start: number, end: number, network: number): void {
    const endpoints = this.#endpoints;
    for (let i = 0; i < endpoints.length; i++) {
      const port = this.#portOf[i];
      if (port === undefined || endpoints[i].network !== network) continue;
      if (end - start >= ETHERNET_SPAN && isSource(bytes, start, endpoints[i].mac)) continue;
      port.send(bytes, start, end);
      port.flush();
    }
  }
}

function isSource(bytes: Uint8Array, start: number, mac: Uint8Array): boolean {
  for (let i = 0; i < MAC_BYTES; i++) if (bytes[start + MAC_BYTES + i] !== mac[i]) return false;
  return true;
}
