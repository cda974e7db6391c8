/**
 * Reads and writes capture files, pcap and pcapng, in fixed memory.
 * @module vtep/capture
 */
export { BATCH_PACKETS, CaptureBatch } from './batch.js';
export { type ByteReader, MemoryReader } from './byte-reader.js';
export { CaptureError, type CaptureErrorCode } from './error.js';
export { openBytes, openCaptureFile, openCaptureStream } from './file-reader.js';
export { linkTypeName } from './link-type.js';
export { isLinkTypeKnown, LinkType } from '../wire/link-layer.js';
export { OutputFile, type OutputFileOptions } from './output-file.js';
export type { ByteSink, PacketSink } from './packet-sink.js';
export { PeekedSource } from './peeked-source.js';
export { PcapWriter, type PcapWriterOptions } from './pcap-writer.js';
export { PcapngWriter } from './pcapng-writer.js';
export { type RotatedFiles, RotatingFiles, type RotatingFilesOptions } from './rotating-files.js';
export { type CaptureInterface, type CaptureNote, MAX_PACKET } from './record-decoder.js';
export { openCapture, type PacketSource } from './source.js';
export { type ByteStream, IterableReader, StreamReader } from './stream-reader.js';
