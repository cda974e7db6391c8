/** Splits a pcap file as a capturing program rotates files: between packets, each file with the header. */

const HEADER = 24;
const RECORD = 16;

/** The packets of a pcap file (little-endian) in a number of files of about the same size. */
export function splitCapture(bytes: Uint8Array, count: number): Uint8Array[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const files: Uint8Array[] = [];
  let start = HEADER;
  for (let at = HEADER; at < bytes.length;) {
    at += RECORD + view.getUint32(at + 8, true);
    const share = HEADER + ((bytes.length - HEADER) * (files.length + 1)) / count;
    if (at < share && at < bytes.length) continue;
    files.push(Buffer.concat([bytes.subarray(0, HEADER), bytes.subarray(start, at)]));
    start = at;
  }
  return files;
}
