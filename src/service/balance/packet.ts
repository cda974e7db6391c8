/** The packet that a balancer is handling: where it is, the MACs that it came with, and those that it leaves with. */
import { viewOf } from '../../memory/internal.js';
import { EtherType } from '../../wire/index.js';
import { BalanceDrop } from './balance-drop.js';
import { BalanceVerdict } from './balance-verdict.js';
import type { Leg } from './leg.js';

/** One packet after another: reused, so that stages pass one reference instead of ten numbers. */
export class Packet {
  bytes: Uint8Array = new Uint8Array(0);
  view: DataView = viewOf(this.bytes);
  /** Offsets of the IP header and the transport header, and the packet's end. An answer moves the first and the last. */
  at = 0;
  transport = 0;
  end = 0;
  protocol = 0;
  /** Milliseconds of the caller's clock modulo 2^32. */
  now = 0;
  /** The entry that its connection probably has, or -1. */
  hint = -1;
  /** Why it was dropped. */
  drop: BalanceDrop = BalanceDrop.None;
  /** The sender's MAC, as its first 4 bytes and last 2, and the MAC that the frame was sent to. */
  peerHigh = 0;
  peerLow = 0;
  ownHigh = 0;
  ownLow = 0;
  #toHigh = 0;
  #toLow = 0;
  #fromHigh = 0;
  #fromLow = 0;

  /** Takes a frame. Its packet is set by `begin`. */
  arrive(bytes: Uint8Array, start: number, now: number): void {
    this.#wrap(bytes);
    const { view } = this;
    this.now = now;
    this.ownHigh = view.getInt32(start);
    this.ownLow = view.getUint16(start + 4);
    this.peerHigh = view.getInt32(start + 6);
    this.peerLow = view.getUint16(start + 10);
  }

  /** Sets where the packet is: in the frame, or in a datagram that was reassembled. */
  begin(bytes: Uint8Array, at: number, end: number): void {
    this.#wrap(bytes);
    this.at = at;
    this.end = end;
    this.transport = at + (bytes[at] & 0xf) * 4;
    this.protocol = bytes[at + 9];
  }

  #wrap(bytes: Uint8Array): void {
    // The packets of a batch share one array, and storing a reference costs more than comparing it.
    if (this.bytes === bytes) return;
    this.bytes = bytes;
    this.view = viewOf(bytes);
  }

  get source(): number {
    return this.view.getInt32(this.at + 12);
  }

  get destination(): number {
    return this.view.getInt32(this.at + 16);
  }

  /** Drops the packet. The caller counts its frames. */
  refuse(reason: BalanceDrop): BalanceVerdict {
    this.drop = reason;
    return BalanceVerdict.Dropped;
  }

  /** Sets the next hop's MAC and the interface that the packet leaves by. */
  sendTo(high: number, low: number, from: Leg): void {
    this.#toHigh = high;
    this.#toLow = low;
    this.#fromHigh = from.macHigh;
    this.#fromLow = from.macLow;
  }

  /** Sends an answer back to the frame's sender, from the interface that it came to. */
  answer(): BalanceVerdict {
    this.#toHigh = this.peerHigh;
    this.#toLow = this.peerLow;
    this.#fromHigh = this.ownHigh;
    this.#fromLow = this.ownLow;
    return BalanceVerdict.Answered;
  }

  /** Writes the Ethernet header that it leaves with. */
  writeEthernet(view: DataView, start: number): void {
    view.setInt32(start, this.#toHigh);
    view.setUint16(start + 4, this.#toLow);
    view.setInt32(start + 6, this.#fromHigh);
    view.setUint16(start + 10, this.#fromLow);
    view.setUint16(start + 12, EtherType.Ipv4);
  }
}
