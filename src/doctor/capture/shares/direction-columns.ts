/** What a thread saw of directions inside networks: typed columns, which are cheap to hand to another thread. */

/** Words of a direction or a tunnel: scope, IP version, and both addresses in four words each. */
export const ENDS = 10;
/** Packets that an occurrence shows. */
export const SHOWN = 5;

/** Directions, by row. */
export interface DirectionColumns {
  readonly rows: number;
  /** `ENDS` words each. */
  readonly ends: Int32Array;
  /** The sender's MAC address in two words. */
  readonly macs: Int32Array;
  /** Index of its VTEPs in `tunnels`, which has `ENDS` words each. */
  readonly tunnel: Int32Array;
  readonly tunnels: Int32Array;
  readonly syns: Int32Array;
  readonly echoRequests: Int32Array;
  /** Bits by `OwnedBy` of what has state that another packet depends on: TCP, and from the fourth bit DNS. */
  readonly ownedBy: Uint8Array;
  readonly counts: Float64Array;
  /** Numbers of the first packets, `SHOWN` each; 0 for none. */
  readonly packets: Float64Array;
  /** Earliest and latest time; NaN for none. */
  readonly times: Float64Array;
}

/** Columns for a number of rows. */
export function directionColumns(rows: number, tunnels: Int32Array): DirectionColumns {
  return {
    rows,
    ends: new Int32Array(rows * ENDS),
    macs: new Int32Array(rows * 2),
    tunnel: new Int32Array(rows),
    tunnels,
    syns: new Int32Array(rows),
    echoRequests: new Int32Array(rows),
    ownedBy: new Uint8Array(rows),
    counts: new Float64Array(rows),
    packets: new Float64Array(rows * SHOWN),
    times: new Float64Array(rows * 2),
  };
}
