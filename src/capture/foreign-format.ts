/** Recognises files that are not pcap or pcapng by their first bytes, to say what they are and how to convert them. */
import { encodeHex } from '../memory/internal.js';

/** Number of leading bytes that the recogniser needs. */
export const FOREIGN_PREFIX = 24;

const WITH_EDITCAP = 'convert it with editcap -F pcapng FILE OUT.pcapng';

/** Magic numbers in hexadecimal, and the format of a file that begins with each. */
const MAGICS: readonly (readonly [magic: string, what: string])[] = [
  ['736e6f6f70000000', `a snoop file; ${WITH_EDITCAP}`],
  ['474d4255', `a Network Monitor file; ${WITH_EDITCAP}`],
  ['52545353', `a Network Monitor file; ${WITH_EDITCAP}`],
  ['5452534e4946462064617461', `a Sniffer file; ${WITH_EDITCAP}`],
  ['58435000', `a Sniffer file; ${WITH_EDITCAP}`],
  ['6970747261636520', `an AIX iptrace file; ${WITH_EDITCAP}`],
  ['28b52ffd', 'compressed with zstd; decompress it with zstd -d, or pipe it: zstd -dc FILE | vtep COMMAND -'],
  ['fd377a585a00', 'compressed with xz; decompress it with unxz, or pipe it: xz -dc FILE | vtep COMMAND -'],
  ['425a68', 'compressed with bzip2; decompress it with bunzip2, or pipe it: bzip2 -dc FILE | vtep COMMAND -'],
  ['04224d18', 'compressed with lz4; decompress it with lz4 -d, or pipe it: lz4 -dc FILE | vtep COMMAND -'],
  ['504b0304', 'a zip archive; unpack it first'],
  ['377abcaf271c', 'a 7z archive; unpack it first'],
];

/** ERF (Endace) files have no magic number; this is the highest known record type. */
const MAX_ERF_TYPE = 48;
const ERF_HEADER = 16;

/**
 * Identifies a file that is neither pcap nor pcapng.
 * @param bytes its first bytes, up to `FOREIGN_PREFIX`
 * @returns what it is and how to convert it, without quoting any of its bytes (they may be a key); `undefined` if
 * unknown
 */
export function foreignFormat(bytes: Uint8Array): string | undefined {
  const hex = encodeHex(bytes.subarray(0, FOREIGN_PREFIX));
  const known = MAGICS.find(([magic]) => hex.startsWith(magic));
  if (known !== undefined) return known[1];
  if (isErf(bytes)) return `probably an ERF file (Endace); ${WITH_EDITCAP}`;
  if (isText(bytes)) {
    return "a text file; tcpdump's text output contains no packets, so capture with tcpdump -w FILE.pcap";
  }
  return undefined;
}

/** Whether the bytes look like an ERF record: a time in this century, a known type, consistent lengths. */
function isErf(bytes: Uint8Array): boolean {
  if (bytes.length < ERF_HEADER) return false;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const seconds = view.getUint32(4, true);
  const type = view.getUint8(8) & 0x7f;
  const recordLength = view.getUint16(10, false);
  const wireLength = view.getUint16(14, false);
  // 2000 to 2100; a record is never much longer than its packet on the wire.
  const timely = seconds > 946_684_800 && seconds < 4_102_444_800;
  const plausible = recordLength >= ERF_HEADER && wireLength > 0 && recordLength <= wireLength + 64;
  return timely && type > 0 && type <= MAX_ERF_TYPE && plausible;
}

/** Printable ASCII and white space only. */
function isText(bytes: Uint8Array): boolean {
  return bytes.every((byte) => (byte >= 0x20 && byte < 0x7f) || byte === 0x09 || byte === 0x0a || byte === 0x0d);
}
