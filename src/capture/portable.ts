/**
 * The part of `vtep/capture` that doesn't depend on Node: captures in memory or from any byte reader, and writers to
 * any sink.
 */
export { isLinkTypeKnown, LinkType } from '../wire/index.js';
export { batchesOf } from './batches-of.js';
export { BATCH_PACKETS, CaptureBatch } from './batch.js';
export { type ByteReader, MemoryReader } from './byte-reader.js';
export { CaptureError, type CaptureErrorCode } from './error.js';
export { linkTypeName } from './link-type.js';
export type { ByteSink, PacketSink } from './packet-sink.js';
export { PcapWriter, type PcapWriterOptions } from './pcap-writer.js';
export { type PacketComment, PcapngWriter } from './pcapng-writer.js';
export { PeekedSource } from './peeked-source.js';
export { type CaptureInterface, type CaptureNote, MAX_PACKET } from './record-decoder.js';
export { openCapture, type PacketSource } from './source.js';
