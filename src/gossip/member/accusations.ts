import { type Dead, MessageType, NodeState, type Suspect } from '../wire/messages.js';
import { type MemberContext } from './context.js';
import { type Dissemination } from './dissemination.js';
import { type Peer } from './peer.js';

/**
 * Accusations that this member passes on so that they reach their subject, which can then contradict: see
 * `forwardAccusations`.
 */
export class Accusations {
  readonly #context: MemberContext;
  readonly #dissemination: Dissemination;
  /** Accusations passed on about members that this one doesn't know, with their incarnations. */
  readonly #forwarded = new Map<string, number>();

  constructor(context: MemberContext, dissemination: Dissemination) {
    this.#context = context;
    this.#dissemination = dissemination;
  }

  /** A member that announces itself with an old incarnation hasn't heard of the accusation: repeat it. */
  answerStaleAlive(peer: Peer, incarnation: number, now: number): void {
    const { self, parameters, counts } = this.#context;
    if (!parameters.forwardAccusations || peer.state === NodeState.Alive || peer.state === NodeState.Left) return;
    if (incarnation >= peer.incarnation && peer.state === NodeState.Suspect) return;
    if (now - peer.accusedAt < parameters.probeInterval || this.#dissemination.has(peer.name)) return;
    peer.accusedAt = now;
    counts.forwardedAccusations += 1;
    const type = peer.state === NodeState.Dead ? MessageType.Dead : MessageType.Suspect;
    this.#dissemination.queue({ type, incarnation: peer.incarnation, node: peer.name, from: self.name });
  }

  /** Passes on an accusation of a member that this one doesn't know, once per incarnation. */
  forward(accusation: Suspect | Dead): void {
    const { parameters, counts } = this.#context;
    const { node, incarnation } = accusation;
    if (!parameters.forwardAccusations || incarnation <= (this.#forwarded.get(node) ?? 0)) return;
    if (this.#forwarded.size >= parameters.maxRelays) {
      for (const oldest of this.#forwarded.keys()) {
        this.#forwarded.delete(oldest);
        break;
      }
    }
    this.#forwarded.delete(node);
    this.#forwarded.set(node, incarnation);
    counts.forwardedAccusations += 1;
    this.#dissemination.queue(accusation);
  }
}
