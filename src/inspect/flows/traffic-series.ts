/** Traffic per network over time, in fixed memory. */
import { KeyIndex } from '../../memory/internal.js';

/** Number of intervals that a capture is divided into, at most. */
export const SERIES_INTERVALS = 240;
/** The shortest interval, in milliseconds. */
const FIRST_WIDTH_MS = 1;
/** Two rows of 240 numbers each per network: 4 MB for all of them. */
const MAX_NETWORKS = 1024;
/** A power of two. */
const RECENT_VNIS = 64;
/** Neither a VNI nor what stands for one. */
const NO_VNI = -2;
/** Stands for a VNI in `add`: ESP that wasn't decrypted, and whose network isn't known. */
export const SEALED_ESP = -3;

/** The traffic of a network per interval. */
export interface NetworkSeries {
  /** VNI; null for packets that aren't overlay traffic. */
  readonly vni: number | null;
  /** Bytes of the inner frames, or for a VNI of null, of the packets on the wire; one number per interval. */
  readonly bytes: readonly number[];
  readonly packets: readonly number[];
}

/** The traffic of ESP that wasn't decrypted, per interval. */
export interface EspSeries {
  /** Bytes of the outer IP packets. */
  readonly bytes: readonly number[];
  readonly packets: readonly number[];
}

/** What a series counted of a network: a value per interval. */
export interface SeriesNetwork {
  /** As in `add`. */
  readonly vni: number;
  readonly bytes: Float64Array;
  readonly packets: Float64Array;
}

/** What a series counted, for one with the same start. */
export interface SeriesPart {
  readonly widthMs: number;
  /** The first interval with traffic: a multiple of the width from the start, below 0 before it. */
  readonly first: number;
  /** Number of intervals from it to the last one with traffic. */
  readonly used: number;
  readonly networks: readonly SeriesNetwork[];
}

/** Traffic over time. */
export interface TrafficSeriesReport {
  /** Start of the first interval in nanoseconds since 1970, UTC: the earliest packet, or up to one interval before it. */
  readonly startNanoseconds: bigint;
  /** Length of an interval: 1 ms, doubled until the capture fits into 240 of them. */
  readonly intervalSeconds: number;
  /** Networks by VNI, and after them the packets that aren't overlay traffic. */
  readonly networks: readonly NetworkSeries[];
  /** ESP that wasn't decrypted; absent if there is none. */
  readonly esp?: EspSeries;
}

/**
 * Bytes and packets per network and interval. Intervals begin at multiples of their width from the first packet. When one
 * falls outside the intervals, more of them are used, and if there are no more, their width doubles, so that the work for
 * all packets together is bounded. The result doesn't depend on the order of the packets after the first one.
 */
export class TrafficSeries {
  /** Frames of networks that the full table couldn't list. */
  unlisted = 0;
  readonly #index = new KeyIndex(1, MAX_NETWORKS);
  readonly #bytes: Float64Array[] = [];
  readonly #packets: Float64Array[] = [];
  #startSeconds = Number.NaN;
  #startNanoseconds = 0;
  #widthMs = FIRST_WIDTH_MS;
  #perMs = 1 / FIRST_WIDTH_MS;
  /** The first interval with traffic, in widths from the start. */
  #first = 0;
  /** Number of intervals from the first to the last one with traffic. */
  #used = 0;
  // Ids of recent networks by the low bits of their VNI: cheaper than the index, and frames of few networks alternate.
  readonly #recentVnis = new Int32Array(RECENT_VNIS).fill(NO_VNI);
  readonly #recentIds = new Int32Array(RECENT_VNIS);

