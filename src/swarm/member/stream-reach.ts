/**
 * Finds members that are alive over UDP while TCP doesn't pass: a firewall. Gossip seems to work then, but tables are
 * never exchanged as a whole, so some entries are missing for good.
 *
 * The other way is checked by bulk syncs: the answer to one comes in a stream that the other node opens.
 */
import { type GossipEndpoint, MessageType, NodeState, type Peer, sameEndpoint } from '../../gossip/index.js';
import type { StreamMessage, SwarmMember } from '../../gossip/index.js';
import { formatAddress } from '../../overlay/internal.js';
import { AbsentTroubles } from './absent-troubles.js';
import { endpointText } from './address-text.js';
import type { StreamFailure } from './opened-streams.js';
import type { Troubles } from './troubles.js';

/** Members watched in each direction. */
const MAX_WATCHED = 32;
/** Failed checks after a failed stream, until a member is reported: a restarting one is back by then. */
const CHECKS = 2;
/** Milliseconds that a check may take; a lost SYN is repeated after one second. */
const CHECK_TIMEOUT = 3500;
/** Milliseconds between checks, first and later. */
const FIRST_CHECKS = 1000;
const LATER_CHECKS = 5000;
/** Milliseconds between pings over TCP to one member after another: gossip picks members at random, some rarely. */
const ROUND = 5000;
/** A member from which no packet came is alive after this time, if nobody suspects it: in milliseconds. */
const UNSUSPECTED = 15_000;
/** How long the answer to a bulk sync may take, in milliseconds: memberlist gives up connecting after 10 s. */
const SYNC_TIMEOUT = 12_000;
const UNANSWERED_SYNCS = 2;

const BLOCKED: Readonly<Partial<Record<StreamFailure, string>>> = {
  refused: 'answers over UDP but refuses TCP connections: a firewall may reject',
  timeout: 'answers over UDP but not over TCP: a firewall may drop',
  unreachable: 'answers over UDP, but TCP connections to it fail as unreachable: a firewall may reject',
};

/** A member that streams to failed. */
interface Doubt {
  readonly peer: Peer;
  readonly since: number;
  /** When to check; Infinity during a check. */
  checkAt: number;
  stream: number | undefined;
  failures: number;
  /** Whether a packet of it has arrived since the last failure. */
  heard: boolean;
  isReported: boolean;
}

/** A member that was asked for its tables. */
interface Asked {
  readonly peer: Peer;
  readonly since: number;
  /** When to give up, or to ask again; Infinity until the member has got the question. */
  deadline: number;
  unanswered: number;
  heard: boolean;
  isReported: boolean;
}

/** What the checks need. */
export interface StreamReachPort {
  /** Opens a stream, with an id below 0. @param timeout milliseconds */
  open(id: number, to: GossipEndpoint, message: StreamMessage, timeout: number): void;
}

/** Watches streams to and from members. */
export class StreamReach {
  readonly #swarm: SwarmMember;
  readonly #troubles: Troubles;
  readonly #port: StreamReachPort;
  readonly #doubts = new Map<string, Doubt>();
  readonly #asked = new Map<string, Asked>();
  /** Of members that went while streams to them, or from them, were reported as blocked. */
  readonly #absentTo: AbsentTroubles;
  readonly #absentFrom: AbsentTroubles;
  #lastId = 0;
  #roundAt = -Infinity;
  #roundIndex = 0;
  /** When {@link advance} is due. */
  nextDeadline = -Infinity;

  constructor(swarm: SwarmMember, troubles: Troubles, port: StreamReachPort) {
    this.#swarm = swarm;
    this.#troubles = troubles;
    this.#port = port;
    this.#absentTo = new AbsentTroubles(troubles);
    this.#absentFrom = new AbsentTroubles(troubles);
  }

  /** Whether packets are to be reported by {@link heardPacket}. */
  get listens(): boolean {
    return this.#doubts.size > 0 || this.#asked.size > 0;
  }

  /** Whether TCP to or from a member is known to fail. */
  isBlocked(name: string): boolean {
    return this.#doubts.get(name)?.isReported === true || this.#asked.get(name)?.isReported === true;
  }

