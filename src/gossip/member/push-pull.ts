import { MessageType, NodeState, type PushNodeState } from '../wire/messages.js';
import { type MemberContext } from './context.js';
import { type GossipEndpoint, sameEndpoint } from './endpoint.js';
import { type StateExchange } from './packet.js';
import { pushPullInterval } from './parameters.js';
import { type Peer } from './peer.js';
import { type States } from './states.js';
import { type StreamDone, type Streams } from './streams.js';

/** Exchanges the whole state with other members: on joining, and now and then. */
export class PushPull {
  /** When {@link advance} is due. */
  nextDeadline = Infinity;
  readonly #context: MemberContext;
  readonly #states: States;
  readonly #streams: Streams;
  readonly #picked: Peer[] = [];
  readonly #isOtherAlive: (peer: Peer) => boolean;

  constructor(context: MemberContext, states: States, streams: Streams) {
    this.#context = context;
    this.#states = states;
    this.#streams = streams;
    this.#isOtherAlive = (peer) => peer !== context.self && peer.state === NodeState.Alive;
  }

  start(now: number): void {
    const { parameters, random } = this.#context;
    this.nextDeadline = now + parameters.pushPullInterval * (0.001 + random());
  }

  /** Does what is due. */
  advance(now: number): void {
    if (now < this.nextDeadline) return;
    const { parameters, peers } = this.#context;
    this.nextDeadline = now + pushPullInterval(parameters.pushPullInterval, peers.size);
    this.#picked.length = 0;
    peers.pick(1, this.#isOtherAlive, this.#picked);
    const peer = this.#picked.at(0);
    if (peer !== undefined && !this.#states.leaving) this.exchange(peer.endpoint, false, now, undefined);
  }

  /** Exchanges the state with a member, and joins its cluster if it is another one. */
  exchange(to: GossipEndpoint, join: boolean, now: number, done: StreamDone | undefined): void {
    const deadline = now + this.#context.parameters.streamTimeout;
    this.#streams.open(to, join ? 'join' : 'push-pull', this.#state(join), deadline, done);
  }

  /** Takes the state of a member that asks for an exchange. Returns the answer. */
  answer(message: StateExchange, now: number): StateExchange {
    // As memberlist does: the state before the merge.
    const answer = this.#state(message.join);
    this.#merge(message, now);
    return answer;
  }

  /** Takes the answer of a member that was asked for an exchange. */
  receiveAnswer(answer: StateExchange, now: number): void {
    this.#context.counts.pushPulls += 1;
    this.#merge(answer, now);
  }

  #state(join: boolean): StateExchange {
    const { peers, user } = this.#context;
    const nodes: PushNodeState[] = [];
    for (const peer of peers.values()) nodes.push(peer.record);
    return { type: MessageType.PushPull, join, nodes, userState: user.state(join) };
  }

  #merge({ nodes, userState, join }: StateExchange, now: number): void {
    const { self, parameters, user } = this.#context;
    const isNamed = parameters.attributeHearsay && userState !== undefined && userState.nodeName !== '';
    const from = isNamed ? userState.nodeName : self.name;
    for (const node of nodes) this.#mergeNode(node, from, now);
    if (userState !== undefined) user.merge(userState, join, now);
  }

  #mergeNode(node: PushNodeState, from: string, now: number): void {
    const { self, peers, parameters } = this.#context;
    const { name, incarnation, state } = node;
    if (state === NodeState.Alive) {
      const peer = peers.get(name);
      // Nearly always nothing new: don't make a message of it.
      const isKnown = peer !== undefined && peer !== self && peer.state === NodeState.Alive;
      if (isKnown && incarnation <= peer.incarnation && sameEndpoint(peer.endpoint, node)) return;
      const { addr, port, meta, vsn } = node;
      this.#states.receiveAlive({ type: MessageType.Alive, incarnation, node: name, addr, port, meta, vsn }, now);
    } else if (state === NodeState.Left) {
      this.#states.receiveDead({ type: MessageType.Dead, incarnation, node: name, from: name }, now);
    } else {
      // Rather suspected than declared dead on hearsay, so that it can contradict.
      const peer = peers.get(name);
      const isKnown = peer?.suspicion !== undefined && incarnation <= peer.incarnation;
      if (isKnown && parameters.attributeHearsay) return;
      this.#states.receiveSuspect({ type: MessageType.Suspect, incarnation, node: name, from }, now);
    }
  }
}
