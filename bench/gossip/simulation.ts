/**
 * A cluster of gossip members on a fake clock: packets with loss and delay, partitions, stalls, restarts, clocks that
 * run fast or slow. The same seed gives the same run, message for message.
 */
import {
  type GossipEndpoint,
  type MemberEvent,
  type PacketPart,
  type StreamMessage,
  SwarmMember,
  type SwarmMemberOutput,
  type SwarmMemberParameters,
  type TableChange,
  type TableEvent,
  type UserState,
  EntryEvent,
  GossipType,
} from '../../src/gossip/index.js';
import { type Random, seededRandom } from '../../src/gossip/random.js';

/** Times ahead that events can be scheduled for, in milliseconds: a power of two. */
const HORIZON = 1 << 14;

/** What a socket's receive buffer holds while its process is stalled, in packets. */
const INBOX_PACKETS = 1000;
const HELD_PACKETS = 1000;

const PORT = 7946;
/** Table of the entries in simulations. */
export const TABLE = 'overlay_peer_table';
const NOT_SCHEDULED = Infinity;

/** How to turn packets and streams into bytes and back, for simulations that check the codecs. */
export interface SimulatedWire {
  packet(parts: readonly PacketPart[], crc: boolean): readonly PacketPart[];
  stream(message: StreamMessage): StreamMessage;
}

/** What a simulation is like. */
export interface SimulationOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly parameters?: SwarmMemberParameters;
  /** Share of packets lost. @default 0 */
  readonly loss?: number;
  /** Shortest and longest delay, in whole milliseconds from 1. @default [1, 3] */
  readonly delay?: readonly [number, number];
  /** Clocks run up to this share faster or slower than time. @default 0 */
  readonly skew?: number;
  /** @default objects are passed as they are */
  readonly wire?: SimulatedWire;
  readonly onMemberEvent?: (at: SimulatedNode, event: MemberEvent) => void;
  readonly onTableChange?: (at: SimulatedNode, change: TableChange) => void;
}

type Happening =
  | { readonly kind: 'wake'; readonly node: SimulatedNode; readonly life: number }
  | {
      readonly kind: 'packet';
      readonly from: SimulatedNode;
      readonly to: SimulatedNode;
      readonly parts: readonly PacketPart[];
    }
  | {
      readonly kind: 'stream';
      readonly from: SimulatedNode;
      readonly life: number;
      readonly to: SimulatedNode;
      readonly id: number;
      readonly message: StreamMessage;
    }
  | {
      readonly kind: 'answer';
      readonly to: SimulatedNode;
      readonly life: number;
      readonly id: number;
      readonly message: StreamMessage | undefined;
    }
  | { readonly kind: 'failure'; readonly to: SimulatedNode; readonly life: number; readonly id: number }
  | { readonly kind: 'action'; readonly run: () => void };

/** A node of a simulation, through its restarts. */
export class SimulatedNode {
  readonly index: number;
  readonly endpoint: GossipEndpoint;
  member: SwarmMember;
  name = '';
  isRunning = false;
  isStalled = false;
  /** Whether its packets and streams are held up while its process goes on. */
  isHeld = false;
  /** Number of the current run of the process. */
  life = 0;
  wakeAt = NOT_SCHEDULED;
  startedAt = 0;
  /** How fast its clock runs. */
  rate = 1;
  /** What its clock showed when it started. */
  offset = 0;
  readonly inbox: Happening[] = [];
  readonly outbox: (() => void)[] = [];

  constructor(index: number, member: SwarmMember) {
    this.index = index;
    this.endpoint = endpointOf(index);
    this.member = member;
  }
}

/** A cluster and its clock. */
export class Simulation {
  readonly nodes: SimulatedNode[] = [];
  readonly random: Random;
  /** Milliseconds since the start. */
  now = 0;
  loss: number;
  packets = 0;
  lostPackets = 0;
  streams = 0;
  /** Whether packets from a node to another one are dropped. */
  blocks: ((from: SimulatedNode, to: SimulatedNode) => boolean) | undefined;
  readonly #options: SimulationOptions;
  readonly #ring: Happening[][] = Array.from({ length: HORIZON }, () => []);
  readonly #later: { at: number; run: () => void }[] = [];
  readonly #minDelay: number;
  readonly #delays: number;

