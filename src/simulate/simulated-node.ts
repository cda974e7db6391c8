/** A node of a simulation: both chains over its tables, and the queue of what arrived. */
import type { Aead } from '../aead/index.js';
import { DropReason, EgressChain, IngressChain, type Oversize } from '../dataplane/index.js';
import { type Arena, NO_SLOT, PacketBatch } from '../memory/index.js';
import {
  ChangeKind,
  type HkdfSha256,
  NodeSas,
  NodeTables,
  type ReadonlyNodeTables,
  type Topology,
  type TopologyChange,
} from '../overlay/index.js';
import { ETHERNET_HEADER_LEN, isZeroMac } from '../wire/index.js';
import { Arrival } from './arrival.js';
import { ArrivalQueue } from './arrival-queue.js';
import { SimulationError } from './error.js';

/** What a node needs of its simulation. */
export interface NodeWorld {
  readonly arena: Arena;
  readonly aead: Aead;
  readonly hkdf: HkdfSha256;
  readonly random: (bytes: Uint8Array) => void;
  readonly oversize: Oversize;
  readonly clampMss: boolean;
  readonly maxQueued: number;
  /** Seconds of the simulation's clock. */
  readonly now: () => number;
  /** Takes an IP packet for the VTEP with an address. */
  readonly transmit: (vtep: Uint8Array, packet: Uint8Array) => void;
  /** Takes an arrival. */
  readonly deliver: (node: SimulatedNode, arrival: Arrival) => void;
  /** Sends a frame as soon as the packets before it have been handled. */
  readonly send: (send: () => void) => void;
  /** Advances a simulated clock to the next packet in flight. Returns false if there is none. */
  readonly step: () => boolean;
}

/** What a node did: in + received + made = out + sent + dropped + held. */
export interface NodeAccounting {
  /** Frames from its endpoints, and packets from the underlay. */
  readonly in: number;
  readonly received: number;
  /** Copies, replies and fragments generated, minus the fragments reassembled. */
  readonly made: number;
  /** Frames delivered to its endpoints, and packets for the underlay. */
  readonly out: number;
  readonly sent: number;
  readonly dropped: number;
  /** Fragments waiting for reassembly. */
  readonly held: number;
}

/** A node of a simulation. Iterate over it for the frames that arrive at its endpoints. */
export class SimulatedNode implements AsyncIterable<Arrival> {
  /** @internal */
  readonly queue: ArrivalQueue;
  readonly #world: NodeWorld;
  readonly #tables: NodeTables;
  readonly #sas: NodeSas;
  readonly #egress: EgressChain;
  readonly #ingress: IngressChain;
  readonly #frames: PacketBatch;
  readonly #packets: PacketBatch;
  #packetsSent = 0;
  /** Copies for the further endpoints of a flooded frame. */
  #copies = 0;
  #unclaimed = 0;
  #arrived = 0;
  /** Packets that didn't fit into a slot. */
  #refused = 0;
  #removed = false;

  /** @internal */
  constructor(topology: Topology, name: string, world: NodeWorld) {
    this.#world = world;
    this.queue = new ArrivalQueue(world.maxQueued);
    const { arena, aead, hkdf, random, oversize, clampMss } = world;
    this.#tables = new NodeTables(topology, name);
    const now = world.now();
    this.#sas = NodeSas.ofTopology(topology, this.#tables.node, aead, { hkdf, random, now });
    const keys = { aead, sas: this.#sas };
    const deliver = (batch: PacketBatch): void => this.#deliver(batch);
    const sinks = { wire: (batch: PacketBatch): void => this.#transmit(batch), local: deliver, replies: deliver };
    this.#egress = new EgressChain(this.#tables, arena, sinks, { ...keys, random, oversize, clampMss });
    this.#ingress = new IngressChain(this.#tables, arena, deliver, { ...keys, pathMtu: this.#egress.pathMtu });
    this.#frames = new PacketBatch(arena, 1);
    this.#packets = new PacketBatch(arena, 1);
    this.#tables.watch({
      node: (index, another) => {
        if (another) this.#changePeer(index);
      },
    });
  }

  get name(): string {
    return this.#tables.here.name;
  }

  /** Its forwarding table, neighbours and lists. */
  get tables(): ReadonlyNodeTables {
    return this.#tables;
  }

