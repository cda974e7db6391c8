/** The outcomes of a run as they come, across lost connections. */
import type { JsMsg } from '@nats-io/jetstream';
import { isVtepError } from '../../../error.js';
import { StoreError } from '../../error.js';
import { NatsReader } from '../../store/nats/reader.js';
import { type JobOutcome } from '../job-queue.js';
import { MAX_RUN_JOBS, reasonOf } from '../limits.js';
import { isOver } from '../time.js';
import { decodeOutcome, type ReadOutcome } from './outcome-record.js';
import { readPieces } from './pieces.js';
import { untilUp } from './retry.js';
import { isGone } from './server-errors.js';
import { checkRunThere, jobsStream, jobSubject, type QueueContext, runStream, runSubject } from './streams.js';

/** Outcomes that wait here for a slow reader: at most 4 MiB of them. */
const BATCH = 64;

export class NatsOutcomes {
  readonly #context: QueueContext;
  readonly #run: string;
  readonly #count: number;
  readonly #signal: AbortSignal;
  readonly #reported = new Set<number>();
  /** Number of the last message read. */
  #seen = 0;

  constructor(context: QueueContext, run: string, count: number, signal: AbortSignal) {
    this.#context = context;
    this.#run = run;
    this.#count = count;
    this.#signal = signal;
  }

  async *all(): AsyncGenerator<JobOutcome> {
    const { link } = this.#context;
    while (this.#reported.size < this.#count && !isOver(this.#signal)) {
      try {
        link.checkUsable();
        await link.up(this.#signal);
        yield* this.#connection();
      } catch (error) {
        if (isOver(this.#signal)) return;
        if (isGone(error)) await checkRunThere(this.#context, this.#run);
        if (!isVtepError(error) || error.code !== 'UNAVAILABLE' || link.failed) throw error;
        await untilUp(this.#context, this.#signal);
      }
    }
  }

  /** The outcomes until all are there, or the connection changes. */
  async *#connection(): AsyncGenerator<JobOutcome> {
    const { link, idle } = this.#context;
    const { losses } = link;
    await checkRunThere(this.#context, this.#run);
    const stream = { ...this.#context, stream: runStream(this.#context, this.#run) };
    const reader = await NatsReader.open(stream, runSubject(this.#context, this.#run, 'outcome.>'), this.#seen);
    try {
      while (this.#reported.size < this.#count && link.isStill(losses) && !isOver(this.#signal)) {
        let received = 0;
        for await (const message of reader.batch(BATCH, this.#signal, idle)) {
          received++;
          const read = this.#read(message);
          if (read) yield await this.#whole(read);
          if (isOver(this.#signal) || this.#reported.size === this.#count) return;
        }
        if (received === 0 && link.isStill(losses) && !isOver(this.#signal)) await this.#checkNoneLost();
      }
    } finally {
      reader.close();
    }
  }

  #read(message: JsMsg): ReadOutcome | undefined {
    if (message.seq <= this.#seen) return undefined;
    this.#seen = message.seq;
    const index = indexOf(message.subject);
    if (index === undefined || index >= this.#count || this.#reported.has(index)) return undefined;
    this.#reported.add(index);
    return decodeOutcome(index, message.headers, message.data);
  }

  /** With the result, if it is large. What can't be read is a failure: its job is out of the queue. */
  async #whole(read: ReadOutcome): Promise<JobOutcome> {
    if (read.kind !== 'stored') return read;
    const { index, pieces } = read;
    const result = new Uint8Array(pieces.length);
    let filled = 0;
    try {
      for await (const piece of readPieces(this.#context, this.#run, pieces, this.#signal)) {
        result.set(piece, filled);
        filled += piece.length;
      }
      return { index, kind: 'done', result };
    } catch (error) {
      if (!isVtepError(error) || error.code !== 'DAMAGED') throw error;
      return { index, kind: 'failed', reason: reasonOf(error), attempts: 0 };
    }
  }

  /**
   * A job leaves the queue after its outcome is stored, so each is in one or the other, unless the server lost it: asked in
   * this order.
   */
  async #checkNoneLost(): Promise<void> {
    const { link, manager } = this.#context;
    await checkRunThere(this.#context, this.#run);
    const stream = runStream(this.#context, this.#run);
    const submitted = { last_by_subj: runSubject(this.#context, this.#run, 'submitted') };
    const count = async (name: string, filter: string): Promise<number> => {
      const { state } = await link.ask('read', 'count jobs', () =>
        manager.streams.info(name, { subjects_filter: filter }),
      );
      return Object.keys(state.subjects ?? {}).length;
    };
    const ask = (): Promise<unknown> => manager.streams.getMessage(stream, submitted);
    if ((await link.ask('read', 'ask for the run', ask)) === null) return;
    const waiting = await count(jobsStream(this.#context), jobSubject(this.#context, this.#run, '>'));
    const settled = await count(stream, runSubject(this.#context, this.#run, 'outcome.>'));
    if (waiting + settled >= this.#count) return;
    throw new StoreError(
      'RESET',
      `the server has ${settled} outcomes and ${waiting} jobs of the ${this.#count} of the run ${this.#run}: it lost the others`,
    );
  }
}

/** The index at the end of an outcome's subject. */
export function indexOf(subject: string): number | undefined {
  const digits = /\.(\d{1,5})$/.exec(subject)?.[1];
  const index = Number(digits);
  return digits === undefined || index >= MAX_RUN_JOBS ? undefined : index;
}
