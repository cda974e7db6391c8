/** Receives many datagrams with one system call, each into a slot of an arena, where its bytes stay. */
import { addressOf, lastErrno, NativeMemory } from '../../foreign/index.js';
import { type Arena, NO_SLOT } from '../../memory/index.js';
import { callFailed, Errno, linux } from '../system/linux.js';
import { MessageVector } from './message-vector.js';
import { SOCKADDR_BYTES } from './socket-address.js';

const MSG_TRUNC = 0x20;
const MSG_DONTWAIT = 0x40;
const NAME_STRIDE = 32;
const CONTROL_BYTES = 64;
// struct cmsghdr (cmsg(3)): 8 bytes of length, level, type, then the data.
const CONTROL_LEVEL = 8;
const CONTROL_TYPE = 12;
const CONTROL_DATA = 16;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_TOS = 1;
const IPV6_TCLASS = 67;

/** Receives datagrams into slots. They stay there until taken; slots not taken are reused. */
export class ReceiveVector {
  /** The senders' addresses: a struct sockaddr at each `nameOf(i)`. */
  readonly names: Uint8Array;
  readonly #arena: Arena;
  readonly #base: number;
  readonly #offset: number;
  readonly #vector: MessageVector;
  readonly #names: NativeMemory;
  readonly #control: NativeMemory;
  readonly #slots: Int32Array;
  readonly #recvmmsg = linux().recvmmsg;
  /** Number of leading messages with a slot. */
  #posted = 0;
  /** Number of leading messages whose address and control lengths the kernel may have changed since they were set. */
  #written = 0;

  /**
   * @param count maximum datagrams per system call, 1 to 1024
   * @throws LiveError `SYSTEM_UNAVAILABLE`
   */
  constructor(arena: Arena, count: number) {
    this.#arena = arena;
    this.#base = addressOf(arena.bytes);
    this.#offset = arena.frameOffsetOf(0);
    this.#vector = new MessageVector(count);
    this.#names = new NativeMemory(count * NAME_STRIDE);
    this.names = this.#names.bytes;
    this.#control = new NativeMemory(count * CONTROL_BYTES);
    this.#slots = new Int32Array(count).fill(NO_SLOT);
  }

  /**
   * Receives waiting datagrams.
   * @param limit maximum number of datagrams
   * @returns number received; 0 if none are waiting, or the arena has no free slot
   * @throws LiveError if the socket has failed
   */
  receive(socket: number, limit: number): number {
    this.#post(Math.min(limit, this.#vector.count));
    if (this.#posted === 0) return 0;
    const received = this.#recvmmsg(socket, this.#vector.addressOf(0), this.#posted, MSG_DONTWAIT, 0);
    if (received >= 0) {
      this.#written = Math.max(this.#written, received);
      return received;
    }
    const errno = lastErrno();
    if (errno === Errno.Again || errno === Errno.Interrupted) return 0;
    throw callFailed('receive', errno);
  }

  /** Takes the slot of datagram `i` of the last call; the caller owns it from then on. */
  take(i: number): number {
    const slot = this.#slots[i];
    this.#slots[i] = NO_SLOT;
    return slot;
  }

  /** Length of datagram `i` in bytes; -1 if it was longer than a slot. */
  length(i: number): number {
    return (this.#vector.flags(i) & MSG_TRUNC) !== 0 ? -1 : this.#vector.length(i);
  }

  /** Offset of the sender's address of datagram `i` in `names`. */
  nameOf(i: number): number {
    return i * NAME_STRIDE;
  }

  /** The traffic class of datagram `i`, if the socket reports it; otherwise 0. */
  trafficClass(i: number): number {
    if (this.#vector.controlLength(i) <= CONTROL_DATA) return 0;
    const { bytes } = this.#control;
    const at = i * CONTROL_BYTES;
    const level = bytes[at + CONTROL_LEVEL];
    const type = bytes[at + CONTROL_TYPE];
    const known = (level === IPPROTO_IP && type === IP_TOS) || (level === IPPROTO_IPV6 && type === IPV6_TCLASS);
    return known ? bytes[at + CONTROL_DATA] : 0;
  }

  /** Frees the slots that are waiting for datagrams. */
  close(): void {
    for (let i = 0; i < this.#slots.length; i++) if (this.#slots[i] !== NO_SLOT) this.#arena.free(this.take(i));
  }

  /** Ensures that the first `count` messages have slots, and room for address and control data. */
  #post(count: number): void {
    const vector = this.#vector;
    const { frameBytes, slotBytes } = this.#arena;
    for (let i = 0; i < count; i++) {
      if (this.#slots[i] === NO_SLOT) {
        const slot = this.#arena.take();
        if (slot === NO_SLOT) {
          count = i;
          break;
        }
        this.#slots[i] = slot;
        vector.setPiece(i, this.#base + slot * slotBytes + this.#offset, frameBytes);
      } else if (i >= this.#written) {
        continue;
      }
      vector.setName(i, this.#names.address + i * NAME_STRIDE, SOCKADDR_BYTES);
      vector.setControl(i, this.#control.address + i * CONTROL_BYTES, CONTROL_BYTES);
    }
    this.#posted = count;
    if (count >= this.#written) this.#written = 0;
  }
}
