/** Verdicts of the capture decoder. */

/** What the decoder found in a packet. */
export const Verdict = {
  /** An inner frame: `outerBytes` from `frameOffset` to `frameEnd`. */
  Frame: 0,
  /** A fragment, held for reassembly. */
  Held: 1,
  /** ESP, and the decoder has no keys. */
  Esp: 2,
  /** Not overlay traffic. */
  Other: 3,
  /** Dropped, for `reason`. */
  Dropped: 4,
  /** An inner frame of a VNI other than the selected one. */
  Filtered: 5,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];
