/** Which packet of a capture is being looked at: one object per exam, overwritten for each packet. */

/** A packet's number and time. */
export interface PacketStamp {
  /** From 1, as Wireshark counts. */
  number: number;
  /** Seconds since 1970 with their fraction; NaN if the packet has no time. */
  seconds: number;
  /** Seconds since the capture's first packet that has a time, exact to the nanosecond; NaN if this one has none. */
  elapsed: number;
}
