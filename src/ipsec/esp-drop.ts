/** Why ESP processing dropped a packet. The dataplane's drop reasons use the kernel's names. */
export const EspDrop = {
  None: 0,
  /** No security association has this SPI and destination. */
  NoSa: 1,
  /** Too short for header, IV, trailer and ICV. */
  TooShort: 2,
  /** A fragment: ESP is opened after reassembly (RFC 4303 section 3.4.1). */
  Fragment: 3,
  /** ESP in UDP for an SA without UDP encapsulation, or the reverse (RFC 3948). */
  EncapMismatch: 4,
  /** Sequence number already seen (replay; RFC 4303 section 3.4.3). */
  Replayed: 5,
  /** The sequence number is before the anti-replay window, or is zero. */
  OutsideWindow: 6,
  /** The ICV is wrong (RFC 4303 section 3.4.4). */
  WrongIcv: 7,
  /** The pad length exceeds the packet, or the padding isn't 1, 2, 3 (RFC 4303 section 2.4). */
  BadPadding: 8,
  /** A dummy packet: next header 59 (RFC 4303 section 2.6). */
  Dummy: 9,
  /** Tunnel mode with a payload other than IP. */
  ModeMismatch: 10,
  /** The SA has reached a hard limit, or is closed. */
  Expired: 11,
  /** The sequence number would wrap to zero (RFC 4303 section 3.3.3). */
  SequenceExhausted: 12,
  /** Too few bytes before or after the packet for headers, trailer and ICV. */
  NoRoom: 13,
  /** Not an IP packet, or one that ESP can't protect: a fragment, or longer than IP allows. */
  UnsupportedPacket: 14,
  /** The SA's next sequence numbers could not be persisted before they are used. */
  SequenceNotReserved: 15,
  /** The packet's source address isn't the SA's (RFC 4301 section 5.2). */
  SourceMismatch: 16,
  /** Tunnel mode: the outer packet is marked CE, and the inner one is not ECN-capable (RFC 6040). */
  EcnLost: 17,
} as const;
export type EspDrop = (typeof EspDrop)[keyof typeof EspDrop];

/** Number of reasons. */
export const ESP_DROPS = Object.keys(EspDrop).length;
