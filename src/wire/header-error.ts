/** Results of a header check. Compare with `None`: no value is falsy, so a result isn't a condition. */
export const HeaderError = {
  /** Nothing: every accessor of the header's view is safe. */
  None: 1,
  /** The packet itself ends before the header does. */
  Short: 2,
  /** The capture ends before the header does (snaplen), but the packet continued. */
  Truncated: 3,
  /** The version field doesn't match the header. */
  BadVersion: 4,
  /** The header's own length (IHL, data offset, extension length) is too small or exceeds the packet. */
  BadHeaderLength: 5,
  /** A length field exceeds the packet. */
  BadLength: 6,
  /** A checksum is wrong (only if verification was requested). */
  BadChecksum: 7,
  /** A flag that must be set is clear (VXLAN's I). */
  BadFlags: 8,
  /** Reserved bits are set and the caller asked to refuse them. */
  ReservedBits: 9,
  /** A field has a value that the RFC forbids (ARP with other address sizes, SPI 0). */
  BadValue: 10,
  /** More stacked tags or extension headers than a sane packet has. */
  TooDeep: 11,
  /** A length field is smaller than its own header. */
  LengthTooSmall: 12,
} as const;
export type HeaderError = (typeof HeaderError)[keyof typeof HeaderError];

const TEXT: readonly string[] = [
  '',
  'none',
  'truncated header',
  'cut off by the snaplen',
  'bad version',
  'bad header length',
  'length exceeds the packet',
  'bad checksum',
  'required flag clear',
  'reserved bits set',
  'invalid value',
  'too many stacked headers',
  'length smaller than the header',
];

/** A short description of a fault, for display. */
export function headerErrorText(headerError: HeaderError): string {
  return TEXT[headerError];
}