  /** Whether a failure is that of TCP to a member, so that it is reported here if it lasts. */
  concerns(to: GossipEndpoint, failure: StreamFailure): boolean {
    return BLOCKED[failure] !== undefined && this.#peerAt(to) !== undefined;
  }

  /** A packet of a member arrived, and could be decoded. */
  heardPacket(address: string, port: number): void {
    for (const watched of [this.#doubts, this.#asked]) {
      for (const one of watched.values()) {
        const { endpoint } = one.peer;
        if (endpoint.port === port && formatAddress(endpoint.addr) === address) one.heard = true;
      }
    }
  }

  /** A stream that a member opened arrived, and could be decoded. Its port says nothing. */
  heardStream(address: string): void {
    for (const [name, { peer }] of this.#asked) {
      if (formatAddress(peer.endpoint.addr) !== address) continue;
      this.#asked.delete(name);
      this.#troubles.end(`tcp from ${endpointText(peer.endpoint)}`, arriveText(peer));
    }
    for (const absent of this.#absentFrom.peers) {
      const peer = this.#swarm.member.peer(absent.name) ?? absent;
      if (formatAddress(peer.endpoint.addr) === address) this.#absentFrom.end(peer.name, arriveText(peer));
    }
  }

  /** A stream to a member was answered, or got there. */
  succeeded(id: number, to: GossipEndpoint): void {
    for (const [name, doubt] of this.#doubts) {
      if (doubt.stream !== id && !sameEndpoint(doubt.peer.endpoint, to)) continue;
      this.#doubts.delete(name);
      this.#troubles.end(`tcp to ${endpointText(doubt.peer.endpoint)}`, answersText(doubt.peer));
    }
    for (const absent of this.#absentTo.peers) {
      const peer = this.#swarm.member.peer(absent.name) ?? absent;
      if (sameEndpoint(peer.endpoint, to)) this.#absentTo.end(peer.name, answersText(peer));
    }
  }

  /** A stream to a member failed. */
  failed(id: number, to: GossipEndpoint, failure: StreamFailure, now: number): void {
    if (failure === 'no-answer' || failure === 'unreadable') {
      // The connection was made, so no firewall blocks it.
      this.succeeded(id, to);
      return;
    }
    const doubt = [...this.#doubts.values()].find(({ stream }) => stream === id);
    if (doubt !== undefined) this.#checkFailed(doubt, failure, now);
    else if (BLOCKED[failure] !== undefined) this.#doubt(to, now);
    this.#schedule();
  }

  /** A member has got a request for its tables. */
  asked(to: GossipEndpoint, now: number): void {
    const peer = this.#peerAt(to);
    if (peer === undefined) return;
    const { name } = peer;
    let asked = this.#asked.get(name);
    if (asked?.peer !== peer) {
      if (this.#asked.size >= MAX_WATCHED) return;
      asked = { peer, since: now, deadline: Infinity, unanswered: 0, heard: false, isReported: false };
      this.#asked.set(name, asked);
    }
    // An earlier question isn't forgotten because of a later one.
    asked.deadline = Math.min(asked.deadline, now + SYNC_TIMEOUT);
    this.#schedule();
  }

  /** Does what is due. */
  advance(now: number): void {
    if (now < this.nextDeadline) return;
    if (now >= this.#roundAt) this.#pingNext(now);
    for (const [name, doubt] of this.#doubts) {
      if (this.#isGone(doubt.peer)) {
        this.#doubts.delete(name);
        if (doubt.isReported) this.#absentTo.add(doubt.peer, `tcp to ${endpointText(doubt.peer.endpoint)}`);
      } else if (now >= doubt.checkAt) this.#check(doubt);
    }
    for (const [name, asked] of this.#asked) {
      if (this.#isGone(asked.peer)) {
        this.#asked.delete(name);
        if (asked.isReported) this.#absentFrom.add(asked.peer, `tcp from ${endpointText(asked.peer.endpoint)}`);
      } else if (now >= asked.deadline) this.#unanswered(asked, now);
    }
    this.#schedule();
  }

  #schedule(): void {
    let next = this.#roundAt;
    for (const { checkAt } of this.#doubts.values()) next = Math.min(next, checkAt);
    for (const { deadline } of this.#asked.values()) next = Math.min(next, deadline);
    this.nextDeadline = next;
  }

  #doubt(to: GossipEndpoint, now: number): void {
    const peer = this.#peerAt(to);
    if (peer === undefined || this.#doubts.has(peer.name) || this.#doubts.size >= MAX_WATCHED) return;
    this.#doubts.set(peer.name, {
      peer,
      since: now,
      checkAt: now + FIRST_CHECKS,
      stream: undefined,
      failures: 0,
      heard: false,
      isReported: false,
    });
  }

  #check(doubt: Doubt): void {
    doubt.checkAt = Infinity;
    doubt.stream = this.#ping(doubt.peer);
  }

  /** Pings the next member that is alive: a failure begins a doubt. */
  #pingNext(now: number): void {
    const { member } = this.#swarm;
    this.#roundAt = now + ROUND;
    const peers = member.peers();
    for (let tries = 0; tries < peers.length; tries += 1) {
      this.#roundIndex = (this.#roundIndex + 1) % peers.length;
      const peer = peers[this.#roundIndex];
      if (peer === member.self || peer.state !== NodeState.Alive || this.#doubts.has(peer.name)) continue;
      this.#ping(peer);
      return;
    }
  }

  /** Opens a stream with a ping. Returns its id. */
  #ping(peer: Peer): number {
    this.#lastId -= 1;
    const id = this.#lastId;
    const { name, endpoint } = this.#swarm.member.self;
    const source = { sourceAddr: endpoint.addr, sourcePort: endpoint.port, sourceNode: name };
    const ping = { type: MessageType.Ping, seqNo: 0, node: peer.name, ...source };
    this.#port.open(id, peer.endpoint, ping, CHECK_TIMEOUT);
    return id;
  }

  #checkFailed(doubt: Doubt, failure: StreamFailure, now: number): void {
    const { peer } = doubt;
    doubt.stream = undefined;
    doubt.checkAt = now + (doubt.failures < CHECKS ? FIRST_CHECKS : LATER_CHECKS);
    const what = BLOCKED[failure];
    // Without a packet, the member may just have ended.
    if (what === undefined || !isAlive(doubt, now)) return;
    doubt.heard = false;
    doubt.failures += 1;
    if (doubt.failures < CHECKS || doubt.isReported) return;
    doubt.isReported = true;
    const place = endpointText(peer.endpoint);
    this.#absentTo.resume(peer.name, `tcp to ${place}`);
    this.#troubles.begin(
      `tcp to ${place}`,
      `${peer.name} at ${place} ${what} TCP port ${peer.endpoint.port} on the way there; open it in both directions.`,
    );
  }

