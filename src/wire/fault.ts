/** What `check` can find wrong with a header. */
export const Fault = {
  /** Nothing: every accessor of the header's view may be used. */
  None: 0,
  /** The packet itself ends before the header does. */
  Short: 1,
  /** The capture ends before the header does (snaplen), though the packet went on. */
  Truncated: 2,
  /** The version field has another number than the header's. */
  BadVersion: 3,
  /** The header's own length (IHL, data offset, extension length) is too small or leads beyond the packet. */
  BadHeaderLength: 4,
  /** A length field leads beyond the packet. */
  BadLength: 5,
  /** A checksum is wrong (only where asked for). */
  BadChecksum: 6,
  /** A flag that must be set is clear (VXLAN's I). */
  BadFlags: 7,
  /** Reserved bits are set and the caller wants the receiver that refuses them. */
  ReservedBits: 8,
  /** A field has a value that the header's RFC forbids (an ARP for other address sizes, an SPI of zero). */
  BadValue: 9,
  /** More tags or extension headers are stacked than a sane packet has. */
  TooDeep: 10,
  /** A length field is smaller than the header that it counts. */
  LengthTooSmall: 11,
} as const;
export type Fault = (typeof Fault)[keyof typeof Fault];

const TEXT: readonly string[] = [
  'none',
  'header cut short',
  'cut off by the snaplen',
  'bad version',
  'bad header length',
  'length beyond the packet',
  'bad checksum',
  'required flag clear',
  'reserved bits set',
  'forbidden value',
  'headers stacked too deep',
  'length smaller than the header',
];

/** A few words for people about a fault. */
export function faultText(fault: Fault): string {
  return TEXT[fault];
}
