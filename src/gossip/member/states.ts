import { type Alive, type Dead, MessageType, NodeState, type PushNodeState, type Suspect } from '../wire/messages.js';
import { Accusations } from './accusations.js';
import { type MemberContext } from './context.js';
import { type Dissemination } from './dissemination.js';
import { type GossipEndpoint, sameBytes } from './endpoint.js';
import { Peer } from './peer.js';
import { Suspicions } from './suspicions.js';

/** Higher incarnations are refused: their subject could not contradict for long. */
const MAX_INCARNATION = 0x7fff_ffff;

/** Which members are alive, suspected, dead or gone, as messages say; and that this one is alive. */
export class States {
  readonly #context: MemberContext;
  readonly #dissemination: Dissemination;
  readonly #accusations: Accusations;
  readonly #suspicions: Suspicions;
  #leaving = false;

  constructor(context: MemberContext, dissemination: Dissemination) {
    this.#context = context;
    this.#dissemination = dissemination;
    this.#accusations = new Accusations(context, dissemination);
    this.#suspicions = new Suspicions(context);
  }

  /** Whether this member has begun to leave. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** When {@link endSuspicions} is due. */
  get nextDeadline(): number {
    return this.#suspicions.nextDeadline;
  }

  /** Adds this member itself. */
  start(now: number): void {
    const { self, peers, user } = this.#context;
    peers.add(self);
    self.become(NodeState.Alive, now);
    this.#dissemination.queue(aliveOf(self));
    user.joined(self, now);
  }

  /** Adds members known from elsewhere, without gossip about them. */
  learn(members: Iterable<PushNodeState>, now: number): void {
    const { peers, user } = this.#context;
    for (const member of members) {
      if (member.state !== NodeState.Alive || peers.get(member.name) !== undefined) continue;
      const peer = this.#add(member.name, { addr: member.addr, port: member.port }, member.meta, member.vsn, now);
      if (peer === undefined) return;
      peer.incarnation = member.incarnation;
      peer.become(NodeState.Alive, now);
      user.joined(peer, now);
    }
  }