  /**
   * Dropped frames and packets by reason: those of the chains, and `QueueFull` for arrivals that nobody read,
   * `NoEndpoint` for flooded frames without a receiver on this node.
   */
  get drops(): Record<string, number> {
    const drops: Record<string, number> = {};
    const own = { QueueFull: this.queue.dropped, NoEndpoint: this.#unclaimed, NoMemory: this.#refused };
    for (const counts of [this.#egress.drops.byName(), this.#ingress.drops.byName(), own]) {
      for (const [reason, count] of Object.entries(counts)) if (count > 0) drops[reason] = (drops[reason] ?? 0) + count;
    }
    return drops;
  }

  /**
   * Sends a frame of an endpoint of this node.
   * @param endpoint its name (its id, if names repeat)
   * @param frame an Ethernet frame, from its header on; copied
   * @throws SimulationError `NO_SUCH_ENDPOINT`, `CLOSED`, `BAD_OPTION` for a frame that isn't bytes
   * @example
   * import { openFrames, simulate } from 'vtep';
   *
   * const network = await simulate('overlay.yaml');
   * for await (const { bytes } of openFrames('c1.pcap')) network.node('node1').send('c1', bytes);
   * network.run();
   */
  send(endpoint: string, frame: Uint8Array): void {
    if (this.#removed) {
      throw new SimulationError('CLOSED', `node ${this.name} was removed, or the simulation is closed`);
    }
    const { endpoints, node } = this.#tables;
    const index = this.#tables.endpointWithId(endpoint);
    const found = index < 0 ? undefined : endpoints[index];
    if (found?.node !== node) {
      const here = endpoints.flatMap((other) => (other?.node === node ? [other.name] : []));
      const names = here.length === 0 ? 'it has none' : `there are ${here.slice(0, 20).join(', ')}`;
      throw new SimulationError('NO_SUCH_ENDPOINT', `node ${this.name} has no endpoint ${endpoint}; ${names}`);
    }
    // JavaScript programs may pass a number, which new Uint8Array takes for a length.
    if (!((frame as unknown) instanceof Uint8Array)) {
      throw new SimulationError('BAD_OPTION', 'a frame is a Uint8Array: its bytes from the Ethernet header on');
    }
    const copy = new Uint8Array(frame);
    this.#world.send(() => {
      // A listener may have removed the node meanwhile.
      if (!this.#removed) this.#send(copy, found.network);
    });
  }

  /** Removes and returns the arrivals that are queued. */
  take(): Arrival[] {
    const arrivals: Arrival[] = [];
    for (let next = this.queue.shift(); next !== undefined; next = this.queue.shift()) arrivals.push(next);
    return arrivals;
  }

  /**
   * The frames that arrive, in order, until the simulation is closed. While a loop waits, a simulated clock advances to
   * the next packet in flight.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Arrival, void, undefined> {
    for (;;) {
      while (this.queue.length === 0 && this.#world.step());
      const arrival = await this.queue.next();
      if (arrival === undefined) return;
      yield arrival;
    }
  }

  /** @internal */
  get accounting(): NodeAccounting {
    const sent = this.#egress.accounting;
    const received = this.#ingress.accounting;
    const fragments = this.#packetsSent - sent.sent;
    const reassembled = received.reassembled - received.reassembledFragments;
    return {
      in: sent.frames,
      received: received.packets + this.#refused,
      made: sent.copies + sent.repliesMade + fragments + reassembled + received.copies + this.#copies,
      out: this.#arrived - this.queue.dropped,
      sent: this.#packetsSent,
      dropped: sent.dropped + received.dropped + this.#unclaimed + this.queue.dropped + this.#refused,
      held: received.held,
    };
  }

  /** Receives an IP packet. @internal */
  receive(packet: Uint8Array): void {
    const batch = this.#packets;
    const now = this.#world.now();
    if (batch.copyIn(packet, 0, packet.length) === NO_SLOT) this.#refused++;
    else this.#ingress.run(batch, now);
  }

  /** Applies changes that another node has accepted. @internal */
  apply(changes: readonly TopologyChange[]): void {
    const now = this.#world.now();
    this.#tables.apply(changes, () => {
      for (const change of changes) if (change.kind === ChangeKind.SetKeys) this.#sas.update(change.ring, now);
    });
    this.#sas.settle(now);
  }

  /** The topology after all changes. @internal */
  get topology(): Topology {
    return this.#tables.topology;
  }

  /** @internal */
  close(): void {
    this.#removed = true;
    this.#sas.close();
    this.queue.close();
  }

  #send(frame: Uint8Array, network: number): void {
    const batch = this.#frames;
    const now = this.#world.now();
    if (frame.length < ETHERNET_HEADER_LEN) this.#egress.refuse(DropReason.PacketTooSmall);
    else if (batch.copyIn(frame, 0, frame.length, network) === NO_SLOT) this.#egress.refuse(DropReason.PacketTooBig);
    else this.#egress.run(batch, now);
  }

  #transmit({ arena: { bytes }, count, start, end, node }: PacketBatch): void {
    for (let i = 0; i < count; i++) {
      const vtep = this.#tables.nodes[node[i]]?.vtep;
      if (vtep === undefined) continue;
      this.#packetsSent++;
      this.#world.transmit(vtep, bytes.slice(start[i], end[i]));
    }
  }

  #deliver({ arena: { bytes }, count, start, end, endpoint, network }: PacketBatch): void {
    for (let i = 0; i < count; i++) {
      const frame = bytes.slice(start[i], end[i]);
      if (endpoint[i] >= 0) this.#arrive(endpoint[i], frame);
      else this.#flood(network[i], frame);
    }
  }

  /** Delivers a frame to all endpoints of a network on this node, except the sender. */
  #flood(network: number, frame: Uint8Array): void {
    let receivers = 0;
    for (const [index, endpoint] of this.#tables.endpoints.entries()) {
      if (endpoint?.node !== this.#tables.node || endpoint.network !== network) continue;
      if (!isZeroMac(endpoint.mac, 0) && endpoint.mac.every((byte, i) => byte === frame[6 + i])) continue;
      this.#arrive(index, receivers++ === 0 ? frame : frame.slice());
    }
    if (receivers === 0) this.#unclaimed++;
    else this.#copies += receivers - 1;
  }

  #arrive(index: number, frame: Uint8Array): void {
    const { endpoints, networks } = this.#tables;
    const endpoint = endpoints[index];
    const vni = endpoint === undefined ? undefined : networks[endpoint.network]?.vni;
    if (endpoint === undefined || vni === undefined) {
      this.#unclaimed++;
      return;
    }
    this.#arrived++;
    this.#world.deliver(this, new Arrival(this.name, endpoint.name, vni, frame, this.#world.now()));
  }

  #changePeer(index: number): void {
    const { nodes, node } = this.#tables;
    const vtep = nodes[index]?.vtep;
    this.#sas.removePeer(index);
    if (vtep !== undefined && index !== node) this.#sas.addPeer(index, vtep);
  }
}
