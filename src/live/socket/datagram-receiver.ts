/**
 * Receives VXLAN datagrams into a batch. The kernel may return several of one size in one message (UDP_GRO, udp(7)): they
 * become packets that share a slot, one directly behind the other.
 */
import { type Arena, NO_SLOT, type PacketBatch } from '../../memory/index.js';
import { viewOf } from '../../memory/internal.js';
import { ETHERNET_HEADER_LEN, EtherType, IpProtocol, IPV6_HEADER_LEN, VXLAN_HEADER_LEN } from '../../wire/index.js';
import { putSender } from './datagram-headers.js';
import { ReceiveVector } from './receive-vector.js';

/** Maximum messages per system call. */
const MESSAGES = 64;
/** Bytes to receive with one system call if messages are large: what caches hold. */
const CALL_BYTES = 512 << 10;
const MIN_MESSAGES = 4;
/** Most datagrams per message, fewer than the holders of a slot; the kernel merges 128 at most (UDP_MAX_SEGMENTS). */
const MAX_SEGMENTS = 250;
const IPV4_LENGTH = 2;
const IPV4_PROTOCOL = 9;
const IPV6_LENGTH = 4;
const IPV6_NEXT_HEADER = 6;
/** How much a call counts in the averages. */
const WEIGHT = 1 / 8;

/** Receives from one UDP socket. */
export class DatagramReceiver {
  /** Datagrams received. */
  received = 0;
  /** Messages longer than a slot. */
  overrun = 0;
  readonly #arena: Arena;
  readonly #family: 4 | 6;
  readonly #vector: ReceiveVector;
  /** Messages of the last call, and the next one to pass on. */
  #count = 0;
  #next = 0;
  /** The message that is being passed on: its slot, what is left of it, and the fields of its packets. */
  #slot = NO_SLOT;
  #at = 0;
  #end = 0;
  #size = 0;
  #sender = 0;
  #tos = 0;
  #segment = 0;
  /** Averages of recent messages. */
  #bytes = 0;
  #segments = 1;

  /**
   * @param arena holds the datagrams
   * @param family of the socket
   * @throws LiveError `SYSTEM_UNAVAILABLE`
   */
  constructor(arena: Arena, family: 4 | 6) {
    this.#arena = arena;
    this.#family = family;
    this.#vector = new ReceiveVector(arena, MESSAGES);
  }

  /** Whether datagrams that it has received wait for room in a batch. */
  get pending(): boolean {
    return this.#next < this.#count;
  }

  /**
   * Appends waiting datagrams to a batch, until it is full or the messages of one system call are taken.
   * @param batch of this arena
   * @throws LiveError if the socket has failed
   */
  receive(socket: number, batch: PacketBatch): void {
    this.#passOn(batch);
    if (this.pending || batch.full) return;
    this.#next = 0;
    this.#count = this.#vector.receive(socket, this.#messagesFor(batch.capacity - batch.count));
    this.#noteSizes();
    this.#passOn(batch);
  }

  /** Frees its slots; datagrams that wait for room are lost. */
  close(): void {
    if (this.#slot !== NO_SLOT) this.#arena.free(this.#slot);
    this.#slot = NO_SLOT;
    this.#count = 0;
    this.#next = 0;
    this.#vector.close();
  }

  /** How many messages to receive into the room for some packets. */
  #messagesFor(room: number): number {
    const inCaches = Math.max(MIN_MESSAGES, Math.floor(CALL_BYTES / (this.#bytes + 1)));
    return Math.max(1, Math.min(MESSAGES, inCaches, Math.floor(room / this.#segments)));
  }

  #noteSizes(): void {
    if (this.#count === 0) return;
    let bytes = 0;
    let segments = 0;
    for (let i = 0; i < this.#count; i++) {
      const length = Math.max(0, this.#vector.length(i));
      const size = this.#vector.segmentSize(i);
      bytes += length;
      segments += size > 0 && size < length ? Math.ceil(length / size) : 1;
    }
    this.#bytes += WEIGHT * (bytes / this.#count - this.#bytes);
    this.#segments += WEIGHT * (segments / this.#count - this.#segments);
  }

  #passOn(batch: PacketBatch): void {
    while (this.#next < this.#count && !batch.full) {
      if (this.#slot === NO_SLOT && !this.#begin(this.#next)) {
        this.#next++;
        continue;
      }
      const left = Math.max(1, Math.ceil((this.#end - this.#at) / this.#size));
      const room = batch.capacity - batch.count;
      const count = Math.min(left, room);
      // The last packet of the message takes this object's hold of the slot.
      const more = count === left ? count - 1 : count;
      if (more > 0) this.#arena.share(this.#slot, more);
      for (let i = 0; i < count; i++) this.#push(batch);
      if (count < left) return;
      this.#slot = NO_SLOT;
      this.#next++;
    }
  }

  #push(batch: PacketBatch): void {
    const end = Math.min(this.#at + this.#size, this.#end);
    const i = batch.push(this.#slot, this.#at, end);
    batch.sender[i] = this.#sender;
    batch.tos[i] = this.#tos;
    batch.segment[i] = this.#segment;
    this.#at = end;
    this.received++;
  }

  /** Begins to pass on a message. Returns false if it can't be. */
  #begin(i: number): boolean {
    const vector = this.#vector;
    const length = vector.length(i);
    const size = vector.segmentSize(i);
    if (length < 0 || (size > 0 && length > size * MAX_SEGMENTS)) {
      this.overrun++;
      return false;
    }
    const { bytes } = this.#arena;
    const slot = vector.take(i);
    const start = this.#arena.frameOffsetOf(slot);
    const end = start + length;
    this.#slot = slot;
    this.#at = start;
    this.#end = end;
    this.#tos = vector.trafficClass(i);
    this.#sender = putSender(bytes, start, this.#family, vector.names, vector.nameOf(i));
    const isOne = size === 0 || size >= length || isOneFrame(bytes, start, end);
    this.#size = isOne ? Math.max(1, length) : size;
    this.#segment = isOne && size > 0 && size < length ? size : 0;
    return true;
  }
}

/**
 * Whether a message is one datagram with a UDP packet that is yet to be segmented, so that the kernel reports the size of
 * its segments instead: the IP packet in the first frame is as long as the whole message.
 */
function isOneFrame(bytes: Uint8Array, start: number, end: number): boolean {
  const frame = start + VXLAN_HEADER_LEN;
  const ip = frame + ETHERNET_HEADER_LEN;
  if (end - ip < IPV6_HEADER_LEN) return false;
  const view = viewOf(bytes);
  switch (view.getUint16(ip - 2)) {
    case EtherType.Ipv4:
      return bytes[ip + IPV4_PROTOCOL] === IpProtocol.Udp && ip + view.getUint16(ip + IPV4_LENGTH) === end;
    case EtherType.Ipv6:
      return (
        bytes[ip + IPV6_NEXT_HEADER] === IpProtocol.Udp &&
        ip + IPV6_HEADER_LEN + view.getUint16(ip + IPV6_LENGTH) === end
      );
    default:
      return false;
  }
}
