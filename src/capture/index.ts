/**
 * Reads and writes capture files, pcap and pcapng, in fixed memory.
 *
 * - {@link openCaptureFile} opens a file, {@link openCaptureInput} also bytes, Blobs and streams. Both return a
 *   {@link PacketSource}, which gives batches of packets; {@link batchesOf} loops over them and closes it.
 * - {@link PcapWriter} and {@link PcapngWriter} write; {@link OutputFile} is a file that is either complete or absent,
 *   and {@link RotatingFiles} a ring of files.
 * @module vtep/capture
 */
export * from './portable.js';
export {
  type ByteBlob,
  type ByteBlobPart,
  type CaptureInput,
  openBytes,
  openCaptureFile,
  openCaptureInput,
  openCaptureStream,
} from './file/file-reader.js';
export { OutputFile, type OutputFileOptions } from './file/output-file.js';
export { closeShared, openShared, readShared, type SharedFile } from './file/shared-file.js';
export { type RotatedFiles, RotatingFiles, type RotatingFilesOptions } from './file/rotating-files.js';
export { type ByteStream, IterableReader, StreamReader } from './stream-reader.js';
