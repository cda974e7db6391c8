/**
 * Writes a capture of any size to standard output, like those of `captures.ts`: input for programs that read a stream.
 *
 *     node dist/bench/generate.js --bytes N [--payload N]
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { OutputFile, PcapWriter } from '../src/capture/index.js';
import { FLOWS, makePacket } from './captures.js';

/** Number of distinct packets; they repeat. */
const PACKETS = 4096;
const PCAP_HEADER = 24;

/** The bytes of a capture: the file header, and the records. */
function captureBytes(payload: number): Uint8Array {
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => void chunks.push(Uint8Array.from(bytes)));
  for (let i = 0; i < PACKETS; i++) {
    const packet = makePacket(i % FLOWS, payload);
    writer.write(packet, 0, packet.length, packet.length, 1_700_000_000, i * 1000);
  }
  writer.flush();
  return Buffer.concat(chunks);
}

/** Writes whole records until at least the given number of bytes. */
function generate(bytes: number, payload: number): void {
  const { write } = new OutputFile('-');
  const made = captureBytes(payload);
  const record = (made.length - PCAP_HEADER) / PACKETS;
  const records = made.subarray(PCAP_HEADER);
  write(made.subarray(0, PCAP_HEADER));
  for (let left = Math.ceil((bytes - PCAP_HEADER) / record) * record; left > 0; left -= records.length) {
    write(left < records.length ? records.subarray(0, left) : records);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values } = parseArgs({ options: { bytes: { type: 'string' }, payload: { type: 'string' } } });
  const bytes = Number(values.bytes);
  const payload = Number(values.payload ?? 1400);
  if (!Number.isSafeInteger(bytes) || bytes < PCAP_HEADER || !Number.isSafeInteger(payload) || payload < 1) {
    process.stderr.write('generate: --bytes and --payload must be integers\n');
    process.exit(2);
  }
  generate(bytes, payload);
}