  /**
   * Counts a frame.
   * @param vni -1 for a packet that isn't overlay traffic, `SEALED_ESP` for ESP that wasn't decrypted
   * @param length bytes on the wire
   * @param seconds whole seconds of its time since 1970
   * @param nanoseconds the rest of its time
   */
  add(vni: number, length: number, seconds: number, nanoseconds: number): void {
    const recent = vni & (RECENT_VNIS - 1);
    if (this.#recentVnis[recent] !== vni) this.#select(vni, recent);
    const id = this.#recentIds[recent];
    if (id < 0) {
      this.unlisted++;
      return;
    }
    let interval = this.#intervalOf(seconds, nanoseconds) - this.#first;
    if (!(interval >= 0 && interval < this.#used)) interval = this.#makeRoom(seconds, nanoseconds);
    this.#bytes[id][interval] += length;
    this.#packets[id][interval]++;
  }

  /** When the first packet was; undefined before it. */
  get start(): { readonly seconds: number; readonly nanoseconds: number } | undefined {
    if (Number.isNaN(this.#startSeconds)) return undefined;
    return { seconds: this.#startSeconds, nanoseconds: this.#startNanoseconds };
  }

  /** Sets the time of the first packet, which another series counts; call it before `add`. */
  begin({ seconds, nanoseconds }: { readonly seconds: number; readonly nanoseconds: number }): void {
    this.#startSeconds = seconds;
    this.#startNanoseconds = nanoseconds;
  }

  /**
   * What was counted, for `merge`.
   * @internal
   */
  part(): SeriesPart {
    const networks = this.#bytes.map((bytes, id) => ({
      vni: this.#index.word(id, 0),
      bytes,
      packets: this.#packets[id],
    }));
    return { widthMs: this.#widthMs, first: this.#first, used: this.#used, networks };
  }

  /**
   * Adds what another series with the same start counted.
   * @returns false if there are too many networks: only one series can count which ones come first
   * @internal
   */
  merge({ widthMs, first, used, networks }: SeriesPart): boolean {
    if (used === 0) return true;
    while (this.#widthMs < widthMs) this.#double();
    const inWidths = (interval: number): number => Math.floor(interval / (this.#widthMs / widthMs));
    while (!this.#holds(inWidths(first)) || !this.#holds(inWidths(first + used - 1))) {
      // The one that is there by then limits the other.
      const next = this.#holds(inWidths(first)) ? first + used - 1 : first;
      if (!this.#reach(inWidths(next))) this.#double();
    }
    for (const { vni, bytes, packets } of networks) {
      this.#select(vni, 0);
      const id = this.#recentIds[0];
      if (id < 0) return false;
      for (let i = 0; i < used; i++) {
        const interval = inWidths(first + i) - this.#first;
        this.#bytes[id][interval] += bytes[i];
        this.#packets[id][interval] += packets[i];
      }
    }
    this.#recentVnis.fill(NO_VNI);
    return true;
  }

  /** The traffic so far; undefined if there was none with a time. */
  report(): TrafficSeriesReport | undefined {
    if (this.#used === 0) return undefined;
    const rows = this.#bytes.map((bytes, id) => ({
      vni: this.#index.word(id, 0),
      bytes: Array.from(bytes.subarray(0, this.#used)),
      packets: Array.from(this.#packets[id].subarray(0, this.#used)),
    }));
    const networks = rows
      .filter(({ vni }) => vni !== SEALED_ESP)
      .map((row) => ({ ...row, vni: row.vni < 0 ? null : row.vni }));
    const esp = rows.find(({ vni }) => vni === SEALED_ESP);
    return {
      startNanoseconds:
        BigInt(this.#startSeconds) * 1_000_000_000n +
        BigInt(this.#startNanoseconds) +
        BigInt(this.#first) * BigInt(this.#widthMs) * 1_000_000n,
      intervalSeconds: this.#widthMs / 1000,
      networks: networks.sort((one, other) => order(one.vni) - order(other.vni)),
      ...(esp === undefined ? {} : { esp: { bytes: esp.bytes, packets: esp.packets } }),
    };
  }

  #select(vni: number, recent: number): void {
    this.#index.key[0] = vni;
    const id = this.#index.add();
    this.#recentVnis[recent] = vni;
    this.#recentIds[recent] = id;
    if (id === this.#bytes.length) {
      this.#bytes.push(new Float64Array(SERIES_INTERVALS));
      this.#packets.push(new Float64Array(SERIES_INTERVALS));
    }
  }

  /** A time's interval in widths from the start; NaN before the first packet. */
  #intervalOf(seconds: number, nanoseconds: number): number {
    const ms = (seconds - this.#startSeconds) * 1000 + (nanoseconds - this.#startNanoseconds) / 1e6;
    return Math.floor(ms * this.#perMs);
  }

  #makeRoom(seconds: number, nanoseconds: number): number {
    if (Number.isNaN(this.#startSeconds)) {
      this.#startSeconds = seconds;
      this.#startNanoseconds = nanoseconds;
    }
    while (!this.#reach(this.#intervalOf(seconds, nanoseconds))) this.#double();
    return this.#intervalOf(seconds, nanoseconds) - this.#first;
  }

  #holds(interval: number): boolean {
    return interval >= this.#first && interval < this.#first + this.#used;
  }

  /** Uses the intervals as far as one, unless they are too many. */
  #reach(interval: number): boolean {
    if (this.#used === 0) this.#first = interval;
    const before = Math.max(0, this.#first - interval);
    const used = Math.max(this.#used + before, interval - this.#first + before + 1);
    if (used > SERIES_INTERVALS) return false;
    if (before > 0) {
      for (const row of [...this.#bytes, ...this.#packets]) {
        row.copyWithin(before, 0, this.#used);
        row.fill(0, 0, before);
      }
      this.#first = interval;
    }
    this.#used = used;
    return true;
  }

  #double(): void {
    this.#widthMs *= 2;
    this.#perMs /= 2;
    const first = Math.floor(this.#first / 2);
    // An odd first interval is the second half of a wider one.
    const shift = this.#first - 2 * first;
    for (const row of [...this.#bytes, ...this.#packets]) {
      for (let i = 0; i < SERIES_INTERVALS; i++) {
        const at = 2 * i - shift;
        row[i] = (at >= 0 && at < SERIES_INTERVALS ? row[at] : 0) + (at + 1 < SERIES_INTERVALS ? row[at + 1] : 0);
      }
    }
    this.#used = Math.ceil((this.#used + shift) / 2);
    this.#first = first;
  }
}

function order(vni: number | null): number {
  return vni ?? Infinity;
}
