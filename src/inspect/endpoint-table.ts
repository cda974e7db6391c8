/** Endpoints inside the overlays: MAC and IP address per network, and the VTEP they were behind. */
import { getWord, KeyIndex } from '../memory/internal.js';
import { formatIp, formatMac } from '../wire/index.js';

/** A MAC address with one of its IP addresses, in one network. */
export interface EndpointRow {
  readonly vni: number;
  readonly mac: string;
  /** IP address; undefined for frames without one. */
  readonly ip: string | undefined;
  /** Id of the VTEP's address, as last seen. */
  vtep: number;
  /** Number of times it sent from behind a different VTEP than before. */
  moves: number;
  /** Id of the address of the VTEP that it sent from first, if it moved; -1 if not. */
  firstVtep: number;
  sentFrames: number;
  sentBytes: number;
  receivedFrames: number;
  receivedBytes: number;
}

/** What is counted of an endpoint. */
export type EndpointCounts = Pick<
  EndpointRow,
  'moves' | 'sentFrames' | 'sentBytes' | 'receivedFrames' | 'receivedBytes'
>;

/** Bounded totals per endpoint. */
export class EndpointTable {
  readonly rows: EndpointRow[] = [];
  /** Frames whose sender or receiver the full table couldn't list. */
  unlisted = 0;
  readonly #limit: number;
  // Separate by key size: nearly all frames are IPv4, and need 4 words instead of 7.
  readonly #short: KeyIndex;
  readonly #long: KeyIndex;
  readonly #shortRows: EndpointRow[] = [];
  readonly #longRows: EndpointRow[] = [];

  constructor(limit: number) {
    this.#limit = limit;
    this.#short = new KeyIndex(4, limit);
    this.#long = new KeyIndex(7, limit);
  }

  /** Whether an endpoint couldn't be listed, or another one can't be. */
  get full(): boolean {
    return this.unlisted > 0 || this.rows.length >= this.#limit;
  }

  /** Replaces all rows, for a report: no frame may be counted afterwards. */
  replace(rows: Iterable<EndpointRow>): void {
    this.rows.length = 0;
    for (const row of rows) this.rows.push(row);
  }

  /**
   * Counts a frame sent by an endpoint.
   * @param macOffset offset of its MAC address
   * @param family 4 or 6, or 0 if the frame has no IP address
   * @param ipOffset offset of its IP address
   * @param vtep id of the outer source address
   * @param length frame length in bytes
   */
  sent(
    vni: number,
    bytes: Uint8Array,
    macOffset: number,
    family: number,
    ipOffset: number,
    vtep: number,
    length: number,
  ): void {
    const row = this.rowOf(vni, bytes, macOffset, family, ipOffset, vtep);
    if (row === undefined) return;
    row.sentFrames++;
    row.sentBytes += length;
    if (row.vtep !== vtep) {
      // Not a move if it was only known as a receiver: the frames it sends are authoritative.
      if (row.sentFrames > 1 && row.moves++ === 0) row.firstVtep = row.vtep;
      row.vtep = vtep;
    }
  }

  /** Counts a frame sent to an endpoint; parameters as for `sent`, with the outer destination as `vtep`. */
  received(
    vni: number,
    bytes: Uint8Array,
    macOffset: number,
    family: number,
    ipOffset: number,
    vtep: number,
    length: number,
  ): void {
    const row = this.rowOf(vni, bytes, macOffset, family, ipOffset, vtep);
    if (row === undefined) return;
    row.receivedFrames++;
    row.receivedBytes += length;
  }

  /**
   * Adds frames of an endpoint that were counted elsewhere, after those counted here.
   * @param row its row here
   * @param firstVtep id of the VTEP that it sent from first; `vtep` of the one that it sent from last
   */
  merge(row: EndpointRow, counts: EndpointCounts, firstVtep: number, vtep: number): void {
    if (counts.sentFrames > 0) {
      if (row.sentFrames > 0 && row.vtep !== firstVtep) row.moves++;
      row.vtep = vtep;
    }
    row.moves += counts.moves;
    row.sentFrames += counts.sentFrames;
    row.sentBytes += counts.sentBytes;
    row.receivedFrames += counts.receivedFrames;
    row.receivedBytes += counts.receivedBytes;
  }

  /**
   * The row of an endpoint, which is added if it is new.
   * @param macOffset offset of its MAC address
   * @param vtep id of the VTEP, if it is new
   * @returns undefined if the table is full
   */
  rowOf(
    vni: number,
    bytes: Uint8Array,
    macOffset: number,
    family: number,
    ipOffset: number,
    vtep: number,
  ): EndpointRow | undefined {
    const long = family === 6;
    const index = long ? this.#long : this.#short;
    const rows = long ? this.#longRows : this.#shortRows;
    const { key } = index;
    key[0] = vni;
    key[1] = getWord(bytes, macOffset);
    key[2] = (bytes[macOffset + 4] << 8) | bytes[macOffset + 5] | (family << 16);
    key[3] = family === 0 ? 0 : getWord(bytes, ipOffset);
    if (long) for (let i = 1; i < 4; i++) key[3 + i] = getWord(bytes, ipOffset + 4 * i);
    const id = index.add();
    if (id >= 0 && id < rows.length) return rows[id];
    if (id < 0 || this.rows.length === this.#limit) {
      if (id >= 0) index.delete(id);
      this.unlisted++;
      return undefined;
    }
    const row: EndpointRow = {
      vni,
      mac: formatMac(bytes, macOffset),
      ip: family === 0 ? undefined : formatIp(family, bytes, ipOffset),
      vtep,
      moves: 0,
      firstVtep: -1,
      sentFrames: 0,
      sentBytes: 0,
      receivedFrames: 0,
      receivedBytes: 0,
    };
    rows.push(row);
    this.rows.push(row);
    return row;
  }
}
