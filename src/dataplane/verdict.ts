/** Verdicts of the capture decoder. */

/** What the decoder found in a packet. No value is falsy, so that none passes for "nothing" in a condition. */
export const Verdict = {
  /** An inner frame: `outerBytes` from `frameOffset` to `frameEnd`. */
  Frame: 1,
  /** A fragment, held for reassembly. */
  Held: 2,
  /** ESP, and the decoder has no keys. */
  Esp: 3,
  /** Not overlay traffic. */
  Other: 4,
  /** Dropped, for `reason`. */
  Dropped: 5,
  /** An inner frame of a VNI other than the selected one. */
  Filtered: 6,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];
