/** The consumer that all workers of an overlay share, and its delivery of one job at a time. */
import type { ConsumerInfo } from '@nats-io/jetstream';
import type { Msg, Subscription } from '@nats-io/transport-node';
import { isVtepError } from '../../../error.js';
import { StoreError } from '../../error.js';
import { isOver } from '../time.js';
import { type Delivery, type DeliverySource } from '../worker.js';
import { NatsDelivery } from './delivery.js';
import { untilUp } from './retry.js';
import { isConsumerGone, isGone } from './server-errors.js';
import { jobsStream, openJobsStream, type QueueContext } from './streams.js';

const CONSUMER = 'workers';
/** Most jobs that workers hold at a time, and most workers that wait for one. */
const MAX_HELD = 65_536;
/** Milliseconds past its time after which a question that wasn't answered is asked again. */
const GRACE = 1_000;

/**
 * Makes the stream and the consumer unless they are there.
 *
 * Deliveries are without end: the server would keep a job that it no longer gives out in the stream
 * (https://github.com/nats-io/nats-server/issues/5564). Whoever gets it once too often settles it instead.
 * @param ackWait milliseconds, if the consumer is made now
 * @returns that of the consumer
 * @throws StoreError `UNSUITABLE`
 */
export async function openConsumer(context: QueueContext, ackWait: number): Promise<number> {
  await openJobsStream(context);
  const { millis } = context.packages.transport;
  const { config } = (await consumerInfo(context)) ?? (await addConsumer(context, ackWait));
  if (config.ack_policy !== 'explicit' || (config.max_deliver ?? -1) > 0 || (config.filter_subject ?? '') !== '') {
    throw new StoreError('UNSUITABLE', `the consumer ${CONSUMER} of ${jobsStream(context)} was made by something else`);
  }
  return millis(config.ack_wait ?? 0);
}

async function consumerInfo(context: QueueContext): Promise<ConsumerInfo | undefined> {
  const { link, manager } = context;
  try {
    return await link.ask('read', 'ask for a consumer', () => manager.consumers.info(jobsStream(context), CONSUMER));
  } catch (error) {
    if (isConsumerGone(error) || isGone(error)) return undefined;
    throw error;
  }
}

async function addConsumer(context: QueueContext, ackWait: number): Promise<ConsumerInfo> {
  const { AckPolicy, DeliverPolicy } = context.packages.jetstream;
  return context.link.ask('write', 'make a consumer', () =>
    context.manager.consumers.add(jobsStream(context), {
      durable_name: CONSUMER,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
      ack_wait: context.packages.transport.nanos(ackWait),
      max_deliver: -1,
      max_ack_pending: MAX_HELD,
      max_waiting: MAX_HELD,
    }),
  );
}

/** `none`: no job came in time. `no consumer`: nobody is there who would give jobs out. `ended`: ask again, or no more. */
type Answer = NatsDelivery | 'none' | 'no consumer' | 'ended';

/**
 * One worker's questions for jobs. One at a time, so that no job waits here while another worker has nothing to do, and
 * none that was not begun counts as tried when this process dies.
 */
export class NatsJobs implements DeliverySource {
  readonly #context: QueueContext;
  readonly #ackWait: number;
  #subscription: Subscription | undefined;
  /** Takes the answer. */
  #answer: ((message: Msg) => void) | undefined;
  readonly #returning = new Set<Promise<void>>();
  /** Number of the first job in the stream when jobs seemed to be stuck. */
  #stuck = 0;
  /** How often the connection had been lost when the consumer was last known to be there. */
  #losses = -1;

  constructor(context: QueueContext, ackWait: number) {
    this.#context = context;
    this.#ackWait = ackWait;
  }

