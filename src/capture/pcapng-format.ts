/** The block capture file (draft-ietf-opsawg-pcapng). */

/** Block types. */
export const BlockType = {
  SectionHeader: 0x0a0d0d0a,
  InterfaceDescription: 1,
  /** Obsolete, still met. */
  Packet: 2,
  SimplePacket: 3,
  NameResolution: 4,
  InterfaceStatistics: 5,
  EnhancedPacket: 6,
  /** A journal entry of systemd: no packet. */
  SystemdJournal: 9,
  /** Secrets of TLS, SSH or WireGuard, as Wireshark embeds them; none of them opens ESP. */
  DecryptionSecrets: 10,
} as const;

/** The section header's mark, by which the reader tells the section's byte order. */
export const BYTE_ORDER_MAGIC = 0x1a2b3c4d;

/** Option codes. */
export const OptionCode = { End: 0, InterfaceName: 2, TimeResolution: 9, TimeOffset: 14 } as const;

/** Bytes of every block's type, length and repeated length. */
export const BLOCK_FRAME = 12;
/** Bytes of an enhanced packet block before the packet, and of the smallest section header. */
export const ENHANCED_HEADER = 28;
export const SECTION_HEADER = 28;
/** Resolution of times where the interface doesn't say: microseconds. */
export const DEFAULT_RESOLUTION = 6;

/** Bytes of an interface's name that are read or written; a longer one is cut between two characters. */
export const MAX_NAME = 1024;

/** A length with the padding to 4 bytes that blocks and options have. */
export function padded(length: number): number {
  return (length + 3) & ~3;
}
