/** A member of a swarm's gossip: its sockets, timers and keys, around the member of `src/gossip`. */
import { randomBytes } from 'node:crypto';
import {
  decodeParts,
  encodeParts,
  type GossipEndpoint,
  type GossipFault,
  gossipFaultText,
  GossipType,
  isFault,
  type MemberEvent,
  MessageType,
  type PacketPart,
  sameEndpoint,
  type StreamMessage,
  SwarmMember,
  type SwarmMemberParameters,
  type TableChange,
} from '../../gossip/index.js';
import { type KeyRing, parseIp } from '../../overlay/index.js';
import { plain } from '../../text/plain-text.js';
import { endpointText } from './address-text.js';
import { ChangeBatch } from './change-batch.js';
import { DEFAULT_GOSSIP_BOUNDS, type GossipBounds } from './gossip-bounds.js';
import { RunningCounters } from './gossip-counters.js';
import { GossipError } from './gossip-error.js';
import { reportOf } from './gossip-report.js';
import { GossipSockets } from './gossip-sockets.js';
import { KnownAddresses } from './known-addresses.js';
import { MEMBER_LIMITS } from './member-limits.js';
import { MemberKeys } from './member-keys.js';
import type { StreamFailure } from './opened-streams.js';
import { OwnEntries } from './own-entries.js';
import { type ArrivedPacket, PacketInbox } from './packet-inbox.js';
import { checkMemberOptions } from './member-options.js';
import { PacketReach } from './packet-reach.js';
import { Seeds } from './seeds.js';
import { StreamReach } from './stream-reach.js';
import type { GossipReport, SwarmGossip, SwarmGossipListener, SwarmGossipOptions } from './swarm-gossip.js';
import { Troubles } from './troubles.js';

/** Packets that are decrypted in one turn of the event loop, so that timers and streams get theirs. */
const PACKETS_PER_TURN = 64;
/** How long changes are collected, in milliseconds. */
const CHANGES_DELAY = 10;
/** How long the others are told that this member leaves, in milliseconds. */
const LEAVE_TIMEOUT = 5000;
/** How often addresses of members that are gone are forgotten, in milliseconds. */
const FORGET_INTERVAL = 10_000;
const NAME_BYTES = 6;

/** How a member behaves, where it is not the default. */
export interface SwarmGossipSettings extends SwarmMemberParameters {
  readonly bounds?: Partial<GossipBounds>;
}

/** A member of a swarm's gossip in this thread. */
export class LocalGossip implements SwarmGossip {
  readonly name: string;
  readonly #member: SwarmMember;
  readonly #sockets: GossipSockets;
  readonly #listener: SwarmGossipListener;
  readonly #counters: RunningCounters;
  readonly #keys: MemberKeys;
  readonly #known: KnownAddresses;
  readonly #inbox: PacketInbox;
  readonly #troubles: Troubles;
  readonly #seeds: Seeds;
  readonly #own: OwnEntries;
  readonly #packetReach: PacketReach;
  readonly #streamReach: StreamReach;
  /** Streams that ask for tables. */
  readonly #questions = new Set<number>();
  readonly #changes = new ChangeBatch();
  #changesTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Infinity;
  #turn: NodeJS.Immediate | undefined;
  #forgetAt = 0;
  #leaving: { readonly deadline: number; readonly done: () => void } | undefined;
  #closing: Promise<void> | undefined;
  #isClosed = false;

