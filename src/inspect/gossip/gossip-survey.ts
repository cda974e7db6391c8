/** Collects the gossip in a capture: who is in the cluster, on which networks, and what its tables hold over time. */
import {
  decodePacket,
  forEachGossip,
  type GossipKeyring,
  GossipType,
  isFault,
  type MemberMessage,
  MessageType,
} from '../../gossip/index.js';
import { formatIp, IpProtocol, type Layers } from '../../wire/index.js';
import { formatTime, wholeNanoseconds } from '../capture-clock.js';
import type { GossipBulkSync, GossipCounts, GossipEvent, GossipReport } from './gossip-report.js';
import { type EntryState, GossipState, type GossipVia, type StateChange, stateName } from './gossip-state.js';
import { GossipStreams } from './gossip-streams.js';

/** UDP and TCP port of a swarm's gossip. */
export const GOSSIP_PORT = 7946;
const MAX_ROWS = 65_536;
const MAX_SENDERS = 1024;
/** Maximum number of networks of a bulk sync that are listed. */
const MAX_SYNC_NETWORKS = 64;
const SEQUENCE_AT = 4;
const FLAGS_AT = 13;
const NANO = 1e9;

const MEMBER_KINDS = new Map<number, string>(
  Object.entries({
    ping: MessageType.Ping,
    'indirect ping': MessageType.IndirectPing,
    ack: MessageType.Ack,
    nack: MessageType.Nack,
    suspect: MessageType.Suspect,
    alive: MessageType.Alive,
    dead: MessageType.Dead,
    'push/pull': MessageType.PushPull,
    error: MessageType.Error,
  }).map(([name, type]) => [type, name]),
);
const GOSSIP_KINDS = new Map<number, string>([
  [GossipType.NodeEvent, 'node event'],
  [GossipType.NetworkEvent, 'network event'],
  [GossipType.TableEvent, 'table event'],
  [GossipType.BulkSync, 'bulk sync'],
]);

/** Whether a packet is gossip by its ports. */
export function isGossip({ sourcePort, destinationPort, protocol }: Layers): boolean {
  if (sourcePort !== GOSSIP_PORT && destinationPort !== GOSSIP_PORT) return false;
  return protocol === IpProtocol.Udp || protocol === IpProtocol.Tcp;
}

/** A time: whole seconds, and the fraction in nanoseconds. */
export interface GossipTime {
  readonly seconds: number;
  readonly nanoseconds: number;
}

/** The same, where optional properties may be null, too. */
type Nullable<T> = { [K in keyof T]: undefined extends T[K] ? T[K] | null : T[K] };

type Timed<T> = Omit<T, 'time' | 'offset'> & { readonly at: GossipTime | undefined };

/** Counters by name. */
type Counts = Map<string, number>;

function count(counts: Counts, name: string, by = 1): void {
  counts.set(name, (counts.get(name) ?? 0) + by);
}

function recordOf(counts: Counts): Record<string, number> {
  return Object.fromEntries([...counts].sort(([, a], [, b]) => b - a));
}

class Tally {
  total = 0;
  decrypted = 0;
  clear = 0;
  readonly failed: Counts = new Map();

  report(): GossipCounts {
    const { total, decrypted, clear } = this;
    return { total, decrypted, clear, failed: recordOf(this.failed) };
  }
}

class KeyUse {
  packets = 0;
  streams = 0;
  first: GossipTime | undefined;
  last: GossipTime | undefined;
}

/** Options of a survey of gossip. */
export interface GossipSurveyOptions {
  /**
   * Maximum number of members, entries, events and bulk syncs each; what doesn't fit is only counted.
   * @default 65536
   */
  readonly maxRows?: number;
}

/** Names that gossip doesn't have. */
export interface GossipNames {
  /** The name of the network with an id of Docker's. */
  networkWithId(id: string): string | undefined;
  /** The name of the node with an address. */
  nodeAt(address: string): string | undefined;
}

/** Takes packets that may be gossip: counts them, or records them for a survey of all files. */
export type GossipSink = Pick<GossipSurvey, 'add'>;

/** The gossip of a capture, in bounded memory. */
export class GossipSurvey {
  /** @internal What the gossip says. */
  readonly state: GossipState;
  readonly #keys: GossipKeyring;
  readonly #streams: GossipStreams;
  readonly #maxRows: number;
  readonly #packetTally = new Tally();
  readonly #streamTally = new Tally();
  readonly #invalid: Counts = new Map();
  readonly #messages: Counts = new Map();
  readonly #senders: Counts = new Map();
  readonly #uses = new Map<number, KeyUse>();
  readonly #events: Timed<GossipEvent>[] = [];
  readonly #syncs: Timed<GossipBulkSync>[] = [];
  #unlisted = 0;
  #now: GossipTime | undefined;
  #from = '';
  #to = '';

