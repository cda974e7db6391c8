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

/** What a series counted, for one with the same start. */
export interface SeriesPart {
  readonly widthMs: number;
  readonly used: number;
  /** Whether a packet was earlier than the start. */
  readonly moved: boolean;
  readonly networks: readonly { readonly vni: number; readonly bytes: Float64Array; readonly packets: Float64Array }[];
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
 * Bytes and packets per network and interval. When a packet falls outside the intervals, their width doubles (or, for one
 * before the first packet, they move), so that the work for all packets together is bounded.
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
  /** Number of intervals from the first to the last one with traffic. */
  #used = 0;
  #moved = false;
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
    let interval = this.#intervalOf(seconds, nanoseconds);
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
    return { widthMs: this.#widthMs, used: this.#used, moved: this.#moved, networks };
  }

  /**
   * Adds what another series with the same start counted.
   * @returns false if a packet was before the start, or there are too many networks: only one series can count that
   * @internal
   */
  merge({ widthMs, used, moved, networks }: SeriesPart): boolean {
    if (moved || this.#moved) return false;
    while (this.#widthMs < widthMs) this.#double();
    const merged = this.#widthMs / widthMs;
    for (const { vni, bytes, packets } of networks) {
      this.#select(vni, 0);
      const id = this.#recentIds[0];
      if (id < 0) return false;
      for (let i = 0; i < used; i++) {
        const interval = Math.floor(i / merged);
        this.#bytes[id][interval] += bytes[i];
        this.#packets[id][interval] += packets[i];
      }
    }
    this.#recentVnis.fill(NO_VNI);
    this.#used = Math.max(this.#used, Math.ceil(used / merged));
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
      startNanoseconds: BigInt(this.#startSeconds) * 1_000_000_000n + BigInt(this.#startNanoseconds),
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

  /** Index of a time's interval; negative before the first one, and NaN before the first packet. */
  #intervalOf(seconds: number, nanoseconds: number): number {
    const ms = (seconds - this.#startSeconds) * 1000 + (nanoseconds - this.#startNanoseconds) / 1e6;
    return Math.floor(ms * this.#perMs);
  }

  #makeRoom(seconds: number, nanoseconds: number): number {
    if (Number.isNaN(this.#startSeconds)) {
      this.#startSeconds = seconds;
      this.#startNanoseconds = nanoseconds;
    }
    let interval = this.#intervalOf(seconds, nanoseconds);
    while (interval >= SERIES_INTERVALS || this.#used - interval > SERIES_INTERVALS) {
      this.#double();
      interval = this.#intervalOf(seconds, nanoseconds);
    }
    if (interval < 0) {
      this.#moveBack(-interval);
      // Rounding may put it into the interval before.
      interval = Math.max(0, this.#intervalOf(seconds, nanoseconds));
    }
    this.#used = Math.max(this.#used, interval + 1);
    return interval;
  }

  #double(): void {
    this.#widthMs *= 2;
    this.#perMs /= 2;
    for (const row of [...this.#bytes, ...this.#packets]) {
      for (let i = 0; i < SERIES_INTERVALS / 2; i++) row[i] = row[2 * i] + row[2 * i + 1];
      row.fill(0, SERIES_INTERVALS / 2);
    }
    this.#used = Math.ceil(this.#used / 2);
  }

  #moveBack(intervals: number): void {
    this.#moved = true;
    for (const row of [...this.#bytes, ...this.#packets]) {
      row.copyWithin(intervals, 0, this.#used);
      row.fill(0, 0, intervals);
    }
    this.#used += intervals;
    const ms = intervals * this.#widthMs;
    this.#startSeconds -= Math.floor(ms / 1000);
    this.#startNanoseconds -= (ms % 1000) * 1e6;
    if (this.#startNanoseconds < 0) {
      this.#startSeconds--;
      this.#startNanoseconds += 1e9;
    }
  }
}

function order(vni: number | null): number {
  return vni ?? Infinity;
}
