/**
 * vtep without Node: no `node:` imports, no native parts, so that a browser can load it. Captures are passed as bytes
 * (`openCapture(new MemoryReader(bytes))`). The source on pcap-parser needs Node's streams and has a separate entry,
 * `vtep/native-free/pcap-parser`.
 * @module vtep/native-free
 */
export type { Aead, AeadBackend } from '../src/aead/aead.js';
export { AeadBatch, isIcvLength, NONCE_BYTES, NONCE_STRIDE } from '../src/aead/aead-batch.js';
export { AeadError, type AeadErrorCode } from '../src/aead/error.js';
export { selfTest } from '../src/aead/self-test.js';
export { BATCH_PACKETS, CaptureBatch } from '../src/capture/batch.js';
export { type ByteReader, MemoryReader } from '../src/capture/byte-reader.js';
export { CaptureError, type CaptureErrorCode } from '../src/capture/error.js';
export { linkTypeName } from '../src/capture/link-type.js';
export type { ByteSink, PacketSink } from '../src/capture/packet-sink.js';
export { PcapWriter, type PcapWriterOptions } from '../src/capture/pcap-writer.js';
export { PcapngWriter } from '../src/capture/pcapng-writer.js';
export { PeekedSource } from '../src/capture/peeked-source.js';
export { type CaptureInterface, type CaptureNote, MAX_PACKET } from '../src/capture/record-decoder.js';
export { openCapture, type PacketSource } from '../src/capture/source.js';
export * from '../src/dataplane/index.js';
export * from '../src/fragment/index.js';
export * from '../src/inspect/index.js';
export * from '../src/ipsec/index.js';
export * from '../src/memory/index.js';
export * from '../src/overlay/files.js';
export * from '../src/overlay/index.js';
export * from '../src/wire/index.js';
export { forgeBackend } from './forge-aead.js';
export { forgeHkdfSha256 } from './forge-hkdf.js';
