/** Answers queries over UDP on one socket. */
import { DnsTransport, FORWARD, type Resolution, type Resolver, type DnsClient } from '../../service/index.js';
import { type SystemSocket } from '../socket/system-socket.js';
import { BATCH, type DatagramBatch } from './datagram-batch.js';
import { DnsDrop, type EndpointCounters } from './dns-counters.js';

/** Batches answered before others have their turn. */
const BATCHES = 8;

/** What answers: the resolver, who asks, and what becomes of queries for upstream servers. */
export interface Answering {
  readonly resolver: Resolver;
  /** The client, which is another one after its networks have changed. */
  client: DnsClient;
  readonly counters: EndpointCounters;
  /**
   * Completes a query that is forwarded.
   * @param done called with the answer; undefined if there is none, with the reason in `counters` already
   */
  readonly forward: (resolution: Resolution, done: (answer: Uint8Array | undefined) => void) => void;
}

/** The UDP side of an endpoint's server. */
export class DatagramServer {
  readonly #socket: SystemSocket;
  readonly #batch: DatagramBatch;
  readonly #answering: Answering;
  #closed = false;

  /** @param batch shared with other servers of this thread */
  constructor(socket: SystemSocket, batch: DatagramBatch, answering: Answering) {
    this.#socket = socket;
    this.#batch = batch;
    this.#answering = answering;
  }

  /** Answers the queries that wait, some hundred at most. */
  serve(): void {
    const batch = this.#batch;
    const { descriptor } = this.#socket;
    for (let i = 0; i < BATCHES && !this.#closed; i++) {
      const count = batch.receive(descriptor);
      this.#answer(count);
      if (count < BATCH) return;
    }
  }

  /** Datagrams that the system dropped, since the queue was full. */
  get overrun(): number {
    return this.#closed ? 0 : this.#socket.overrun;
  }

  close(): void {
    this.#closed = true;
    this.#socket.close();
  }

  #answer(count: number): void {
    const batch = this.#batch;
    const { resolver, client, counters } = this.#answering;
    const { queries, answers } = batch;
    let forwarded: number[] | undefined;
    let unanswered = 0;
    for (let i = 0; i < count; i++) {
      const length = batch.lengthOf(i);
      const to = batch.answerAt;
      const result = resolver.answer(client, queries, batch.queryAt(i), length, DnsTransport.Udp, answers, to);
      if (result > 0) {
        if (batch.stage(i, result)) this.#send();
      } else if (result === FORWARD) {
        (forwarded ??= []).push(i);
      } else {
        unanswered++;
      }
    }
    counters.queries += count;
    counters.dropped[DnsDrop.Unanswerable] += unanswered;
    this.#send();
    if (forwarded !== undefined) for (const i of forwarded) this.#forward(i);
  }

  #send(): void {
    const { counters } = this.#answering;
    counters.answers += this.#batch.send(this.#socket.descriptor);
    counters.dropped[DnsDrop.SendRefused] += this.#batch.refused;
  }

  /** Forwards query `i`, after the others are answered. */
  #forward(i: number): void {
    const batch = this.#batch;
    const { resolver, client, counters, forward } = this.#answering;
    const sender = batch.senderOf(i);
    // The resolver forwards the query that it has read last.
    const [at, length] = [batch.queryAt(i), batch.lengthOf(i)];
    resolver.answer(client, batch.queries, at, length, DnsTransport.Udp, batch.answers, 0);
    forward(resolver.forward(client, DnsTransport.Udp), (answer) => {
      if (answer === undefined) return;
      if (this.#closed) counters.dropped[DnsDrop.ClientGone]++;
      else if (batch.sendLate(this.#socket.descriptor, sender, answer)) counters.answers++;
      else counters.dropped[DnsDrop.SendRefused]++;
    });
  }
}
