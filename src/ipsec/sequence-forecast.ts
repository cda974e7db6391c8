/**
 * How long an SA that sends will last at the rate that it is used: until its sequence numbers run out (2^32 - 1 packets
 * are 12 hours at 99,420 packets a second; RFC 4303 section 3.3.3), or a hard limit is reached.
 */
import type { OutboundSa } from './outbound-sa.js';

const WORD = 2 ** 32;
/** Samples closer together than this say little about a rate. */
const SHORTEST = 1;
/** The time over which older samples fade out: bursts of a minute raise no alarm, an afternoon's load does. */
const FADE_SECONDS = 300;

/** Packets, bytes and time that an SA has left. */
export class SequenceForecast {
  /** Packets and bytes a second, of the last minutes. */
  packetRate = 0;
  byteRate = 0;
  readonly #sa: OutboundSa;
  #began: number;
  #at: number;
  #packets: number;
  #bytes: number;

  /** @param now seconds of the clock that `sample` goes by */
  constructor(sa: OutboundSa, now: number) {
    this.#sa = sa;
    this.#began = now;
    this.#at = now;
    this.#packets = sa.lifetime.packets;
    this.#bytes = sa.lifetime.bytes;
  }

  /** Sequence numbers that are left. */
  get numbersLeft(): number {
    const { esn, sequenceHigh, sequenceLow } = this.#sa;
    return ((esn ? WORD - 1 : 0) - sequenceHigh) * WORD + (WORD - 1 - sequenceLow);
  }

  /** Looks at how far the SA is. A clock that went back says nothing of the time since the last look: that is left out. */
  sample(now: number): void {
    const elapsed = now - this.#at;
    const { packets, bytes } = this.#sa.lifetime;
    if (elapsed < 0) {
      this.#began += elapsed;
      this.#at = now;
      this.#packets = packets;
      this.#bytes = bytes;
    }
    if (elapsed < SHORTEST) return;
    // The share of the new sample: all of it at first, then as much of the fading time as it covers.
    const share = 1 - Math.exp(-elapsed / Math.min(FADE_SECONDS, Math.max(elapsed, now - this.#began)));
    const weight = this.#at === this.#began ? 1 : share;
    this.packetRate += weight * ((packets - this.#packets) / elapsed - this.packetRate);
    this.byteRate += weight * ((bytes - this.#bytes) / elapsed - this.byteRate);
    this.#at = now;
    this.#packets = packets;
    this.#bytes = bytes;
  }

  /** Seconds from the last sample until nothing can be sent any more at the present rate; infinite without traffic. */
  get secondsLeft(): number {
    const { lifetime } = this.#sa;
    const packets = Math.min(this.numbersLeft, lifetime.hardPackets - lifetime.packets);
    const bytes = lifetime.hardBytes - lifetime.bytes;
    return Math.max(
      0,
      Math.min(secondsOf(packets, this.packetRate), secondsOf(bytes, this.byteRate), lifetime.hardTime - this.#at),
    );
  }
}

/** How long so many last at a rate. */
function secondsOf(left: number, rate: number): number {
  if (left <= 0) return 0;
  return rate > 0 ? left / rate : Number.POSITIVE_INFINITY;
}
