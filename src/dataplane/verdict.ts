/** What the decoder of captures says of a packet. */

/** What became of a packet. */
export const Verdict = {
  /** It carried an inner frame: `outerBytes` from `frameOffset` to `frameEnd`. */
  Frame: 0,
  /** It is a fragment and waits for the others. */
  Held: 1,
  /** It is encrypted, and no keys were given. */
  Esp: 2,
  /** It is no overlay traffic. */
  Other: 3,
  /** It went no further: `reason` says why. */
  Dropped: 4,
  /** It carried an inner frame of another VNI than the one that was asked for. */
  Filtered: 5,
} as const;
export type Verdict = (typeof Verdict)[keyof typeof Verdict];
