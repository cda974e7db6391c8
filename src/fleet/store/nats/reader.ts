/** Reads a stream's messages in order, a bounded batch at a time. */
import type { Consumer, JetStreamClient, JetStreamManager, JsMsg } from '@nats-io/jetstream';
import { StoreError } from '../../error.js';
import { storeFailure } from './failure.js';
import { type NatsLink } from './link.js';
import { type NatsPackages } from './packages.js';

/** Messages that the server sends before it is asked again: what waits here for a slow reader of a watch. */
export const BATCH = 256;
/** The same for a snapshot, which keeps all of them anyway. */
export const SNAPSHOT_BATCH = 2048;
/** Milliseconds that the server holds a question for messages. */
const EXPIRES = 10_000;
/**
 * Milliseconds between signs of life while there are no messages, in a cluster. Its server that had the consumer may be
 * gone while the connection, which is to another, is up: after two that are missing, the caller makes another consumer.
 */
const HEARTBEAT = 2_000;
/** Milliseconds after the end of a question's time in which the server may still say that it is over. */
const OVERDUE = 100;
/** Milliseconds that the server keeps a consumer nobody asks for messages. */
const IDLE = 60_000;

/** A stream, and what its readers share. */
export interface NatsStream {
  readonly stream: string;
  readonly packages: NatsPackages;
  readonly jetstream: JetStreamClient;
  readonly manager: JetStreamManager;
  readonly link: NatsLink;
}

/** The stream of a store's bucket. */
export interface NatsBucket extends NatsStream {
  readonly name: string;
}

/** A consumer of a stream. It is gone with the connection or the server: then the caller makes another. */
export class NatsReader {
  readonly #stream: NatsStream;
  readonly #consumer: Consumer;
  #delivered = 0;
  /** Messages that were waiting when it began. */
  readonly waiting: number;

  private constructor(stream: NatsStream, consumer: Consumer, waiting: number) {
    this.#stream = stream;
    this.#consumer = consumer;
    this.waiting = waiting;
  }

  /**
   * @param subjects of the messages that it reads
   * @param revision of the last message before the first that it reads
   */
  static async open(stream: NatsStream, subjects: string, revision: number, headersOnly = false): Promise<NatsReader> {
    const { AckPolicy, DeliverPolicy } = stream.packages.jetstream;
    const info = await stream.link.ask('read', 'open a consumer', () =>
      stream.manager.consumers.add(stream.stream, {
        ack_policy: AckPolicy.None,
        deliver_policy: DeliverPolicy.StartSequence,
        opt_start_seq: revision + 1,
        filter_subject: subjects,
        inactive_threshold: stream.packages.transport.nanos(IDLE),
        mem_storage: true,
        num_replicas: 1,
        headers_only: headersOnly,
      }),
    );
    return new NatsReader(stream, stream.jetstream.consumers.getConsumerFromInfo(info), info.num_pending);
  }

  /** Messages that wait on the server now. */
  async pending(): Promise<number> {
    const info = await this.#stream.link.ask('read', 'ask for a consumer', () => this.#consumer.info());
    return info.num_pending;
  }

  /**
   * The next messages, as they come: at most so many, and those that come within a time. It ends early when the connection
   * changes or the signal is aborted.
   * @param expires milliseconds, at least 1000
   * @throws StoreError `UNAVAILABLE` if one is missing: the consumer isn't what it was
   */
  async *batch(most: number, signal?: AbortSignal, expires = EXPIRES): AsyncGenerator<JsMsg> {
    const { link } = this.#stream;
    const messages = await link.ask('read', 'fetch', () =>
      this.#consumer.fetch({
        max_messages: most,
        expires,
        idle_heartbeat: Math.min(link.isClustered ? HEARTBEAT : EXPIRES, expires / 2),
      }),
    );
    const stop = (): void => void messages.close().catch(() => undefined);
    const end = link.onChange(stop);
    // nats-server 2.9 doesn't answer a question whose time ends while a message comes: the client would wait until it
    // missed heartbeats, as long again. After the timer, what is already in the socket is read first.
    const overdue = setTimeout(() => setImmediate(stop), expires + OVERDUE);
    signal?.addEventListener('abort', stop, { once: true });
    if (signal?.aborted || !link.connected || link.closed) stop();
    try {
      for await (const message of messages) {
        if (message.info.deliverySequence !== ++this.#delivered) {
          throw new StoreError('UNAVAILABLE', 'a message was lost on its way');
        }
        yield message;
      }
    } catch (error) {
      // Such as that the consumer was deleted.
      throw storeFailure(error, 'read', 'fetch');
    } finally {
      clearTimeout(overdue);
      end();
      signal?.removeEventListener('abort', stop);
      stop();
    }
  }

  /** Removes the consumer from the server, which would do so by itself after a minute. */
  close(): void {
    if (this.#stream.link.connected && !this.#stream.link.closed) this.#consumer.delete().catch(() => undefined);
  }
}