  constructor(options: SimulationOptions) {
    this.#options = options;
    this.random = seededRandom(options.seed);
    this.loss = options.loss ?? 0;
    const [min, max] = options.delay ?? [1, 3];
    this.#minDelay = min;
    this.#delays = max - min + 1;
    for (let index = 0; index < options.nodes; index += 1) {
      const node = new SimulatedNode(index, this.#process(index, `node-${index}`));
      this.nodes.push(node);
    }
  }

  /** Nodes whose process runs. */
  running(): SimulatedNode[] {
    return this.nodes.filter(({ isRunning }) => isRunning);
  }

  node(index: number): SimulatedNode {
    const node = this.nodes.at(index);
    if (node === undefined) throw new RangeError(`There is no node ${index}.`);
    return node;
  }

  /** A node's own time. */
  localTime(node: SimulatedNode): number {
    return node.offset + (this.now - node.startedAt) * node.rate;
  }

  /** Starts a node's process, under a new name unless one is given. */
  start(node: SimulatedNode, name = `node-${node.index}.${node.life}`): void {
    node.member = this.#process(node.index, name);
    node.name = name;
    node.life += 1;
    node.isRunning = true;
    node.isStalled = false;
    node.isHeld = false;
    node.inbox.length = 0;
    node.outbox.length = 0;
    node.wakeAt = NOT_SCHEDULED;
    node.startedAt = this.now;
    node.rate = 1 + (this.#options.skew ?? 0) * (2 * this.random() - 1);
    node.offset = Math.floor(this.random() * 1_000_000);
    node.member.start(this.localTime(node));
    this.#schedule(node);
  }

  /** Starts all nodes as a cluster that has known itself for long, all on a network with some entries of each. */
  startFormed(networkId: string, entries = 0): void {
    for (const node of this.nodes) this.start(node, `node-${node.index}`);
    const records = this.nodes.map(({ member }) => member.member.self.record);
    const state = (lTime: number): UserState => {
      const networks = this.nodes.map(({ name }) => ({ networkId, lTime, nodeName: name, leaving: false }));
      return { type: GossipType.PushPull, lTime, nodeName: '', networks };
    };
    const events: TableEvent[] = [];
    for (const node of this.nodes) {
      const now = this.localTime(node);
      const { member, networkDb } = node.member;
      member.learn(records, now);
      networkDb.merge(state(1), false, now);
      networkDb.joinNetwork(networkId, now);
      // Newer than the join itself, which is then no news to anybody.
      networkDb.merge(state(1000), false, now);
      for (let entry = 0; entry < entries; entry += 1) {
        const key = `${node.name}/${entry}`;
        const value = new Uint8Array(46);
        const own = { networkId, tableName: TABLE, key, value, nodeName: node.name, lTime: 1, residualReapTime: 0 };
        events.push({ type: GossipType.TableEvent, event: EntryEvent.Create, ...own });
        networkDb.createEntry(networkId, TABLE, key, value, now);
      }
    }
    const type = GossipType.BulkSync;
    for (const node of this.nodes) {
      const sync = { type, lTime: 1, unsolicited: false, nodeName: '', networks: [networkId], events };
      node.member.networkDb.receive(sync, this.localTime(node));
      this.#schedule(node);
    }
  }

  /** Ends a node's process at once. */
  kill(node: SimulatedNode): void {
    node.isRunning = false;
    node.inbox.length = 0;
  }

  /** Stops a node's process until {@link resume}; what arrives meanwhile waits. */
  stall(node: SimulatedNode): void {
    node.isStalled = true;
  }

  /** Holds up what a node sends and gets until {@link resume}, while its process goes on. */
  hold(node: SimulatedNode): void {
    node.isHeld = true;
  }

  /** Ends a stall. A process that was stalled first does what is due, then takes what has arrived. */
  resume(node: SimulatedNode): void {
    if (node.isHeld) {
      node.isHeld = false;
      for (const send of node.outbox.splice(0)) send();
    }
    node.isStalled = false;
    if (!node.isRunning) return;
    node.wakeAt = NOT_SCHEDULED;
    node.member.advance(this.localTime(node));
    for (const happening of node.inbox.splice(0)) this.#happen(happening);
    this.#schedule(node);
  }

  /** Calls into a node as its program would. */
  call(node: SimulatedNode, run: (member: SwarmMember, now: number) => void): void {
    run(node.member, this.localTime(node));
    this.#schedule(node);
  }

  /** Does something at a time from now on. */
  at(time: number, run: () => void): void {
    if (time - this.now < HORIZON) {
      this.#push(Math.max(time, this.now + 1), { kind: 'action', run });
      return;
    }
    this.#later.push({ at: time, run });
    this.#later.sort((one, other) => one.at - other.at);
  }

  /** Lets time pass until `until`, or until a condition that is checked every `every` milliseconds. */
  run(until: number, isDone?: () => boolean, every = 50): void {
    while (this.now < until) {
      this.now += 1;
      while ((this.#later[0]?.at ?? Infinity) < this.now + HORIZON) {
        const action = this.#later.shift();
        if (action !== undefined) this.#push(Math.max(action.at, this.now), { kind: 'action', run: action.run });
      }
      const bucket = this.#ring[this.now & (HORIZON - 1)];
      for (const happening of bucket) this.#happen(happening);
      if (bucket.length > 0) bucket.length = 0;
      if (isDone !== undefined && this.now % every === 0 && isDone()) return;
    }
  }

  #process(index: number, name: string): SwarmMember {
    const output: SwarmMemberOutput = {
      sendPacket: (to, parts, crc) => this.#sendPacket(this.node(index), to, parts, crc),
      openStream: (id, to, message, deadline) => this.#openStream(this.node(index), id, to, message, deadline),
      memberEvent: (event) => this.#options.onMemberEvent?.(this.node(index), event),
      tableChanged: (change) => this.#options.onTableChange?.(this.node(index), change),
    };
    const identity = { name, endpoint: endpointOf(index) };
    return new SwarmMember(identity, { random: this.random, output }, this.#options.parameters);
  }

  #sendPacket(from: SimulatedNode, endpoint: GossipEndpoint, parts: readonly PacketPart[], crc: boolean): void {
    if (from.isHeld) {
      if (from.outbox.length < HELD_PACKETS) from.outbox.push(() => this.#sendPacket(from, endpoint, parts, crc));
      return;
    }
    const to = this.nodes.at(indexOf(endpoint));
    this.packets += 1;
    if (to === undefined || this.blocks?.(from, to) === true || (this.loss > 0 && this.random() < this.loss)) {
      this.lostPackets += 1;
      return;
    }
    const { wire } = this.#options;
    const arrived = wire === undefined ? parts : wire.packet(parts, crc);
    this.#push(this.now + this.#delay(), { kind: 'packet', from, to, parts: arrived });
  }

  #openStream(
    from: SimulatedNode,
    id: number,
    endpoint: GossipEndpoint,
    message: StreamMessage,
    deadline: number,
  ): void {
    if (from.isHeld) {
      from.outbox.push(() => this.#openStream(from, id, endpoint, message, deadline));
      return;
    }
    const to = this.nodes.at(indexOf(endpoint));
    const { life } = from;
    this.streams += 1;
    if (to !== undefined && !this.#isBlocked(from, to) && !to.isRunning) {
      this.#push(this.now + 2 * this.#delay(), { kind: 'failure', to: from, life, id });
      return;
    }
    const timeout = Math.max(1, Math.ceil((deadline - this.localTime(from)) / from.rate));
    this.#push(this.now + Math.min(timeout, HORIZON - 1), { kind: 'failure', to: from, life, id });
    if (to === undefined || this.#isBlocked(from, to)) return;
    const { wire } = this.#options;
    const arrived = wire === undefined ? message : wire.stream(message);
    this.#push(this.now + 3 * this.#delay(), { kind: 'stream', from, life, to, id, message: arrived });
  }

  /** A stream needs both directions. */
  #isBlocked(from: SimulatedNode, to: SimulatedNode): boolean {
    return this.blocks !== undefined && (this.blocks(from, to) || this.blocks(to, from));
  }

  #happen(happening: Happening): void {
    if (happening.kind === 'action') {
      happening.run();
      return;
    }
    const node = happening.kind === 'wake' ? happening.node : happening.to;
    if (!node.isRunning) return;
    const { kind } = happening;
    if (kind !== 'packet' && kind !== 'stream' && happening.life !== node.life) return;
    if (node.isStalled || (node.isHeld && happening.kind !== 'wake')) {
      if (happening.kind !== 'wake' && node.inbox.length < INBOX_PACKETS) node.inbox.push(happening);
      return;
    }
    const { member } = node;
    const now = this.localTime(node);
    switch (happening.kind) {
      case 'wake':
        if (node.wakeAt !== this.now) return;
        node.wakeAt = NOT_SCHEDULED;
        member.advance(now);
        break;
      case 'packet':
        member.receive(happening.parts, happening.from.endpoint, now);
        break;
      case 'stream': {
        const { from, life, id } = happening;
        const answer = member.receiveStream(happening.message, now);
        if (this.#isBlocked(from, node)) break;
        const message = answer === undefined ? undefined : (this.#options.wire?.stream(answer) ?? answer);
        this.#push(this.now + this.#delay(), { kind: 'answer', to: from, life, id, message });
        break;
      }
      case 'answer':
        member.streamAnswered(happening.id, happening.message, now);
        break;
      case 'failure':
        member.streamFailed(happening.id, now);
        break;
    }
    this.#schedule(node);
  }

  #delay(): number {
    return this.#minDelay + (this.#delays > 1 ? Math.floor(this.random() * this.#delays) : 0);
  }

  #push(time: number, happening: Happening): void {
    this.#ring[time & (HORIZON - 1)].push(happening);
  }

  #schedule(node: SimulatedNode): void {
    const deadline = node.member.nextDeadline;
    const due = Math.ceil(node.startedAt + (deadline - node.offset) / node.rate);
    const time = Math.min(Math.max(due, this.now + 1), this.now + HORIZON - 1);
    if (time >= node.wakeAt) return;
    node.wakeAt = time;
    this.#push(time, { kind: 'wake', node, life: node.life });
  }
}

function endpointOf(index: number): GossipEndpoint {
  return { addr: Uint8Array.of(10, (index >> 16) & 0xff, (index >> 8) & 0xff, index & 0xff), port: PORT };
}

function indexOf({ addr }: GossipEndpoint): number {
  return (addr[1] << 16) | (addr[2] << 8) | addr[3];
}
