import { type RandomBytes } from '../../memory/index.js';
import { answerLimit, AnswerWriter } from './answer.js';
import { type DnsClient } from './client.js';
import { DnsError } from './error.js';
import { ForwardedExchange } from './forwarding.js';
import { isSingleLabel, Lookup } from './lookup.js';
import { DnsTransport, MAX_MESSAGE_LEN, MIN_UDP_PAYLOAD, RecordType, ResponseCode } from './message.js';
import { DnsProfile } from './profile.js';
import { Query, QueryVerdict } from './query.js';
import { RandomOrder } from './random-order.js';
import { Recoder } from './recode.js';
import { type Resolution, ResolutionKind } from './resolution.js';
import { isLowerCase, labelsBeforeZone } from './reverse-zone.js';

/** Result of `answer`: nothing is sent. */
export const NO_ANSWER = 0;
/** Result of `answer`: the query is for an upstream server, see `forward`. */
export const FORWARD = -1;
/** Queries of a client in flight, as many as Docker has. */
const MAX_PENDING = 1024;
const SILENCE: Resolution = { kind: ResolutionKind.Silence };

/** Options of `Resolver`. */
export interface ResolverOptions {
  /** The engine whose answers are reproduced. @default DnsProfile.Current */
  readonly profile?: DnsProfile;
  /** Orders the addresses of an answer. @default the platform's cryptographic source */
  readonly random?: RandomBytes;
  /** Most queries of a client in flight. @default 1024 */
  readonly maxPending?: number;
}

/**
 * The DNS server that Docker embeds at 127.0.0.11 of each container, without its sockets: queries go in, answers or
 * requests for upstream servers come out. Any bytes may go in; nothing is thrown because of them.
 * @example
 * import { createSocket } from 'node:dgram';
 * import { DnsClient, DnsNames, DnsTransport, ResolutionKind, Resolver } from 'vtep/service';
 *
 * const names = new DnsNames(); // and its records
 * const resolver = new Resolver();
 * const client = new DnsClient(names, { networks: ['n1'], servers: [{ address: '192.0.2.53' }] });
 * const socket = createSocket('udp4').bind(53, '127.0.0.11');
 * socket.on('message', (datagram, { port, address }) => {
 *   const resolution = resolver.resolve(client, datagram, DnsTransport.Udp);
 *   if (resolution.kind === ResolutionKind.Answer) socket.send(resolution.answer, port, address);
 * });
 */
export class Resolver {
  readonly #profile: DnsProfile;
  readonly #query = new Query();
  readonly #lookup: Lookup;
  readonly #writer: AnswerWriter;
  readonly #recoder = new Recoder();
  readonly #maxPending: number;
  /** For `resolve`. */
  readonly #out = new Uint8Array(MAX_MESSAGE_LEN);

  /** @throws DnsError BAD_OPTION if maxPending isn't a positive integer */
  constructor({ profile = DnsProfile.Current, random, maxPending = MAX_PENDING }: ResolverOptions = {}) {
    if (!Number.isSafeInteger(maxPending) || maxPending < 1) {
      throw new DnsError('BAD_OPTION', `maxPending must be a positive integer, not ${maxPending}`);
    }
    this.#profile = profile;
    this.#lookup = new Lookup(profile);
    this.#writer = new AnswerWriter(profile, new RandomOrder(random));
    this.#maxPending = maxPending;
  }

  /**
   * Resolves a query. The simple form of `answer` and `forward`; the answer is a copy.
   * @param query the message, without the length prefix of TCP
   */
  resolve(client: DnsClient, query: Uint8Array, transport: DnsTransport): Resolution {
    const out = this.#out;
    const length = this.answer(client, query, 0, query.length, transport, out, 0);
    if (length === FORWARD) return this.forward(client, transport);
    return length === NO_ANSWER ? SILENCE : { kind: ResolutionKind.Answer, answer: out.slice(0, length) };
  }