  async next(signal: AbortSignal): Promise<Delivery | undefined> {
    const { link } = this.#context;
    while (!isOver(signal)) {
      try {
        link.checkUsable();
        await link.up(signal);
        if (isOver(signal)) break;
        await this.#checkThere();
        const answer = await this.#ask(signal);
        if (answer instanceof NatsDelivery) return answer;
        if (answer === 'none') await this.#checkStuck();
        if (answer === 'no consumer') {
          await openConsumer(this.#context, this.#ackWait);
          await untilUp(this.#context, signal);
        }
      } catch (error) {
        if (isOver(signal)) break;
        const passes = isVtepError(error) && (error.code === 'UNAVAILABLE' || error.code === 'OUTCOME_UNKNOWN');
        if (link.failed || (!passes && !isGone(error))) throw error;
        await untilUp(this.#context, signal);
      }
    }
    await this.#end();
    return undefined;
  }

  /**
   * A server that restarted may have lost the consumer, and says nothing to a question for a job then: nats-server 2.9 has
   * no answer to it.
   */
  async #checkThere(): Promise<void> {
    const { losses } = this.#context.link;
    if (this.#losses === losses) return;
    await openConsumer(this.#context, this.#ackWait);
    this.#losses = losses;
  }

  async #ask(signal: AbortSignal): Promise<Answer> {
    const { link } = this.#context;
    const answer = await this.#answered(signal);
    if (answer !== undefined) return this.#understand(answer);
    // Without an answer in its time, too, the consumer may be gone.
    return isOver(signal) || this.#losses !== link.losses ? 'ended' : 'none';
  }

  /** Asks for a job. @returns undefined if there is no answer in time, the connection changes or the signal is aborted */
  async #answered(signal: AbortSignal): Promise<Msg | undefined> {
    const { connection, link, manager, idle, packages } = this.#context;
    const { apiPrefix = '$JS.API' } = manager.getOptions();
    const subscription = (this.#subscription ??= this.#subscribe());
    return new Promise((resolve) => {
      const finish = (message?: Msg): void => {
        // At once, so that an answer from here on is given back.
        this.#answer = undefined;
        unlink();
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve(message);
      };
      const end = (): void => {
        finish();
      };
      const unlink = link.onChange(end);
      const timer = setTimeout(end, idle + GRACE);
      signal.addEventListener('abort', end, { once: true });
      this.#answer = finish;
      const subject = `${apiPrefix}.CONSUMER.MSG.NEXT.${jobsStream(this.#context)}.${CONSUMER}`;
      const question = JSON.stringify({ batch: 1, expires: packages.transport.nanos(idle) });
      connection.publish(subject, question, { reply: subscription.getSubject() });
    });
  }

  #understand(message: Msg): Answer {
    const delivery = NatsDelivery.of(this.#context, message);
    if (delivery !== undefined) return delivery;
    const code = message.headers?.code ?? 0;
    // 503: nobody answers for the consumer. 409: it was deleted, or too many wait.
    if (code === 503 || code === 409) return 'no consumer';
    return code === 404 || code === 408 ? 'none' : 'ended';
  }

  #subscribe(): Subscription {
    const { connection, packages } = this.#context;
    return connection.subscribe(packages.transport.createInbox(), {
      callback: (error, message) => {
        if (error !== null) return;
        if (this.#answer) this.#answer(message);
        else this.#return(message);
      },
    });
  }

  /** An answer to a question that was given up: a job goes back at once. */
  #return(message: Msg): void {
    const returning = NatsDelivery.of(this.#context, message)?.giveBack();
    if (returning === undefined) return;
    this.#returning.add(returning);
    void returning.finally(() => this.#returning.delete(returning));
  }

  /** Takes the question back: a job that is on its way as an answer is given back. */
  async #end(): Promise<void> {
    const { link } = this.#context;
    if (link.connected && !link.closed) await this.#subscription?.drain().catch(() => undefined);
    this.#subscription = undefined;
    await Promise.allSettled([...this.#returning]);
  }

  /**
   * Jobs in the stream of which the consumer knows nothing would wait forever
   * (https://github.com/nats-io/nats-server/issues/7680): seen twice, the consumer is made anew and has all of them.
   */
  async #checkStuck(): Promise<void> {
    const { link, manager } = this.#context;
    const stream = jobsStream(this.#context);
    const info = await consumerInfo(this.#context);
    if (info === undefined) {
      await openConsumer(this.#context, this.#ackWait);
      return;
    }
    const { state } = await link.ask('read', 'ask for the stream', () => manager.streams.info(stream));
    const stuck = info.num_pending === 0 && info.num_ack_pending === 0 && state.messages > 0;
    // The same first job as before: others came and went meanwhile otherwise.
    if (stuck && this.#stuck === state.first_seq) {
      this.#stuck = 0;
      await link.ask('write', 'remove a consumer', () => manager.consumers.delete(stream, CONSUMER));
      await openConsumer(this.#context, this.#ackWait);
    } else {
      this.#stuck = stuck ? state.first_seq : 0;
    }
  }
}
