/**
 * The buffers in which queries are received and answered, a batch per system call. All endpoints of a thread share them.
 * An answer goes to the address that the kernel wrote for its query, from where it wrote it.
 */
import { lastErrno, NativeMemory } from '../../foreign/index.js';
import { MessageVector } from '../socket/message-vector.js';
import { SOCKADDR_BYTES } from '../socket/socket-address.js';
import { Errno, linux } from '../system/linux.js';

const MSG_DONTWAIT = 0x40;
/** Queries per system call. */
export const BATCH = 64;
/** Bytes of a query that are read over UDP, as many as Docker reads. */
export const QUERY_BYTES = 512;
const NAME_STRIDE = 32;
/** Length of struct sockaddr_in: the kernel leaves it as it is, so it is set once. */
const INET_BYTES = 16;
/** Longest answer. */
const ANSWER_BYTES = 65_535;
/** Answers are sent when less than this is free. */
const OUT_BYTES = 4 * (ANSWER_BYTES + 1);

/** Queries received together, and their answers. */
export class DatagramBatch {
  /** The queries, at `queryAt(i)`. */
  readonly queries: Uint8Array;
  /** Where answers are written, from `answerAt`; 65,535 bytes are always free. */
  readonly answers: Uint8Array;
  answerAt = 0;
  /** Answers that the system has refused to send, of the last `send`. */
  refused = 0;
  readonly #queries = new NativeMemory(BATCH * QUERY_BYTES);
  readonly #answers = new NativeMemory(OUT_BYTES);
  readonly #names = new NativeMemory(BATCH * NAME_STRIDE);
  readonly #received = new MessageVector(BATCH);
  readonly #replies = new MessageVector(BATCH);
  readonly #receivedAddress: number;
  readonly #repliesAddress: number;
  /** Which query's address each reply has. */
  readonly #nameOf = new Int32Array(BATCH).fill(-1);
  readonly #single = new MessageVector(1);
  readonly #singleName = new NativeMemory(SOCKADDR_BYTES);
  readonly #recvmmsg = linux().recvmmsg;
  readonly #sendmmsg = linux().sendmmsg;
  #staged = 0;

  /** @throws LiveError `SYSTEM_UNAVAILABLE` */
  constructor() {
    this.queries = this.#queries.bytes;
    this.answers = this.#answers.bytes;
    for (let i = 0; i < BATCH; i++) {
      this.#received.setPiece(i, this.#queries.address + i * QUERY_BYTES, QUERY_BYTES);
      this.#received.setName(i, this.#names.address + i * NAME_STRIDE, INET_BYTES);
    }
    this.#single.setName(0, this.#singleName.address, INET_BYTES);
    this.#receivedAddress = this.#received.addressOf(0);
    this.#repliesAddress = this.#replies.addressOf(0);
  }

  /** Receives waiting queries of an IPv4 socket. @returns how many, 0 to 64 */
  receive(socket: number): number {
    const count = this.#recvmmsg(socket, this.#receivedAddress, BATCH, MSG_DONTWAIT, 0);
    return count < 0 ? 0 : count;
  }

  /** Offset of query `i` in `queries`. */
  queryAt(i: number): number {
    return i * QUERY_BYTES;
  }

  /** Length of query `i`, 512 bytes at most. */
  lengthOf(i: number): number {
    return this.#received.length(i);
  }

  /** The address that query `i` came from: a copy of a struct sockaddr_in. */
  senderOf(i: number): Uint8Array {
    return this.#names.bytes.slice(i * NAME_STRIDE, i * NAME_STRIDE + INET_BYTES);
  }

  /**
   * Adds the answer to query `i`, which is at `answerAt`.
   * @returns whether it must be sent now: there is no room for another one of any length
   */
  stage(i: number, length: number): boolean {
    const reply = this.#staged++;
    const replies = this.#replies;
    if (this.#nameOf[reply] !== i) {
      this.#nameOf[reply] = i;
      replies.setName(reply, this.#names.address + i * NAME_STRIDE, INET_BYTES);
    }
    replies.setPiece(reply, this.#answers.address + this.answerAt, length);
    this.answerAt += length;
    return this.answerAt + ANSWER_BYTES > OUT_BYTES;
  }

  /** Sends the answers added so far. Refused ones are counted, and the rest is still sent. @returns how many were sent */
  send(socket: number): number {
    const count = this.#staged;
    let done = 0;
    this.refused = 0;
    while (done < count) {
      const sent = this.#sendmmsg(
        socket,
        done === 0 ? this.#repliesAddress : this.#replies.addressOf(done),
        count - done,
        MSG_DONTWAIT,
      );
      if (sent > 0) {
        done += sent;
      } else if (lastErrno() !== Errno.Interrupted) {
        this.refused++;
        done++;
      }
    }
    this.#staged = 0;
    this.answerAt = 0;
    return count - this.refused;
  }

  /**
   * Sends one answer, to the sender of an earlier query.
   * @returns whether the system took it
   */
  sendLate(socket: number, sender: Uint8Array, answer: Uint8Array): boolean {
    // No answer is added between receiving and sending, so their room is free here.
    this.answers.set(answer);
    this.#singleName.bytes.set(sender);
    this.#single.setPiece(0, this.#answers.address, answer.length);
    return this.#sendmmsg(socket, this.#single.addressOf(0), 1, MSG_DONTWAIT) === 1;
  }
}