  private constructor(
    name: string,
    sockets: GossipSockets,
    shared: { counters: RunningCounters; keys: MemberKeys; known: KnownAddresses; bounds: GossipBounds },
    listener: SwarmGossipListener,
    settings: SwarmGossipSettings,
  ) {
    this.name = name;
    this.#sockets = sockets;
    this.#listener = listener;
    this.#counters = shared.counters;
    this.#keys = shared.keys;
    this.#known = shared.known;
    this.#inbox = new PacketInbox(shared.bounds, shared.known);
    this.#troubles = new Troubles((text) => listener.trouble(plain(text)));
    this.#seeds = new Seeds(sockets.endpoint, this.#troubles);
    this.#member = new SwarmMember(
      { name, endpoint: sockets.endpoint },
      {
        random: Math.random,
        output: {
          sendPacket: (to, parts, crc) => this.#send(to, parts, crc),
          openStream: (id, to, message, deadline) => this.#openStream(id, to, message, deadline - this.#now),
          memberEvent: (event) => this.#memberEvent(event),
          tableChanged: (change) => this.#changed(change),
        },
      },
      {
        member: { ...MEMBER_LIMITS.member, ...settings.member },
        networkDb: { ...MEMBER_LIMITS.networkDb, ...settings.networkDb },
      },
    );
    this.#packetReach = new PacketReach(this.#member.member, this.#troubles);
    this.#streamReach = new StreamReach(this.#member, this.#troubles, {
      open: (id, to, message, timeout) => sockets.openStream(id, to, message, timeout),
    });
    this.#own = new OwnEntries(this.#member.networkDb, (cause, text) => this.#troubles.begin(cause, text));
  }

  /** Opens the sockets and joins the seeds. See {@link openGossip}. */
  static async open(
    options: SwarmGossipOptions,
    listener: SwarmGossipListener,
    settings: SwarmGossipSettings = {},
  ): Promise<LocalGossip> {
    const name = options.name ?? randomBytes(NAME_BYTES).toString('hex');
    checkMemberOptions(name, options.endpoint);
    const shared = {
      bounds: { ...DEFAULT_GOSSIP_BOUNDS, ...settings.bounds },
      known: new KnownAddresses(),
      keys: new MemberKeys(),
      counters: new RunningCounters(),
    };
    shared.keys.set(options.keys, performance.now());
    // Nothing arrives before the next turn of the event loop, when there is a member.
    let member: LocalGossip | undefined;
    const tell = <T>(call: (gossip: LocalGossip) => T): T | undefined =>
      member === undefined ? undefined : call(member);
    try {
      const sockets = await GossipSockets.open(options.endpoint, shared, {
        packetArrived: (packet) => tell((gossip) => gossip.#packetArrived(packet)),
        messageArrived: (message, address) => tell((gossip) => gossip.#messageArrived(message, address)),
        streamUnreadable: (address, fault) => tell((gossip) => gossip.#unreadable(address, fault)),
        streamAnswered: (id, to, answer) => tell((gossip) => gossip.#streamAnswered(id, to, answer)),
        streamFailed: (id, to, failure, detail) => tell((gossip) => gossip.#streamFailed(id, to, failure, detail)),
        socketFailed: (error) => tell((gossip) => gossip.#fail(error)),
      });
      member = new LocalGossip(name, sockets, shared, listener, settings);
    } catch (error) {
      shared.keys.wipe();
      throw error;
    }
    member.#start(options.seeds ?? []);
    return member;
  }

  get endpoint(): GossipEndpoint {
    return this.#sockets.endpoint;
  }

  setKeys(keys: KeyRing | undefined): void {
    if (this.#isClosed) return;
    this.#keys.set(keys, this.#now);
  }

  setSeeds(seeds: readonly GossipEndpoint[]): void {
    this.#do((now) => {
      if (this.#seeds.set(seeds)) this.#join(now);
    });
  }

  joinNetwork(id: string): void {
    this.#do((now) => this.#own.join(id, now));
  }

  leaveNetwork(id: string): void {
    this.#do((now) => this.#own.leave(id, now));
  }

  setEntry(networkId: string, tableName: string, key: string, value: Uint8Array): void {
    this.#do((now) => this.#own.set(networkId, tableName, key, value, now));
  }

  removeEntry(networkId: string, tableName: string, key: string): void {
    this.#do((now) => this.#own.remove(networkId, tableName, key, now));
  }

  report(): Promise<GossipReport> {
    if (this.#isClosed) return Promise.reject(new GossipError('CLOSED', 'the member of the gossip has been closed'));
    return Promise.resolve(reportOf(this.#member, this.#streamReach, this.#keys, this.#counters, this.#now));
  }

  close(tell = true): Promise<void> {
    this.#closing ??= this.#close(tell);
    return this.#closing;
  }

  get #now(): number {
    return performance.now();
  }

  #start(seeds: readonly GossipEndpoint[]): void {
    this.#do((now) => {
      this.#member.start(now);
      if (this.#seeds.set(seeds)) this.#join(now);
    });
  }

  /** Makes a change, and does what is due because of it. */
  #do(change: (now: number) => void): void {
    if (this.#isClosed) return;
    change(this.#now);
    this.#schedule();
  }

  // Time.

  #schedule(): void {
    if (this.#isClosed) return;
    const due = Math.min(
      this.#member.nextDeadline,
      this.#seeds.retryAt,
      this.#streamReach.nextDeadline,
      this.#leaving?.deadline ?? Infinity,
    );
    // An earlier timer is left alone: it schedules the next one.
    if (due >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = due;
    this.#timer = setTimeout(() => this.#advance(), Math.max(0, due - this.#now));
  }

  #advance(): void {
    const now = this.#now;
    this.#timerAt = Infinity;
    this.#member.advance(now);
    if (now >= this.#seeds.retryAt) this.#joinAgain(now);
    if (now >= this.#forgetAt) this.#rememberAddresses();
    this.#streamReach.advance(now);
    this.#packetReach.check();
    this.#checkLeft(now);
    this.#schedule();
  }

  #joinAgain(now: number): void {
    if (this.#knowsSeed() || this.#closing !== undefined) this.#seeds.notNeeded(now);
    else this.#join(now);
  }

  #join(now: number): void {
    this.#rememberAddresses();
    this.#seeds.tried(now);
    this.#member.networkDb.join(this.#seeds.endpoints, now);
  }

  #knowsOthers(): boolean {
    const { self } = this.#member.member;
    return this.#member.member.peers().some((peer) => peer !== self && !peer.isGone);
  }

  /** Whether a seed is a member: the only one may have restarted, and know nobody. Without seeds, none is missing. */
  #knowsSeed(): boolean {
    const seeds = this.#seeds.endpoints;
    if (seeds.length === 0) return true;
    const peers = this.#member.member.peers().filter((peer) => !peer.isGone);
    return seeds.some((seed) => peers.some(({ endpoint }) => sameEndpoint(endpoint, seed)));
  }

  #rememberAddresses(): void {
    this.#forgetAt = this.#now + FORGET_INTERVAL;
    this.#known.replace([...this.#member.member.peers().map(({ endpoint }) => endpoint), ...this.#seeds.endpoints]);
  }

  // Packets.

  #send(to: GossipEndpoint, parts: readonly PacketPart[], crc: boolean): void {
    this.#sockets.send(to, encodeParts(parts, crc, this.#keys.ring));
  }

  #packetArrived(packet: ArrivedPacket): void {
    if (this.#isClosed) return;
    this.#counters.packetsReceived += 1;
    this.#counters.bytesReceived += packet.bytes.length;
    if (!this.#inbox.offer(packet, this.#now)) this.#counters.drop('rate');
    else this.#turn ??= setImmediate(() => this.#takePackets());
  }

  #takePackets(): void {
    this.#turn = undefined;
    if (this.#isClosed) return;
    const now = this.#now;
    for (const packet of this.#inbox.take(PACKETS_PER_TURN)) this.#takePacket(packet, now);
    if (this.#inbox.length > 0) this.#turn = setImmediate(() => this.#takePackets());
    this.#schedule();
  }

  #takePacket({ bytes, address, port }: ArrivedPacket, now: number): void {
    const { ring } = this.#keys;
    const decoded = decodeParts(bytes, ring);
    if (isFault(decoded)) {
      this.#counters.drop(decoded);
      this.#unreadable(address, decoded);
      return;
    }
    this.#keys.countReceived(ring?.openedBy);
    if (this.#troubles.size > 0) this.#troubles.end(`keys ${address}`);
    if (this.#streamReach.listens) this.#streamReach.heardPacket(address, port);
    if (decoded.invalid > 0) this.#counters.drop('invalid-message', decoded.invalid);
    this.#member.receive(decoded.parts, { addr: parseIp(address), port }, now);
  }

  /** A packet or stream that can't be decrypted is worth a word if it is from where members are. */
  #unreadable(address: string, fault: GossipFault): void {
    if (!this.#known.has(address) || (fault !== 'no-key-fits' && fault !== 'not-encrypted')) return;
    this.#troubles.begin(
      `keys ${address}`,
      `What ${address} sends ${gossipFaultText(fault)}: this node's gossip keys are not its keys, or it is in another swarm.`,
    );
  }

  // Streams.

  #openStream(id: number, to: GossipEndpoint, message: StreamMessage, timeout: number): void {
    const isQuestion =
      message.type === MessageType.User && message.data.type === GossipType.BulkSync && message.data.unsolicited;
    if (isQuestion) this.#questions.add(id);
    this.#sockets.openStream(id, to, message, timeout);
  }

  #messageArrived(message: StreamMessage, address: string): StreamMessage | undefined {
    if (this.#isClosed) return undefined;
    if (this.#streamReach.listens) this.#streamReach.heardStream(address);
    const answer = this.#member.receiveStream(message, this.#now);
    this.#schedule();
    return answer;
  }

  #streamAnswered(id: number, to: GossipEndpoint, answer: StreamMessage | undefined): void {
    this.#do((now) => {
      this.#seeds.succeeded(to);
      this.#streamReach.succeeded(id, to);
      if (this.#questions.delete(id)) this.#streamReach.asked(to, now);
      this.#member.streamAnswered(id, answer, now);
    });
  }

  #streamFailed(id: number, to: GossipEndpoint, failure: StreamFailure, detail: string): void {
    this.#do((now) => {
      if (!this.#streamReach.concerns(to, failure)) this.#seeds.failed(to, failure, detail);
      this.#questions.delete(id);
      this.#streamReach.failed(id, to, failure, now);
      this.#member.streamFailed(id, now);
    });
  }

  // What the member says.

  #memberEvent(event: MemberEvent): void {
    if (event.kind === 'joined') this.#known.add(event.peer.endpoint);
    else if (event.kind === 'conflict' && event.peer === this.#member.member.self) this.#reportConflict(event.endpoint);
  }

  #reportConflict(endpoint: GossipEndpoint): void {
    this.#troubles.begin('name', `Another member at ${endpointText(endpoint)} has this node's name, ${this.name}.`);
  }

  #changed(change: TableChange): void {
    this.#changes.add(change);
    this.#changesTimer ??= setTimeout(() => this.#reportChanges(), CHANGES_DELAY);
  }

  #reportChanges(): void {
    this.#changesTimer = undefined;
    if (this.#isClosed || this.#changes.size === 0) return;
    this.#listener.changed(this.#changes.take(Infinity));
  }

  // The end.

  async #close(tell: boolean): Promise<void> {
    if (tell && !this.#isClosed && this.#knowsOthers()) await this.#leave();
    await this.#release();
  }

  async #leave(): Promise<void> {
    const now = this.#now;
    const left = new Promise<void>((done) => {
      this.#leaving = { deadline: now + LEAVE_TIMEOUT, done };
    });
    this.#member.leave(now);
    this.#schedule();
    await left;
  }

  #checkLeft(now: number): void {
    if (this.#leaving === undefined || (now < this.#leaving.deadline && !this.#member.member.hasLeft)) return;
    this.#leaving.done();
    this.#leaving = undefined;
  }

  #fail(error: Error): void {
    if (this.#isClosed) return;
    const isExpected = this.#closing !== undefined;
    this.#leaving?.done();
    this.#closing ??= this.#release();
    if (!isExpected) this.#listener.ended(error);
  }

  async #release(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#changesTimer);
    clearImmediate(this.#turn);
    this.#changes.clear();
    this.#keys.wipe();
    await this.#sockets.close();
  }
}
