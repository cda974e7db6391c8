/** The constants of a DNS message (RFC 1035, section 4). */

/** Length of the header. */
export const DNS_HEADER_LEN = 12;
/** Longest name on the wire, root label included (RFC 1035, section 2.3.4). */
export const MAX_NAME_LEN = 255;
/** Longest message: the length prefix of TCP has 16 bits. */
export const MAX_MESSAGE_LEN = 65_535;
/** Longest UDP payload over IPv4: an IP packet has at most 65,535 bytes, of which 28 are headers. */
export const MAX_UDP_PAYLOAD = 65_507;
/** UDP payload that every client takes (RFC 1035, section 2.3.4). */
export const MIN_UDP_PAYLOAD = 512;
/** Type, class, TTL and RDLENGTH of a record, after its owner name. */
export const RECORD_FIXED_LEN = 10;
/** TTL of the embedded DNS server's own answers, in seconds. */
export const LOCAL_TTL = 600;

/** Bits of the header's second word. */
export const HeaderFlag = {
  Response: 0x8000,
  OpCode: 0x7800,
  Authoritative: 0x0400,
  Truncated: 0x0200,
  RecursionDesired: 0x0100,
  RecursionAvailable: 0x0080,
  Zero: 0x0040,
  AuthenticData: 0x0020,
  CheckingDisabled: 0x0010,
  ResponseCode: 0x000f,
} as const;

/** Opcodes that have rules of their own, in place in the flags. */
export const OpCode = { Query: 0, Notify: 0x2000 } as const;

/** Response codes (RFC 1035, section 4.1.1). */
export const ResponseCode = {
  NoError: 0,
  FormatError: 1,
  ServerFailure: 2,
  NameError: 3,
  NotImplemented: 4,
  Refused: 5,
} as const;

/** Record types that the server answers or has to look into. */
export const RecordType = { A: 1, Ptr: 12, Mx: 15, Aaaa: 28, Opt: 41 } as const;

/** The class of every answer. */
export const CLASS_IN = 1;

/** How a query arrived, and how it is forwarded. */
export const DnsTransport = { Udp: 'udp', Tcp: 'tcp' } as const;
export type DnsTransport = (typeof DnsTransport)[keyof typeof DnsTransport];

/** Reads 16 bits in network order. */
export function read16(bytes: Uint8Array, at: number): number {
  return (bytes[at] << 8) | bytes[at + 1];
}

/** Writes 16 bits in network order. */
export function write16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

/** Writes 32 bits in network order. */
export function write32(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 24;
  bytes[at + 1] = value >>> 16;
  bytes[at + 2] = value >>> 8;
  bytes[at + 3] = value;
}
