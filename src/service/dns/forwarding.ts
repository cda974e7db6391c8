import { type DnsClient, type DnsServer } from './client.js';
import {
  DnsTransport,
  HeaderFlag,
  MAX_MESSAGE_LEN,
  MAX_UDP_PAYLOAD,
  read16,
  RecordType,
  ResponseCode,
} from './message.js';
import { DnsProfile } from './profile.js';
import { type Recoder } from './recode.js';
import { type Exchange, type Resolution, ResolutionKind, type UpstreamRequest } from './resolution.js';

/** Seconds for the connection to a server, for its answer, and for a place among the queries in flight. */
const TIMEOUT = 4;
const SILENCE: Resolution = { kind: ResolutionKind.Silence };

/** A query to forward. */
export interface ForwardedQuery {
  readonly client: DnsClient;
  readonly transport: DnsTransport;
  /** The query, encoded again. */
  readonly query: Uint8Array;
  readonly id: number;
  /** Most bytes that the server's answer may have over UDP: longer ones arrive cut short. */
  readonly udpLimit: number;
  /** The answer when every server fails; undefined for none. */
  readonly failure: Uint8Array | undefined;
  /** The answer when no place among the queries in flight gets free. */
  readonly refusal: Uint8Array;
}

/** Options of a `ForwardedExchange`. */
export interface ForwardingOptions {
  readonly profile: DnsProfile;
  readonly recoder: Recoder;
  /** Most queries of a client that wait for a server, and as many again that wait for those. */
  readonly maxPending: number;
}

const State = { Idle: 0, Open: 1, Waiting: 2, Done: 3 } as const;
type State = (typeof State)[keyof typeof State];

/** Asks a client's servers one after another, by the rules of the profile. */
export class ForwardedExchange implements Exchange {
  readonly #query: ForwardedQuery;
  readonly #options: ForwardingOptions;
  #server = -1;
  #state: State = State.Idle;
  /** Profile 20.10: the last server's answer, which is relayed even if it is a failure. */
  #last: Uint8Array | undefined;

  constructor(query: ForwardedQuery, options: ForwardingOptions) {
    this.#query = query;
    this.#options = options;
  }

  /** Asks the first server. */
  start(): Resolution {
    return this.#next();
  }

  receive(message: Uint8Array): Resolution {
    if (this.#state !== State.Open) return SILENCE;
    const { id, transport, udpLimit } = this.#query;
    const isAnswer = message.length >= 4 && read16(message, 0) === id;
    if (!isAnswer || (read16(message, 2) & HeaderFlag.Response) === 0) return this.#open();
    const whole = transport === DnsTransport.Udp ? message.subarray(0, udpLimit) : message;
    return this.#judge(whole.subarray(0, MAX_MESSAGE_LEN));
  }

  fail(): Resolution {
    const { client } = this.#query;
    switch (this.#state) {
      case State.Open:
        client.pending--;
        this.#last = undefined;
        return this.#next();
      case State.Waiting:
        client.waiting--;
        return this.#finish(this.#query.refusal);
      default:
        return SILENCE;
    }
  }

  retry(): Resolution {
    if (this.#state !== State.Waiting) return SILENCE;
    this.#query.client.waiting--;
    this.#server--;
    return this.#next();
  }

  cancel(): void {
    const { client } = this.#query;
    if (this.#state === State.Open) client.pending--;
    if (this.#state === State.Waiting) client.waiting--;
    this.#state = State.Done;
  }

  get #isCurrent(): boolean {
    return this.#options.profile === DnsProfile.Current;
  }

  /** The server asked now. */
  get #asked(): Required<DnsServer> {
    return this.#query.client.servers[this.#server];
  }

  /** Asks the next server, if there is one. */
  #next(): Resolution {
    const { client, failure, refusal } = this.#query;
    const { maxPending } = this.#options;
    while (++this.#server < client.servers.length) {
      // Endpoints without a route out don't reach the host's own servers either.
      if (this.#isCurrent && client.internal && this.#asked.hostLoopback) continue;
      if (client.pending < maxPending) {
        client.pending++;
        return this.#open();
      }
      if (!this.#isCurrent) continue;
      if (client.waiting >= maxPending) return this.#finish(refusal);
      client.waiting++;
      this.#state = State.Waiting;
      return { kind: ResolutionKind.Wait, exchange: this, timeout: TIMEOUT };
    }
    return this.#finish(this.#last ?? failure);
  }

  #open(): Resolution {
    this.#state = State.Open;
    const { address, port, hostLoopback } = this.#asked;
    const { transport, query } = this.#query;
    const request: UpstreamRequest = { address, port, transport, fromHost: hostLoopback, query, timeout: TIMEOUT };
    return { kind: ResolutionKind.Forward, exchange: this, request };
  }

  /** Relays an answer, or asks the next server. */
  #judge(message: Uint8Array): Resolution {
    const { client, transport } = this.#query;
    const { recoder } = this.#options;
    const flags = read16(message, 2);
    const code = flags & HeaderFlag.ResponseCode;
    const authoritative = (flags & HeaderFlag.Authoritative) !== 0;
    const isFinal = this.#isFinal(code, authoritative);
    const marked: Uint8Array[] = [];
    const answer = recoder.recode(message, isFinal, (record, bytes) => {
      const isAddress = record.type === RecordType.A || record.type === RecordType.Aaaa;
      if (isAddress && record.rdataLength > 0) marked.push(bytes.subarray(record.rdataAt, record.next));
    });
    // 20.10 relays what it can read of a truncated answer: the client asks again over TCP.
    const isEnough = recoder.complete || (!this.#isCurrent && (flags & HeaderFlag.Truncated) !== 0);
    // Names that may not be compressed can make it longer than it came.
    const limit = transport === DnsTransport.Udp ? MAX_UDP_PAYLOAD : MAX_MESSAGE_LEN;
    if (answer === undefined || answer.length > limit || !isEnough) return this.fail();
    client.pending--;
    if (!isFinal) {
      this.#last = this.#isCurrent ? undefined : answer;
      return this.#next();
    }
    for (const address of marked) {
      for (const network of client.networks) if (!network.removed) client.names.markExternal(network, address);
    }
    return this.#finish(answer);
  }

  /** Whether an answer ends the search. */
  #isFinal(code: number, authoritative: boolean): boolean {
    if (this.#isCurrent) return code !== ResponseCode.ServerFailure && code !== ResponseCode.Refused;
    return code === ResponseCode.NoError || (code === ResponseCode.NameError && authoritative);
  }

  #finish(answer: Uint8Array | undefined): Resolution {
    this.#state = State.Done;
    return answer === undefined ? SILENCE : { kind: ResolutionKind.Answer, answer };
  }
}
