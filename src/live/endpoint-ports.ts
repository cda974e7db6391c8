/** The ports of a node's endpoints: where frames come from, and who is given one. */
import type { PacketBatch } from '../memory/index.js';
import type { Endpoint, Topology } from '../overlay/index.js';
import { ETHERNET_SPAN } from '../wire/index.js';
import type { FramePort } from './frame-port.js';

const MAC_BYTES = 6;

/** Ports by name and by place. After each change of ports or topology call `arrange`. */
export class EndpointPorts {
  readonly byName = new Map<string, FramePort>();
  /** Frames for endpoints that have no port. */
  noPort = 0;
  /** Ports that frames come from, each once, and the network of each. */
  sources: readonly FramePort[] = [];
  networks: readonly number[] = [];
  #endpoints: readonly Endpoint[] = [];
  /** By place of the endpoint. */
  #portOf: readonly (FramePort | undefined)[] = [];

  /** Whether any holds frames that polling tells nothing of. */
  get pending(): boolean {
    for (let i = 0; i < this.sources.length; i++) if (this.sources[i].pending === true) return true;
    return false;
  }

  /** Takes a port; one that the endpoint had before is closed. */
  attach(endpoint: string, port: FramePort): void {
    if (this.byName.get(endpoint) === port) return;
    this.detach(endpoint);
    this.byName.set(endpoint, port);
  }

  /** Closes an endpoint's port, unless another endpoint has it too; one that has none is let be. */
  detach(endpoint: string): void {
    const port = this.byName.get(endpoint);
    if (port === undefined) return;
    this.byName.delete(endpoint);
    if (![...this.byName.values()].includes(port)) port.close();
  }

  /** Brings the places up to date: those of the endpoints of a node in a topology. */
  arrange({ endpoints }: Topology, node: number): void {
    this.#endpoints = endpoints;
    this.#portOf = endpoints.map(({ name, node: home }) => (home === node ? this.byName.get(name) : undefined));
    const networks = new Map<FramePort, number>();
    this.#portOf.forEach((port, place) => port !== undefined && networks.set(port, endpoints[place].network));
    this.sources = [...networks.keys()];
    this.networks = [...networks.values()];
  }

  /** Hands frames over to the ports of their endpoints: `peer` is the endpoint, or -1 for all of its network. */
  handOver(batch: PacketBatch): void {
    const { bytes } = batch.arena;
    let last: FramePort | undefined;
    for (let i = 0; i < batch.count; i++) {
      const endpoint = batch.peer[i];
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

  /** Hands a frame to all local endpoints of its network but the one that sent it. */
  #handToAll(bytes: Uint8Array, start: number, end: number, network: number): void {
    const endpoints = this.#endpoints;
    for (let place = 0; place < endpoints.length; place++) {
      const port = this.#portOf[place];
      if (port === undefined || endpoints[place].network !== network) continue;
      if (end - start >= ETHERNET_SPAN && isSource(bytes, start, endpoints[place].mac)) continue;
      port.send(bytes, start, end);
      port.flush();
    }
  }
}

function isSource(bytes: Uint8Array, start: number, mac: Uint8Array): boolean {
  for (let i = 0; i < MAC_BYTES; i++) if (bytes[start + MAC_BYTES + i] !== mac[i]) return false;
  return true;
}
