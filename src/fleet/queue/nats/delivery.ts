/** A job that the server gave to this worker. */
import type { Msg } from '@nats-io/transport-node';
import { isVtepError } from '../../../error.js';
import { type Job, type JobOutcome } from '../job-queue.js';
import { MAX_RUN_JOBS } from '../limits.js';
import { type Delivery } from '../worker.js';
import { encodeOutcome, MAX_INLINE_LENGTH } from './outcome-record.js';
import { dropPieces, storePieces } from './pieces.js';
import { untilDone } from './retry.js';
import { jobOf, publish, publishFirst, type QueueContext, runStream, runSubject } from './streams.js';

/** How often the message was delivered, in the subject that it is acknowledged on (ADR-15 of NATS, both forms of it). */
const ACK_SUBJECT = /^\$JS\.ACK\.(?:[^.]+\.[^.]+\.)?[^.]+\.[^.]+\.(\d{1,15})\.\d+\.\d+\.\d+\.\d+(?:\.[^.]+)?$/;

export class NatsDelivery implements Delivery {
  readonly job: Job;
  readonly #context: QueueContext;
  readonly #message: Msg;
  #ended = false;

  private constructor(context: QueueContext, message: Msg, job: Job) {
    this.#context = context;
    this.#message = message;
    this.job = job;
  }

  /** @returns undefined if the message is no delivery. What is no job is taken out of the queue. */
  static of(context: QueueContext, message: Msg): NatsDelivery | undefined {
    const given = ACK_SUBJECT.exec(message.reply ?? '')?.[1];
    if (given === undefined) return undefined;
    const job = jobOf(context, message.subject);
    if (job === undefined || job.index >= MAX_RUN_JOBS) {
      message.respond('+TERM');
      return undefined;
    }
    // A copy, which slice() of a Buffer isn't: the message is part of a larger buffer of the socket.
    return new NatsDelivery(context, message, { ...job, work: new Uint8Array(message.data), attempt: Number(given) });
  }

  async settled(signal: AbortSignal): Promise<boolean> {
    const { link, manager } = this.#context;
    const { run, index } = this.job;
    const query = { last_by_subj: runSubject(this.#context, run, `outcome.${index}`) };
    return this.#ofRun(signal, true, async () => {
      const stream = runStream(this.#context, run);
      return (await link.ask('read', 'ask for an outcome', () => manager.streams.getMessage(stream, query))) !== null;
    });
  }

  async attempts(signal: AbortSignal): Promise<number> {
    const { link, manager } = this.#context;
    const { run, index, attempt } = this.job;
    const filter = runSubject(this.#context, run, `returned.${index}`);
    return this.#ofRun(signal, attempt, async () => {
      const { state } = await link.ask('read', 'count attempts', () =>
        manager.streams.info(runStream(this.#context, run), { subjects_filter: filter }),
      );
      return Math.max(attempt - (state.subjects?.[filter] ?? 0), 1);
    });
  }

  renew(): void {
    if (!this.#ended) this.#respond('+WPI');
  }

  async settle(outcome: JobOutcome, signal: AbortSignal): Promise<void> {
    await this.#ofRun(signal, undefined, () => this.#store(outcome));
    this.#end('+ACK');
  }

  dismiss(): void {
    this.#end('+ACK');
  }

  retry(wait: number): void {
    this.#end(`-NAK ${JSON.stringify({ delay: this.#context.packages.transport.nanos(wait) })}`);
  }

  async giveBack(): Promise<void> {
    const { run, index } = this.job;
    const { link, connection } = this.#context;
    if (!link.connected || this.#ended) return;
    await publish(this.#context, run, `returned.${index}`, '').catch(() => undefined);
    this.#end('-NAK');
    await link.ask('read', 'flush', () => connection.flush()).catch(() => undefined);
  }

  /** The first that stores an outcome is the one that counts. */
  async #store(outcome: JobOutcome): Promise<void> {
    const { run, index } = this.job;
    const part = `outcome.${index}` as const;
    if (outcome.kind === 'failed' || outcome.result.length <= MAX_INLINE_LENGTH) {
      const { kind, content } = encodeOutcome(outcome);
      await publishFirst(this.#context, run, part, content, kind);
      return;
    }
    const pieces = await storePieces(this.#context, run, [outcome.result], () => undefined);
    const { kind, content } = encodeOutcome(outcome, pieces);
    try {
      if (await publishFirst(this.#context, run, part, content, kind)) return;
    } catch (error) {
      // It may refer to the pieces.
      if (!isVtepError(error) || error.code !== 'OUTCOME_UNKNOWN') await dropPieces(this.#context, run, pieces.id);
      throw error;
    }
    await dropPieces(this.#context, run, pieces.id);
  }

  /** Of a run that isn't there, nothing is stored. */
  async #ofRun<T>(signal: AbortSignal, gone: T, operation: () => Promise<T>): Promise<T> {
    try {
      return await untilDone(this.#context, this.job.run, signal, operation);
    } catch (error) {
      if (isVtepError(error) && error.code === 'NOT_THERE') return gone;
      throw error;
    }
  }

  #end(answer: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#respond(answer);
  }

  /** While there is no connection nothing is said: the job is given out again after the ack-wait, and its outcome found. */
  #respond(answer: string): void {
    const { link } = this.#context;
    if (link.connected && !link.closed) this.#message.respond(answer);
  }
}
