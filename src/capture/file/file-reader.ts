/** Captures from files and standard input, gzip-compressed or not. */
import { closeSync, fstatSync, open, readSync, type Stats } from 'node:fs';
import { Socket } from 'node:net';
import { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createGunzip } from 'node:zlib';
import { type ByteReader, MemoryReader } from '../byte-reader.js';
import { CaptureError } from '../error.js';
import { READ_BYTES } from '../record-decoder.js';
import { openCapture, type PacketSource } from '../source.js';
import { STANDARD_STREAM, systemReason } from './standard-stream.js';
import { type ByteStream, IterableReader, StreamReader } from '../stream-reader.js';

const openLater = promisify(open);

function unusable(name: string, error: unknown): CaptureError {
  return new CaptureError('FILE_UNUSABLE', systemReason(name, error), { cause: error });
}

/** An open file, read synchronously, since a stream is ten times slower. */
class DescriptorReader implements ByteReader {
  readonly name: string;
  readonly size: number | undefined;
  readonly #descriptor: number;
  #open = true;

  constructor(descriptor: number, name: string, size: number | undefined) {
    this.#descriptor = descriptor;
    this.name = name;
    this.size = size;
  }

  read(into: Uint8Array): number | Promise<number> {
    try {
      return readSync(this.#descriptor, into, 0, into.length, null);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EOF') return 0;
      throw unusable(this.name, error);
    }
  }

  close(): void {
    if (this.#open && this.#descriptor !== 0) closeSync(this.#descriptor);
    this.#open = false;
  }
}

/** A pipe or a terminal. It may have no data yet; the event loop keeps running while a read waits. */
class PipeReader extends StreamReader {
  readonly #release: () => void;

  /** @param release called by `close`, once the stream is no longer read */
  constructor(stream: ByteStream, name: string, release: () => void) {
    super(stream, name);
    this.#release = release;
  }

  override close(): void {
    super.close();
    this.#release();
  }
}

/** Returns the bytes that were already read to detect the format, then the rest. */
class PeekedReader implements ByteReader {
  readonly name: string;
  readonly size: number | undefined;
  readonly #rest: ByteReader;
  #first: Uint8Array;

  constructor(first: Uint8Array, rest: ByteReader) {
    this.#first = first;
    this.#rest = rest;
    this.name = rest.name;
    this.size = rest.size;
  }

  read(into: Uint8Array): number | Promise<number> {
    if (this.#first.length === 0) return this.#rest.read(into);
    const count = Math.min(into.length, this.#first.length);
    into.set(this.#first.subarray(0, count));
    this.#first = this.#first.subarray(count);
    return count;
  }

  close(): void | Promise<void> {
    return this.#rest.close();
  }
}

/** Decompresses another reader's bytes, piece by piece. */
class GunzipReader implements ByteReader {
  readonly name: string;
  readonly size = undefined;
  readonly #packed: ByteReader;
  readonly #chunks: AsyncIterator<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array(0);

  constructor(packed: ByteReader) {
    this.#packed = packed;
    this.name = packed.name;
    const source = Readable.from(chunksOf(packed), { objectMode: false });
    const gunzip = createGunzip({ chunkSize: READ_BYTES });
    source.on('error', (error) => gunzip.destroy(error));
    this.#chunks = source.pipe(gunzip)[Symbol.asyncIterator]();
  }

  async read(into: Uint8Array): Promise<number> {
    while (this.#chunk.length === 0) {
      const next = await this.#next();
      if (next.done === true) return 0;
      this.#chunk = next.value;
    }
    const count = Math.min(into.length, this.#chunk.length);
    into.set(this.#chunk.subarray(0, count));
    this.#chunk = this.#chunk.subarray(count);
    return count;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
    await this.#packed.close();
  }

  async #next(): Promise<IteratorResult<Uint8Array>> {
    try {
      return await this.#chunks.next();
    } catch (error) {
      if (error instanceof CaptureError) throw error;
      const message = (error as Error).message;
      throw new CaptureError('CAPTURE_CUT_OFF', `its gzip data is truncated or damaged (${message})`, {
        cause: error,
      });
    }
  }
}

async function* chunksOf(reader: ByteReader): AsyncGenerator<Uint8Array> {
  for (;;) {
    const chunk = new Uint8Array(READ_BYTES);
    const count = await reader.read(chunk);
    if (count === 0) return;
    yield chunk.subarray(0, count);
  }
}

function standardInput(): ByteReader {
  const name = 'standard input';
  let stat: Stats | undefined;
  try {
    stat = fstatSync(0);
  } catch {
    // Closed: reads as empty.
  }
  if (stat?.isDirectory() === true) throw new CaptureError('FILE_UNUSABLE', `${name}: it is a directory`);
  if (stat?.isFile() === true) return new DescriptorReader(0, name, stat.size);
  const { stdin } = process;
  // A paused stdin doesn't keep the process alive, and can be read again.
  return new PipeReader(stdin, name, () => void stdin.pause());
}

async function openPath(path: string): Promise<ByteReader> {
  if (path === STANDARD_STREAM) return standardInput();
  let descriptor: number;
  try {
    // Asynchronous, since opening a named pipe blocks until it has a writer.
    descriptor = await openLater(path, 'r');
  } catch (error) {
    throw unusable(path, error);
  }
  const stat = fstatSync(descriptor);
  if (stat.isDirectory()) {
    closeSync(descriptor);
    throw new CaptureError('FILE_UNUSABLE', `${path}: it is a directory; name a file in it`);
  }
  if (stat.isFIFO()) {
    const pipe = new Socket({ fd: descriptor, readable: true, writable: false });
    return new PipeReader(pipe, path, () => void pipe.destroy());
  }
  return new DescriptorReader(descriptor, path, stat.isFile() ? stat.size : undefined);
}

/**
 * Opens any file as bytes, decompressing gzip.
 * @param path a file, or `-` for standard input
 * @throws CaptureError `FILE_UNUSABLE`
 */
export async function openBytes(path: string): Promise<ByteReader> {
  return decompressed(await openPath(path));
}

async function decompressed(raw: ByteReader): Promise<ByteReader> {
  try {
    return await peeked(raw);
  } catch (error) {
    await raw.close();
    throw error;
  }
}

async function peeked(raw: ByteReader): Promise<ByteReader> {
  const first = new Uint8Array(READ_BYTES);
  let held = 0;
  while (held < 2) {
    const count = await raw.read(first.subarray(held));
    if (count === 0) break;
    held += count;
  }
  const whole = new PeekedReader(first.subarray(0, held), raw);
  return held >= 2 && first[0] === 0x1f && first[1] === 0x8b ? new GunzipReader(whole) : whole;
}

/**
 * Opens a capture file: pcap or pcapng, gzip-compressed or not.
 * @param path a file, or `-` for standard input
 * @throws CaptureError as `openBytes` and `openCapture` do, with the path prepended
 * @example
 * import { openCaptureFile } from 'vtep/capture';
 *
 * const source = await openCaptureFile('wire.pcap');
 * for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
 *   for (let i = 0; i < batch.count; i++) console.log(batch.seconds[i], batch.originalLength[i]);
 * }
 * if (source.damage !== undefined) console.error(source.damage.message);
 * await source.close();
 */
export async function openCaptureFile(path: string): Promise<PacketSource> {
  return openNamed(await openBytes(path));
}

/**
 * Opens a capture from a stream, as `openCaptureFile` does from a file: an upload, a response body, standard input.
 * @param stream a Node Readable (an HTTP request is one), a web ReadableStream, or any async iterable of byte arrays.
 * The caller keeps ownership: neither an error nor the source's `close` destroys it, and unread data stays in it.
 * @param name display name
 * @throws CaptureError as `openCaptureFile` does
 */
export async function openCaptureStream(
  stream: ByteStream | AsyncIterable<Uint8Array>,
  name = 'stream',
): Promise<PacketSource> {
  const reader = isByteStream(stream) ? new StreamReader(stream, name) : new IterableReader(stream, name);
  if (reader instanceof StreamReader && reader.spent) {
    reader.close();
    throw new CaptureError('NOT_A_CAPTURE', `${name}: it was read to its end before; a stream can be read only once`);
  }
  return openNamed(await decompressed(reader));
}

function isByteStream(stream: ByteStream | AsyncIterable<Uint8Array>): stream is ByteStream {
  const { read: reads, on, off } = stream as Partial<ByteStream>;
  return typeof reads === 'function' && typeof on === 'function' && typeof off === 'function';
}

async function openNamed(reader: ByteReader): Promise<PacketSource> {
  try {
    return await openCapture(reader);
  } catch (error) {
    if (!(error instanceof CaptureError) || error.code === 'FILE_UNUSABLE') throw error;
    throw new CaptureError(error.code, `${reader.name}: ${error.message}`, { cause: error });
  }
}

/** A part of a Blob. */
export interface ByteBlobPart {
  /** Reads it. */
  arrayBuffer(): Promise<ArrayBuffer>;
}

/** What is needed of a Blob or File. */
export interface ByteBlob {
  readonly size: number;
  /** Returns the part from `start` to `end`. */
  slice(start: number, end: number): ByteBlobPart;
}

/**
 * What a capture can be read from: the path or `file:` URL of a file (`-` is standard input), its bytes, a Blob, or a
 * stream: a Node Readable, an HTTP request, the body of a `fetch`, any async iterable of byte arrays.
 */
export type CaptureInput = string | URL | Uint8Array | ArrayBuffer | ByteBlob | ByteStream | AsyncIterable<Uint8Array>;

/**
 * Opens a capture wherever it is: pcap or pcapng, gzip-compressed or not. What the caller passed in stays the caller's:
 * only a file that this opened is closed by the source's `close`, and a stream is never destroyed.
 * @param input see `CaptureInput`
 * @param name display name. Default: the path, or what kind of input it is
 * @throws CaptureError as `openCaptureFile` does, `FILE_UNUSABLE` for a value that is none of these
 * @example
 * import { openCaptureInput } from 'vtep/capture';
 *
 * const source = await openCaptureInput(process.stdin); // or an upload, a Blob, bytes
 * console.log(source.format);
 */
export async function openCaptureInput(input: CaptureInput, name?: string): Promise<PacketSource> {
  if (typeof input === 'string') return openCaptureFile(input);
  if (input instanceof URL) return openCaptureFile(pathOf(input));
  if (input instanceof Uint8Array) return openNamed(await decompressed(new MemoryReader(input, name)));
  if (input instanceof ArrayBuffer) return openCaptureInput(new Uint8Array(input), name);
  // Programs in JavaScript get no help from the type.
  const object = input as object | null | undefined;
  if (typeof object === 'object' && object !== null) {
    if (isByteBlob(input)) return openNamed(await decompressed(new BlobReader(input, name ?? 'blob')));
    if (isByteStream(input) || Symbol.asyncIterator in object) return openCaptureStream(input, name);
  }
  throw new CaptureError(
    'FILE_UNUSABLE',
    'not a capture to read: pass a path, bytes, a Blob, or a stream or async iterable of byte arrays; ' +
      'packets as sourceOf(packets)',
  );
}

function pathOf(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (error) {
    throw new CaptureError('FILE_UNUSABLE', `${url.href}: not the URL of a file; pass the body of a fetch instead`, {
      cause: error,
    });
  }
}

function isByteBlob(input: ByteBlob | ByteStream | AsyncIterable<Uint8Array>): input is ByteBlob {
  const { size, slice } = input as Partial<ByteBlob>;
  return typeof size === 'number' && typeof slice === 'function';
}

/** Reads a Blob piece by piece. */
class BlobReader implements ByteReader {
  readonly name: string;
  readonly size: number;
  readonly #blob: ByteBlob;
  #at = 0;

  constructor(blob: ByteBlob, name: string) {
    this.name = name;
    this.size = blob.size;
    this.#blob = blob;
  }

  async read(into: Uint8Array): Promise<number> {
    const end = Math.min(this.#at + into.length, this.size);
    if (end === this.#at) return 0;
    const bytes = new Uint8Array(await this.#blob.slice(this.#at, end).arrayBuffer());
    into.set(bytes);
    this.#at += bytes.length;
    return bytes.length;
  }

  close(): void {
    this.#at = this.size;
  }
}