  #unanswered(asked: Asked, now: number): void {
    const { peer } = asked;
    asked.deadline = Infinity;
    if (isAlive(asked, now)) asked.unanswered += 1;
    asked.heard = false;
    if (asked.unanswered >= UNANSWERED_SYNCS && !asked.isReported) {
      asked.isReported = true;
      const place = endpointText(peer.endpoint);
      const { port } = this.#swarm.member.self.endpoint;
      this.#absentFrom.resume(peer.name, `tcp from ${place}`);
      this.#troubles.begin(
        `tcp from ${place}`,
        `${peer.name} at ${place} is reached over TCP but doesn't reach this node over TCP: a firewall may drop TCP port ${port} on the way here; open it in both directions.`,
      );
    }
    if (!this.#swarm.networkDb.syncWith(peer.name, now) && !asked.isReported) this.#asked.delete(peer.name);
  }

  #peerAt(endpoint: GossipEndpoint): Peer | undefined {
    const { member } = this.#swarm;
    return member.peers().find((peer) => peer !== member.self && !peer.isGone && sameEndpoint(peer.endpoint, endpoint));
  }

  #isGone(peer: Peer): boolean {
    return peer.isGone || this.#swarm.member.peer(peer.name) !== peer;
  }
}

function answersText({ name, endpoint }: Peer): string {
  return `${name} at ${endpointText(endpoint)} answers over TCP again.`;
}

function arriveText({ name, endpoint }: Peer): string {
  return `TCP connections from ${name} at ${endpointText(endpoint)} arrive again.`;
}

function isAlive({ peer, since, heard }: Doubt | Asked, now: number): boolean {
  if (peer.state !== NodeState.Alive) return false;
  return heard || (now - since > UNSUSPECTED && peer.stateChange < since);
}
