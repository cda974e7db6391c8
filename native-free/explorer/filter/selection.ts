/** The packets that a filter and a time range select, and what they sum up to: what every view shows. */

/** Totals by id of the index's tables, of the selected packets. */
export interface SelectionTotals {
  readonly packets: number;
  /** Bytes on the wire. */
  readonly bytes: number;
  readonly networkPackets: Float64Array;
  readonly networkBytes: Float64Array;
  readonly tunnelPackets: Float64Array;
  readonly tunnelBytes: Float64Array;
  readonly saPackets: Float64Array;
  readonly saBytes: Float64Array;
  /** By flow and side: that of the first address at `2 * id`. */
  readonly flowPackets: Uint32Array;
  readonly flowBytes: Float64Array;
  /** By flow: nanoseconds as in `PacketPart.time`; NaN without packets. */
  readonly flowFirst: Float64Array;
  readonly flowLast: Float64Array;
  /** By `Verdict`. */
  readonly verdicts: Float64Array;
  /** By `DropReason`. */
  readonly reasons: Float64Array;
}

/** Bytes over time, of the selected packets. */
export interface SelectionSeries {
  /** Start of the first interval: nanoseconds as in `PacketPart.time`. */
  readonly start: number;
  /** Length of an interval in nanoseconds. */
  readonly interval: number;
  readonly intervals: number;
  /** Bytes by network id, and last those of packets without a network: a value per interval each. */
  readonly bytes: readonly Float64Array[];
}

/** A selection. */
export interface Selection {
  /** Numbers of the packets from 0, ascending: the first `count` entries. */
  readonly rows: Uint32Array;
  readonly count: number;
  readonly totals: SelectionTotals;
  readonly series: SelectionSeries;
}