  /** @param keys decrypt the gossip; the caller wipes them */
  constructor(keys: GossipKeyring, { maxRows = MAX_ROWS }: GossipSurveyOptions = {}) {
    this.#keys = keys;
    this.#maxRows = maxRows;
    this.#streams = new GossipStreams(keys);
    this.state = new GossipState(maxRows, (change, via) => this.#record(change, via));
    for (const tag of keys.tags) this.#uses.set(tag, new KeyUse());
  }

  /**
   * Adds a packet, if it is gossip by its ports.
   * @param layers of the packet
   * @param capturedEnd where the captured bytes end
   * @param seconds whole seconds of its time since 1970; NaN if it has none
   */
  add(bytes: Uint8Array, layers: Layers, capturedEnd: number, seconds: number, nanoseconds: number): void {
    const { sourcePort, destinationPort, protocol, payloadOffset, payloadEnd } = layers;
    if (!isGossip(layers)) return;
    const family = layers.family === 4 ? 4 : 6;
    this.#now = Number.isNaN(seconds) ? undefined : { seconds, nanoseconds };
    this.#from = formatIp(family, bytes, layers.addressOffset);
    this.#to = formatIp(family, bytes, layers.addressOffset + (family === 4 ? 4 : 16));
    const truncated = payloadEnd > capturedEnd;
    const payload = bytes.subarray(payloadOffset, Math.min(payloadEnd, capturedEnd));
    if (protocol === IpProtocol.Udp) this.#addPacket(payload, truncated);
    else {
      const at = layers.transportOffset;
      const view = new DataView(bytes.buffer, bytes.byteOffset);
      const name = `${this.#from} ${sourcePort} ${this.#to} ${destinationPort}`;
      this.#addSegment(name, view.getUint32(at + SEQUENCE_AT), bytes[at + FLAGS_AT], payload);
    }
  }

  /**
   * What was found.
   * @param first time of the capture's first packet, for offsets; undefined if it has none
   * @param names of networks and nodes, if a description of the swarm has them
   */
  report(first: GossipTime | undefined, names?: GossipNames): GossipReport {
    const { state } = this;
    const timed = <T>({ at, ...rest }: Timed<T>): T =>
      ({
        time: timeOf(at),
        offset: at === undefined || first === undefined ? null : offsetOf(at, first),
        ...rest,
      }) as T;
    const ingress = state.ingressNetworks();
    const entries = [...state.entries.values()];
    const networks = new Set([...state.attachments.values()].map(({ network }) => network));
    for (const { network } of entries) networks.add(network);
    const nodesOf = (id: string, gone: boolean): string[] =>
      [...state.attachments.values()]
        .filter(({ network, node, leaving }) => network === id && (leaving || !state.isPresent(node)) === gone)
        .map(({ node }) => node)
        .sort();
    const alive = (id: string, field: 'peer' | 'endpoint'): number =>
      entries.filter(
        (entry) => entry.network === id && !entry.deleted && entry[field] !== undefined && state.isPresent(entry.owner),
      ).length;
    return {
      packets: this.#packetTally.report(),
      streams: { ...this.#streamTally.report(), incomplete: this.#streams.incomplete + this.#streams.open },
      invalid: recordOf(this.#invalid),
      keys: [...this.#uses]
        .map(([tag, { packets, streams, first: start, last }]) => ({
          tag,
          packets,
          streams,
          firstTime: timeOf(start),
          lastTime: timeOf(last),
        }))
        .sort((a, b) => a.tag - b.tag),
      undecryptable: Object.entries(recordOf(this.#senders)).map(([address, times]) => ({ address, count: times })),
      messages: recordOf(this.#messages),
      members: [...state.members.values()].map(({ name, addr, port, state: is, incarnation }) => {
        const address = addr === undefined ? null : formatIp(addr.length === 4 ? 4 : 6, addr);
        const host = address === null ? null : (names?.nodeAt(address) ?? null);
        return { name, host, address, port, state: stateName(is), incarnation };
      }),
      networks: [...networks]
        .sort((a, b) => Number(ingress.has(b)) - Number(ingress.has(a)) || (a < b ? -1 : 1))
        .map((id) => ({
          id,
          name: names?.networkWithId(id) ?? null,
          ingress: ingress.has(id),
          nodes: nodesOf(id, false),
          left: nodesOf(id, true),
          peers: alive(id, 'peer'),
          endpoints: alive(id, 'endpoint'),
        })),
      entries: entries.map(entryReport),
      events: this.#events.map((event) => timed<GossipEvent>(event)),
      bulkSyncs: this.#syncs.map((sync) => timed<GossipBulkSync>(sync)),
      unlisted: this.#unlisted + state.unlisted,
    };
  }

  #addPacket(payload: Uint8Array, truncated: boolean): void {
    const tally = this.#packetTally;
    tally.total++;
    if (truncated) {
      count(tally.failed, 'truncated');
      return;
    }
    let packet = decodePacket(payload, this.#keys, { anyLabel: true });
    if (isFault(packet)) {
      // Of a cluster without keys, the first byte is a type of message.
      const clear = decodePacket(payload, undefined, { anyLabel: true });
      if (isFault(clear) || clear.invalid > 0) {
        this.#failed(tally, packet);
        return;
      }
      packet = clear;
    }
    if (packet.keyTag === undefined) tally.clear++;
    else {
      tally.decrypted++;
      this.#use(packet.keyTag).packets++;
    }
    if (packet.fault !== undefined) count(this.#invalid, packet.fault, packet.invalid);
    for (const message of packet.messages) this.#addMessage(message);
  }

  #addSegment(name: string, sequence: number, flags: number, payload: Uint8Array): void {
    const followed = this.#streams.add(name, sequence, flags, payload);
    if (followed === undefined) return;
    const tally = this.#streamTally;
    tally.total++;
    const { message, keyTag } = followed;
    if (isFault(message)) {
      this.#failed(tally, message);
      return;
    }
    if (keyTag === undefined) tally.clear++;
    else {
      tally.decrypted++;
      this.#use(keyTag).streams++;
    }
    this.#addMessage(message);
  }

  #failed(tally: Tally, fault: string): void {
    count(tally.failed, fault);
    if (this.#senders.has(this.#from) || this.#senders.size < MAX_SENDERS) count(this.#senders, this.#from);
  }

  #use(tag: number): KeyUse {
    const use = this.#uses.get(tag) ?? new KeyUse();
    this.#uses.set(tag, use);
    use.first ??= this.#now;
    use.last = this.#now;
    return use;
  }

  #addMessage(message: MemberMessage): void {
    const kind = MEMBER_KINDS.get(message.type);
    if (kind !== undefined) count(this.#messages, kind);
    this.state.addMember(message);
    if (message.type === MessageType.User) this.#addBody(message.body, 'gossip');
    else if (message.type === MessageType.PushPull && message.userState.length > 0) {
      this.#addBody(message.userState, 'push/pull');
    }
  }

  #addBody(body: Uint8Array, via: GossipVia): void {
    const faults = forEachGossip(body, (message) => {
      const kind = GOSSIP_KINDS.get(message.type);
      if (kind !== undefined) count(this.#messages, kind);
      if (message.type !== GossipType.BulkSync) this.state.addGossip(message, via);
      else if (via !== 'bulk sync') {
        const { networks, unsolicited, payload } = message;
        const before = this.#messages.get('table event') ?? 0;
        this.#addBody(payload, 'bulk sync');
        const entries = (this.#messages.get('table event') ?? 0) - before;
        const listed = networks.slice(0, MAX_SYNC_NETWORKS);
        const sync = { at: this.#now, from: this.#from, to: this.#to, networks: listed, entries, unsolicited };
        if (this.#syncs.length < this.#maxRows) this.#syncs.push(sync);
        else this.#unlisted++;
      }
    });
    if (faults.first !== undefined) count(this.#invalid, faults.first, faults.count);
  }

  #record(
    { event, node, network = null, table = null, key = null, lTime = null, text }: Nullable<StateChange>,
    via: GossipVia,
  ): void {
    if (this.#events.length >= this.#maxRows) {
      this.#unlisted++;
      return;
    }
    this.#events.push({ at: this.#now, event, node, network, table, key, via, lTime, text });
  }
}

function timeOf(at: GossipTime | undefined): string | null {
  return at === undefined ? null : formatTime(at.seconds, at.nanoseconds);
}

function offsetOf(at: GossipTime, first: GossipTime): number {
  return wholeNanoseconds(at.seconds - first.seconds + (at.nanoseconds - first.nanoseconds) / NANO);
}

function entryReport(entry: EntryState): GossipReport['entries'][number] {
  const { table, network, key, owner, lTime, deleted, peer, endpoint } = entry;
  const record = (peer ?? endpoint ?? null) as Readonly<Record<string, unknown>> | null;
  return { table, network, key, owner, lTime, deleted, record };
}
