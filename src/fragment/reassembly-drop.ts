/** Why a fragment was dropped. */
export const ReassemblyDrop = {
  None: 0,
  /** An exact duplicate (RFC 8200 section 4.5); reassembly continues. */
  Duplicate: 1,
  /**
   * The fragment overlaps another: the datagram and its further fragments are dropped (RFC 5722, RFC 8900 section 3.7).
   */
  Overlap: 2,
  /** Two last fragments with different ends, or a fragment beyond the last one: the datagram is dropped. */
  Inconsistent: 3,
  /** The datagram would exceed 65,535 bytes, and is dropped. */
  TooLong: 4,
  /** An empty fragment, or a fragment other than the last whose length isn't a multiple of 8 (RFC 791 section 3.2). */
  BadLength: 5,
  /** A snaplen truncated the fragment in the capture. */
  Truncated: 6,
  /** More fragments than a datagram may have: the datagram is dropped. */
  TooManyParts: 7,
  /** The first fragment ends within the header chain (RFC 7112 section 5, IPv6): the datagram is dropped. */
  HeaderChain: 8,
  /** The remaining fragments didn't arrive in time (RFC 791 section 3.2, RFC 8200 section 4.5). */
  Timeout: 9,
  /** The oldest datagram, evicted because the limit of memory or of datagrams was reached. */
  Evicted: 10,
  /** Fragments with and without ECN in one datagram (RFC 3168 section 5.3): the datagram is dropped. */
  EcnMixed: 11,
} as const;
export type ReassemblyDrop = (typeof ReassemblyDrop)[keyof typeof ReassemblyDrop];

/** Number of reasons. */
export const REASSEMBLY_DROPS = Object.keys(ReassemblyDrop).length;