  /**
   * Answers a query from the names alone, without allocating.
   * @param bytes holds the query, at `at` and of `length` bytes, of which 512 are read over UDP; unchanged, unless `out`
   * overlaps it
   * @param out the answer is written here, at `to`; 65,535 bytes after that are always enough, and what the client takes
   * (512, or as its OPT record says) is for UDP. Answers are truncated to what there is
   * @returns the answer's length, NO_ANSWER or FORWARD
   */
  answer(
    client: DnsClient,
    bytes: Uint8Array,
    at: number,
    length: number,
    transport: DnsTransport,
    out: Uint8Array,
    to: number,
  ): number {
    const query = this.#query;
    const isTcp = transport === DnsTransport.Tcp;
    const verdict = query.read(bytes, at, isTcp ? length : Math.min(length, MIN_UDP_PAYLOAD));
    if (verdict === QueryVerdict.Ignore) return NO_ANSWER;
    if (verdict !== QueryVerdict.Accept) return this.#writer.reject(query, verdict, out, to);
    const limit = Math.min(answerLimit(query, isTcp, this.#profile), out.length - to);
    switch (query.type) {
      case RecordType.A:
      case RecordType.Aaaa:
      case RecordType.Mx:
        return this.#answerName(client, limit, isTcp, out, to);
      case RecordType.Ptr:
        return this.#answerPointer(client, limit, out, to);
      default:
        return FORWARD;
    }
  }

  /**
   * Forwards the query that `answer` has just returned FORWARD for.
   * @param client the same
   * @param transport the same
   */
  forward(client: DnsClient, transport: DnsTransport): Resolution {
    const query = this.#query;
    const isCurrent = this.#profile === DnsProfile.Current;
    const encoded = this.#recoder.recode(query.bytes.subarray(query.at, query.end), false);
    const failure = isCurrent ? this.#failure(ResponseCode.ServerFailure) : undefined;
    if (encoded === undefined) return SILENCE;
    const udpLimit = isCurrent && !query.hasOpt ? MAX_MESSAGE_LEN : query.udpSize;
    const refusal = this.#failure(ResponseCode.Refused);
    return new ForwardedExchange(
      { client, transport, query: encoded, id: query.id, udpLimit, failure, refusal },
      { profile: this.#profile, recoder: this.#recoder, maxPending: this.#maxPending },
    ).start();
  }

  /** A, AAAA and MX: a name that exists is answered here, whatever addresses it has. */
  #answerName(client: DnsClient, limit: number, isTcp: boolean, out: Uint8Array, to: number): number {
    const query = this.#query;
    if (this.#lookup.find(client, query)) {
      const set = this.#lookup.addresses;
      if (set === undefined) return this.#writer.empty(query, limit, out, to);
      return this.#writer.addresses(query, set, limit, isTcp, out, to);
    }
    // With ndots set, the client goes on with its search domains.
    const isUnqualified = client.ndotsSet && query.type !== RecordType.Mx && isSingleLabel(query);
    return isUnqualified ? this.#writer.empty(query, limit, out, to) : FORWARD;
  }

  /** PTR: addresses of endpoints have names, VIPs and gateways don't. */
  #answerPointer(client: DnsClient, limit: number, out: Uint8Array, to: number): number {
    const query = this.#query;
    const length = labelsBeforeZone(query);
    // Docker 20.10 calls such a query invalid and sends nothing.
    if (length === 0) return this.#profile === DnsProfile.Current ? FORWARD : NO_ANSWER;
    if (!isLowerCase(query.name, length)) return FORWARD;
    const { networks, names } = client;
    for (let i = 0; i < networks.length; i++) {
      if (networks[i].removed) continue;
      const target = names.pointer(networks[i], query.lower, length);
      if (target !== undefined) return this.#writer.pointer(query, target, limit, out, to);
    }
    return FORWARD;
  }

  /** An answer of the server's own with a response code. */
  #failure(code: number): Uint8Array {
    return this.#out.slice(0, this.#writer.fail(this.#query, code, this.#out, 0));
  }
}
