/** The pcapng file format (draft-ietf-opsawg-pcapng). */

/** Block types. */
export const BlockType = {
  SectionHeader: 0x0a0d0d0a,
  InterfaceDescription: 1,
  /** Obsolete, but still in use. */
  Packet: 2,
  SimplePacket: 3,
  NameResolution: 4,
  InterfaceStatistics: 5,
  EnhancedPacket: 6,
  /** A systemd journal entry; not a packet. */
  SystemdJournal: 9,
  /** Secrets of TLS, SSH or WireGuard, as Wireshark embeds them; none of them decrypts ESP. */
  DecryptionSecrets: 10,
} as const;

/** The section header's byte-order magic. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Option codes. */
export const OptionCode = { End: 0, Comment: 1, InterfaceName: 2, TimeResolution: 9, TimeOffset: 14 } as const;
/** Length in bytes of an option's code and length. */
export const OPTION_HEADER = 4;

/** Total length in bytes of a block's type, length and repeated length. */
export const BLOCK_FRAME = 12;
/** Length in bytes of an enhanced packet block before the packet, and of the smallest section header. */
export const ENHANCED_HEADER = 28;
export const SECTION_HEADER = 28;
/** Time resolution of an interface without `if_tsresol`: microseconds. */
export const DEFAULT_RESOLUTION = 6;

/** Maximum length of an interface name in bytes; a longer one is truncated at a character boundary. */
export const MAX_NAME = 1024;
/** Maximum length of a packet's comment in bytes, which is that of any option; a longer one is truncated likewise. */
export const MAX_COMMENT = 0xffff;

/** A length padded to 4 bytes, as blocks and options are. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}
