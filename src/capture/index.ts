/**
 * Reads and writes capture files, pcap and pcapng, in fixed memory.
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
export { type RotatedFiles, RotatingFiles, type RotatingFilesOptions } from './file/rotating-files.js';
export { type ByteStream, IterableReader, StreamReader } from './stream-reader.js';
