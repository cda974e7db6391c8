/** The classic capture file (draft-ietf-opsawg-pcap), and Kuznetzov's variant with an interface in each record. */

/** The four first bytes, read in the file's own byte order. */
export const PcapMagic = {
  Micro: 0xa1b2c3d4,
  Nano: 0xa1b23c4d,
  /** Alexey Kuznetzov's modified format: microseconds, records with 8 bytes more. */
  Modified: 0xa1b2cd34,
} as const;

/** Bytes of the file header. */
export const PCAP_HEADER = 24;
/** Bytes of a record's header. */
export const PCAP_RECORD = 16;
/** Bytes of a record's header in the modified format. */
export const PCAP_MODIFIED_RECORD = 24;
/** The link type's bits in the last word of the file header; those above say the length of a frame check sequence. */
export const PCAP_LINK_TYPE_MASK = 0xffff;
