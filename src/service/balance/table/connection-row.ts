/** A connection as a row of 64 bytes, one cache line. */

/** 32-bit words of a row. */
export const ROW_WORDS = 16;
/** Columns of the row. The first three are what a client's packet has, the next three what a backend's has. */
export const Column = {
  Client: 0,
  Vip: 1,
  /** The client's port and the VIP's. */
  FrontPorts: 2,
  Backend: 3,
  /** Where the backend answers to: the balancer's own address, or the client's without source NAT. */
  Local: 4,
  /** The backend's port, and the one that replaces the client's. */
  BackPorts: 5,
  /** Protocol, state and flags, 8 bits each from the top and 8 unused. A free row has protocol 0. */
  Meta: 6,
  /** When the connection has been idle too long, in milliseconds of the caller's clock modulo 2^32. */
  Deadline: 7,
  BackendId: 8,
  /** What translation adds to a checksum on the way to the backend: addresses above, ports below. */
  Deltas: 9,
  /** The client's MAC: its first 4 bytes, then its last 2 above the slot of the timer wheel. */
  MacHigh: 10,
  MacLow: 11,
  TimerPrevious: 12,
  TimerNext: 13,
  /** Neighbours in the list of half-open connections, or in that of idle ones. */
  Older: 14,
  Newer: 15,
} as const;

/** Ports of a packet in the other direction: source and destination swapped. */
export function swappedPorts(ports: number): number {
  return (ports << 16) | (ports >>> 16);
}

/** Flags of a connection. */
export const ConnectionFlag = {
  /** No answer from the backend yet: the first to go if the table is full. */
  HalfOpen: 0x01,
  /** The backend answers the client directly. */
  Direct: 0x02,
  /** The packets keep the client's address, so the backend's answers don't come back here. */
  Unmasqueraded: 0x04,
  /** Conntrack alone translates it: its timeouts apply, not IPVS's. */
  Tracked: 0x08,
  /** Its timeout has passed, and it is kept until the table is full. */
  Idle: 0x10,
} as const;
