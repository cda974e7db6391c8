/** Receives many datagrams with one system call, each into a slot of an arena, where its bytes stay. */
import { addressOf, lastErrno, NativeMemory } from '../../foreign/index.js';
import { type Arena, NO_SLOT } from '../../memory/index.js';
import { viewOf } from '../../memory/internal.js';
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
const CONTROL_ALIGNMENT = 8;
const NOT_FOUND = -1;
const IPPROTO_IP = 0;
const IPPROTO_IPV6 = 41;
const IP_TOS = 1;
const IPV6_TCLASS = 67;
const IPPROTO_UDP = 17;
const UDP_GRO = 104;

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
    const at = this.#find(i, IPPROTO_IP, IP_TOS, 1);
    // An int, in host byte order.
    const data = at >= 0 ? at : this.#find(i, IPPROTO_IPV6, IPV6_TCLASS, 4);
    return data >= 0 ? this.#control.bytes[data] : 0;
  }

  /**
   * Bytes of each datagram but the last, which may have fewer, if message `i` contains several (UDP_GRO); otherwise 0.
   */
  segmentSize(i: number): number {
    const at = this.#find(i, IPPROTO_UDP, UDP_GRO, 4);
    return at >= 0 ? Math.max(0, viewOf(this.#control.bytes).getInt32(at, true)) : 0;
  }

  /** Frees the slots that are waiting for datagrams. */
  close(): void {
    for (let i = 0; i < this.#slots.length; i++) if (this.#slots[i] !== NO_SLOT) this.#arena.free(this.take(i));
  }

  /**
   * Finds control data of message `i`.
   * @param bytes minimum length of its data
   * @returns offset of its data in the control memory, or -1 if there is none
   */
  #find(i: number, level: number, type: number, bytes: number): number {
    const view = viewOf(this.#control.bytes);
    let at = i * CONTROL_BYTES;
    const end = at + Math.min(CONTROL_BYTES, this.#vector.controlLength(i));
    while (at + CONTROL_DATA <= end) {
      const length = view.getInt32(at, true);
      if (length < CONTROL_DATA || at + length > end) return NOT_FOUND;
      const isSought =
        view.getInt32(at + CONTROL_LEVEL, true) === level && view.getInt32(at + CONTROL_TYPE, true) === type;
      if (isSought) return length >= CONTROL_DATA + bytes ? at + CONTROL_DATA : NOT_FOUND;
      at += (length + CONTROL_ALIGNMENT - 1) & -CONTROL_ALIGNMENT;
    }
    return NOT_FOUND;
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
