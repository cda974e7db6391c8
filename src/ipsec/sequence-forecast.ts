/**
 * Predicts how long an outbound SA will last at its current rate: until its sequence numbers are exhausted (2^32 - 1
 * packets are 12 hours at 99,420 packets per second; RFC 4303 section 3.3.3), or a hard limit is reached.
 */
import type { OutboundSa } from './outbound-sa.js';

const WORD = 2 ** 32;
/** Shortest interval between samples in seconds: a rate over less is mostly noise. */
const SHORTEST = 1;
/** Decay time of older samples in seconds: a one-minute burst raises no alarm, an afternoon's load does. */
const FADE_SECONDS = 300;

/** Packets, bytes and time that an SA has left. */
export class SequenceForecast {
  /** Packets and bytes per second over the last minutes. */
  packetRate = 0;
  byteRate = 0;
  readonly #sa: OutboundSa;
  #began: number;
  #at: number;
  #packets: number;
  #bytes: number;

  /** @param now seconds of the clock that `sample` uses */
  constructor(sa: OutboundSa, now: number) {
    this.#sa = sa;
    this.#began = now;
    this.#at = now;
    this.#packets = sa.lifetime.packets;
    this.#bytes = sa.lifetime.bytes;
  }

  /** Sequence numbers left. */
  get numbersLeft(): number {
    const { esn, sequenceHigh, sequenceLow } = this.#sa;
    return ((esn ? WORD - 1 : 0) - sequenceHigh) * WORD + (WORD - 1 - sequenceLow);
  }

  /** Samples the SA's position. If the clock went backwards, the time since the last sample is unknown and left out. */
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
    // Weight of the new sample: 1 at first, then by its share of the decay time.
    const share = 1 - Math.exp(-elapsed / Math.min(FADE_SECONDS, Math.max(elapsed, now - this.#began)));
    const weight = this.#at === this.#began ? 1 : share;
    this.packetRate += weight * ((packets - this.#packets) / elapsed - this.packetRate);
    this.byteRate += weight * ((bytes - this.#bytes) / elapsed - this.byteRate);
    this.#at = now;
    this.#packets = packets;
    this.#bytes = bytes;
  }

  /** Seconds from the last sample until the SA can no longer send, at the current rate; infinite without traffic. */
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

/** How long a remainder lasts at a rate. */
function secondsOf(left: number, rate: number): number {
  if (left <= 0) return 0;
  return rate > 0 ? left / rate : Number.POSITIVE_INFINITY;
}