  /** Declares this member gone, by itself. */
  leave(now: number): void {
    if (this.#leaving) return;
    this.#leaving = true;
    const { name, incarnation } = this.#context.self;
    this.receiveDead({ type: MessageType.Dead, incarnation, node: name, from: name }, now);
  }

  receiveAlive(alive: Alive, now: number): void {
    const { self, counts, output, user } = this.#context;
    const { node, incarnation, vsn } = alive;
    const isSelf = node === self.name;
    if (isSelf && this.#leaving) return;
    if (!this.#isPossible(incarnation)) return;
    const [min = 0, max = 0] = vsn;
    if (vsn.length < 6 || min === 0 || max === 0 || min > max) {
      counts.badVersions += 1;
      return;
    }
    let peer = this.#context.peers.get(node);
    let moves = false;
    if (peer === undefined) {
      peer = this.#add(node, { addr: alive.addr, port: alive.port }, alive.meta, vsn, now);
      if (peer === undefined) return;
      peer.incarnation = 0;
    } else if (peer.endpoint.port !== alive.port || !sameBytes(peer.endpoint.addr, alive.addr)) {
      moves = this.#canMove(peer, now);
      if (!moves) {
        counts.conflicts += 1;
        output.memberEvent({ kind: 'conflict', peer, endpoint: { addr: alive.addr, port: alive.port } });
        return;
      }
    }
    if (isSelf) {
      const isKnown = incarnation === peer.incarnation && sameBytes(alive.meta, peer.meta) && sameBytes(vsn, peer.vsn);
      if (incarnation >= peer.incarnation && !isKnown) this.#refute(incarnation);
      return;
    }
    if (incarnation <= peer.incarnation && !moves) {
      this.#accusations.answerStaleAlive(peer, incarnation, now);
      return;
    }
    peer.suspicion = undefined;
    const wasGone = peer.isGone;
    const hasChanged = !sameBytes(alive.meta, peer.meta);
    this.#dissemination.queue(alive);
    const endpoint = moves ? { addr: alive.addr, port: alive.port } : peer.endpoint;
    if (hasChanged || moves || !sameBytes(vsn, peer.vsn)) peer.describe(endpoint, alive.meta, vsn);
    peer.incarnation = incarnation;
    if (peer.state !== NodeState.Alive) peer.become(NodeState.Alive, now);
    if (wasGone) {
      user.joined(peer, now);
      output.memberEvent({ kind: 'joined', peer });
    } else if (hasChanged) {
      output.memberEvent({ kind: 'updated', peer });
    }
  }

  receiveSuspect(suspect: Suspect, now: number): void {
    const { self, peers, parameters } = this.#context;
    const { node, incarnation } = suspect;
    if (!this.#isPossible(incarnation)) return;
    const peer = peers.get(node);
    if (peer === undefined) {
      this.#accusations.forward(suspect);
      return;
    }
    if (incarnation < peer.incarnation) return;
    if (peer.suspicion !== undefined) {
      if (parameters.monotonicIncarnations && incarnation > peer.incarnation) peer.incarnation = incarnation;
      if (this.#suspicions.confirm(peer.suspicion, suspect.from)) this.#dissemination.queue(suspect);
      return;
    }
    if (peer.state !== NodeState.Alive) {
      if (parameters.monotonicIncarnations && peer.isGone && incarnation > peer.incarnation) {
        peer.incarnation = incarnation;
      }
      return;
    }
    if (peer === self) {
      this.#refute(incarnation);
      return;
    }
    this.#dissemination.queue(suspect);
    peer.incarnation = incarnation;
    peer.become(NodeState.Suspect, now);
    this.#suspicions.begin(peer, suspect.from, now);
  }

  receiveDead(dead: Dead, now: number): void {
    const { self, peers, parameters, user, output } = this.#context;
    const { node, incarnation } = dead;
    if (!this.#isPossible(incarnation)) return;
    const peer = peers.get(node);
    if (peer === undefined) {
      if (dead.from !== node) this.#accusations.forward(dead);
      return;
    }
    if (incarnation < peer.incarnation) return;
    peer.suspicion = undefined;
    if (peer.isGone) {
      if (parameters.monotonicIncarnations && incarnation > peer.incarnation) peer.incarnation = incarnation;
      return;
    }
    if (peer === self && !this.#leaving) {
      this.#refute(incarnation);
      return;
    }
    this.#dissemination.queue(dead);
    peer.incarnation = incarnation;
    const left = dead.from === node;
    peer.become(left ? NodeState.Left : NodeState.Dead, now);
    user.gone(peer, now);
    output.memberEvent(left ? { kind: 'left', peer } : { kind: 'failed', peer, from: dead.from });
  }

  /** Declares the suspects dead whose time is over. */
  endSuspicions(now: number): void {
    const { name: from } = this.#context.self;
    this.#suspicions.expire(now, ({ incarnation, name }) => {
      this.receiveDead({ type: MessageType.Dead, incarnation, node: name, from }, now);
    });
  }

  #refute(accused: number): void {
    const { self, awareness, counts } = this.#context;
    counts.refutations += 1;
    self.incarnation = Math.max(self.incarnation, accused) + 1;
    awareness.apply(1);
    this.#dissemination.queue(aliveOf(self));
  }

  /** Whether the name of a member may appear at another address. */
  #canMove(peer: Peer, now: number): boolean {
    const { deadNodeReclaimTime } = this.#context.parameters;
    const reclaims = deadNodeReclaimTime > 0 && now - peer.stateChange > deadNodeReclaimTime;
    return peer.state === NodeState.Left || (peer.state === NodeState.Dead && reclaims);
  }

  #isPossible(incarnation: number): boolean {
    if (incarnation <= MAX_INCARNATION) return true;
    this.#context.counts.impossibleIncarnations += 1;
    return false;
  }

  #add(
    name: string,
    endpoint: GossipEndpoint,
    meta: Uint8Array | undefined,
    vsn: Uint8Array,
    now: number,
  ): Peer | undefined {
    const { peers, parameters, counts } = this.#context;
    if (peers.size >= parameters.maxMembers) {
      counts.refusedMembers += 1;
      return undefined;
    }
    const peer = new Peer(name, endpoint, meta, vsn, 0);
    peer.stateChange = now;
    peers.add(peer);
    return peer;
  }
}

function aliveOf({ incarnation, name, endpoint, meta, vsn }: Peer): Alive {
  return { type: MessageType.Alive, incarnation, node: name, addr: endpoint.addr, port: endpoint.port, meta, vsn };
}
