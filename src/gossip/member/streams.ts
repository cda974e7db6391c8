import { type Ping } from '../wire/messages.js';
import { type MemberContext } from './context.js';
import { type GossipEndpoint } from './endpoint.js';
import { type StateExchange, type UserPart } from './packet.js';

/** Is called when a stream has ended. */
export type StreamDone = (succeeded: boolean, now: number) => void;

/** What a stream was opened for. */
export type StreamKind = 'join' | 'push-pull' | 'ping' | 'user';

interface OpenStream {
  readonly endpoint: GossipEndpoint;
  readonly kind: StreamKind;
  readonly done: StreamDone | undefined;
}

/** The streams that a member has opened and that have not ended, by id. */
export class Streams {
  readonly #context: MemberContext;
  readonly #streams = new Map<number, OpenStream>();
  #lastId = 0;

  constructor(context: MemberContext) {
    this.#context = context;
  }

  /** What a stream was opened for; undefined if it has ended. */
  kindOf(id: number): StreamKind | undefined {
    return this.#streams.get(id)?.kind;
  }

  /** Opens a stream and sends a message. Returns its id. */
  open(
    endpoint: GossipEndpoint,
    kind: StreamKind,
    message: StateExchange | Ping | UserPart,
    deadline: number,
    done: StreamDone | undefined,
  ): number {
    this.#lastId += 1;
    const id = this.#lastId;
    this.#streams.set(id, { endpoint, kind, done });
    this.#context.output.openStream(id, endpoint, message, deadline);
    return id;
  }

  /** Ends a stream, and reports it. */
  end(id: number, succeeded: boolean, now: number): void {
    const stream = this.#streams.get(id);
    if (stream === undefined) return;
    this.#streams.delete(id);
    const { kind, endpoint, done } = stream;
    if (!succeeded) this.#context.counts.failedStreams += 1;
    if (kind === 'join' || kind === 'push-pull') {
      const join = kind === 'join';
      this.#context.output.memberEvent({ kind: succeeded ? 'synchronized' : 'unreachable', endpoint, join });
    }
    done?.(succeeded, now);
  }

  /** Ends a stream whose answer doesn't matter any more. */
  forget(id: number): void {
    this.#streams.delete(id);
  }
}
