/** Why a fragment went no further. */
export const ReassemblyDrop = {
  None: 0,
  /** The same part came before (RFC 8200 section 4.5); the datagram goes on. */
  Duplicate: 1,
  /** It overlaps another part: the datagram is given up, with the parts to come (RFC 5722, RFC 8900 section 3.7). */
  Overlap: 2,
  /** Two last parts that end differently, or a part beyond the last: the datagram is given up. */
  Inconsistent: 3,
  /** The datagram would be longer than 65,535 bytes: it is given up. */
  TooLong: 4,
  /** An empty part, or one that isn't the last and no multiple of 8 bytes (RFC 791 section 3.2). */
  BadLength: 5,
  /** The capture was cut by a snaplen within the part. */
  Truncated: 6,
  /** More parts than a datagram may have: it is given up. */
  TooManyParts: 7,
  /** The first part ends before the transport's header does (RFC 7112 section 5, IPv6): the datagram is given up. */
  HeaderChain: 8,
  /** The rest didn't come in time (RFC 791 section 3.2, RFC 8200 section 4.5). */
  Timeout: 9,
  /** The oldest had to go, because memory or the number of datagrams was used up. */
  Evicted: 10,
  /** Parts with and without ECN in one datagram (RFC 3168 section 5.3): it is given up. */
  EcnMixed: 11,
} as const;
export type ReassemblyDrop = (typeof ReassemblyDrop)[keyof typeof ReassemblyDrop];

/** How many reasons there are. */
export const REASSEMBLY_DROPS = Object.keys(ReassemblyDrop).length;
