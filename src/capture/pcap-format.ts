/** The classic capture file (draft-ietf-opsawg-pcap), and Kuznetzov's variant with an interface in each record. */

/** The first four bytes, in the file's own byte order. */
export const PcapMagic = {
  Micro: 0xa1b2c3d4,
  Nano: 0xa1b23c4d,
  /** Alexey Kuznetzov's modified format: microseconds, record headers 8 bytes longer. */
  Modified: 0xa1b2cd34,
} as const;

/** Length of the file header in bytes. */
export const PCAP_HEADER = 24;
/** Length of a record header in bytes. */
export const PCAP_RECORD = 16;
/** Length of a record header of the modified format in bytes. */
export const PCAP_MODIFIED_RECORD = 24;
/** Bits of the last header word that hold the link type; the upper bits give the length of the frame check sequence. */
export const PCAP_LINK_TYPE_MASK = 0xffff;
