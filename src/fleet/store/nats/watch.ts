/** The changes of a bucket from a revision on, across lost connections. */
import { setTimeout } from 'node:timers/promises';
import type { JsMsg } from '@nats-io/jetstream';
import { isVtepError } from '../../../error.js';
import { StoreError } from '../../error.js';
import { isKey } from '../key.js';
import { type StoreChange } from '../store.js';
import { storeFailure } from './failure.js';
import { BATCH, type NatsBucket, NatsReader } from './reader.js';
import { COMPACTED_KEY, keyOf, subjectsOf } from './subject.js';

/** Milliseconds before another attempt, while the server is there but can't answer yet. */
const RETRY = 100;

/** The change that a message of a bucket is; undefined if it isn't about a key of the store. */
export function changeOf(bucket: string, message: JsMsg): Extract<StoreChange, { key: string }> | undefined {
  const key = keyOf(bucket, message.subject);
  if (!isKey(key)) return undefined;
  const revision = message.seq;
  const operation = message.headers?.get('KV-Operation');
  if (operation === 'DEL' || operation === 'PURGE') return { kind: 'delete', key, revision };
  // A copy, which slice() of a Buffer isn't: the message is part of a larger buffer of the socket.
  return { kind: 'put', key, value: new Uint8Array(message.data), revision };
}

/** How far deletions are forgotten; 0 if none are. */
export async function compactedRevision({ link, manager, stream, name }: NatsBucket): Promise<number> {
  const message = await link.ask('read', 'ask what is kept', () =>
    manager.streams.getMessage(stream, { last_by_subj: `$KV.${name}.${COMPACTED_KEY}` }),
  );
  const revision = message === null ? 0 : Number(message.string());
  return Number.isSafeInteger(revision) && revision > 0 ? revision : 0;
}

/** One watch. */
export class NatsWatch {
  readonly #bucket: NatsBucket;
  readonly #prefix: string;
  readonly #signal: AbortSignal | undefined;
  /** Of the last change reported. */
  #seen: number;
  /** Every change up to here was reported; that of other prefixes are not. */
  #complete: number;
  /** Compacted before the watch began, which doesn't matter to who knows nothing yet. */
  #unknown = -1;
  /** When the stream was made: another has the same name but not the same revisions. */
  #created: string | undefined;

  constructor(bucket: NatsBucket, prefix: string, revision: number, signal: AbortSignal | undefined) {
    this.#bucket = bucket;
    this.#prefix = prefix;
    this.#seen = this.#complete = revision;
    this.#signal = signal;
  }

  async *changes(): AsyncGenerator<StoreChange> {
    const { link } = this.#bucket;
    let lost = false;
    let losses = link.losses;
    while (!this.#ended()) {
      try {
        link.checkUsable();
        if (!lost && link.losses !== losses) yield { kind: 'lost' };
        lost ||= link.losses !== losses;
        losses = link.losses;
        await link.up(this.#signal);
        for await (const change of this.#connection()) {
          if (lost) yield { kind: 'resumed' };
          lost = false;
          if (change) yield change;
        }
      } catch (error) {
        if (this.#ended()) return;
        const failure = storeFailure(error, 'read', 'watch');
        if (failure.code !== 'UNAVAILABLE' || link.failed) throw failure;
        if (!lost) yield { kind: 'lost' };
        lost = true;
        losses = link.losses;
        await this.#pause();
      }
    }
  }

  #ended(): boolean {
    return this.#bucket.link.closed || this.#signal?.aborted === true;
  }

  /** The changes until the connection changes. Undefined, once, says that it can be read. */
  async *#connection(): AsyncGenerator<StoreChange | undefined> {
    const { link, name } = this.#bucket;
    const { losses } = link;
    const reader = await NatsReader.open(this.#bucket, subjectsOf(name, this.#prefix), this.#seen);
    try {
      await this.#checkKept(reader);
      yield undefined;
      while (link.isStill(losses) && !this.#ended()) {
        for await (const message of reader.batch(BATCH, this.#signal)) {
          if (message.seq <= this.#seen) continue;
          this.#seen = message.seq;
          const change = changeOf(name, message);
          if (change) yield change;
          if (this.#ended()) return;
        }
        if (!link.isStill(losses) || this.#ended()) return;
        await this.#checkKept(reader);
      }
    } finally {
      reader.close();
    }
  }

  /** The order of the questions matters: what is forgotten is recorded before it is removed. */
  async #checkKept(reader: NatsReader): Promise<void> {
    const { link, manager, stream } = this.#bucket;
    const { created, state } = await link.ask('read', 'ask for the stream', () => manager.streams.info(stream));
    this.#created ??= created;
    if (this.#created !== created || state.last_seq < this.#seen) {
      throw new StoreError(
        'RESET',
        `the store is at revision ${state.last_seq}, and ${this.#seen} was seen: it lost writes or was made anew`,
      );
    }
    const pending = await reader.pending();
    const compacted = await compactedRevision(this.#bucket);
    if (this.#unknown < 0) this.#unknown = this.#seen === 0 ? compacted : 0;
    if (compacted > this.#complete && compacted > this.#unknown) {
      throw new StoreError('COMPACTED', `deletions up to revision ${compacted} are no longer kept`);
    }
    this.#complete = pending === 0 ? Math.max(state.last_seq, this.#complete) : Math.max(this.#seen, this.#complete);
  }

  async #pause(): Promise<void> {
    try {
      await setTimeout(RETRY, undefined, this.#signal && { signal: this.#signal });
    } catch (error) {
      if (isVtepError(error)) throw error;
    }
  }
}
