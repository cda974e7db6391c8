/**
 * Readers for streams and other asynchronous sources. The caller keeps ownership: closing a reader leaves its stream
 * intact.
 */
import type { ByteReader } from './byte-reader.js';
import { CaptureError } from './error.js';
import { systemReason } from './file/standard-stream.js';

/** The part of a stream's interface that is needed; a Node Readable has it. */
export interface ByteStream {
  /** Returns the next bytes, or null if there are none yet. */
  read(): unknown;
  /** Adds a listener for `readable`, `end`, `close` or `error`. */
  on(event: string, listener: (error: Error) => void): unknown;
  /** Removes a listener. */
  off(event: string, listener: (error: Error) => void): unknown;
  /** Whether the stream has already ended or been destroyed. */
  readonly readableEnded?: boolean;
  readonly destroyed?: boolean;
  /** The error it was destroyed with, if any. */
  readonly errored?: Error | null;
}

/** A chunk of a stream, read in pieces. */
class Chunk {
  #rest: Uint8Array = new Uint8Array(0);

  get empty(): boolean {
    return this.#rest.length === 0;
  }

  /** @throws CaptureError `FILE_UNUSABLE` if it isn't bytes */
  put(chunk: unknown, name: string): void {
    if (!(chunk instanceof Uint8Array)) {
      throw new CaptureError('FILE_UNUSABLE', `${name}: ${notBytes(chunk)}`);
    }
    this.#rest = chunk;
  }

  take(into: Uint8Array): number {
    const count = Math.min(into.length, this.#rest.length);
    into.set(this.#rest.subarray(0, count));
    this.#rest = this.#rest.subarray(count);
    return count;
  }
}

function notBytes(chunk: unknown): string {
  const { bytes } = (chunk ?? {}) as { readonly bytes?: unknown };
  if (bytes instanceof Uint8Array) return 'it yields packets, not the bytes of a capture; pass sourceOf(packets)';
  const type = typeof chunk === 'string' ? 'text' : `values of type ${typeof chunk}`;
  return `it yields ${type}, not bytes; don't set an encoding or object mode`;
}

function failed(name: string, error: unknown): CaptureError {
  return new CaptureError('FILE_UNUSABLE', systemReason(name, error), { cause: error });
}

/** Reads a stream, which stays paused between reads. */
export class StreamReader implements ByteReader {
  readonly name: string;
  readonly size = undefined;
  /** Whether the stream had ended before this reader got it: somebody has read it. */
  readonly spent: boolean;
  readonly #stream: ByteStream;
  readonly #chunk = new Chunk();
  #ended: boolean;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  /** @param stream a byte stream with no other reader; never destroyed */
  constructor(stream: ByteStream, name: string) {
    this.name = name;
    this.#stream = stream;
    this.spent = stream.readableEnded === true;
    this.#ended = this.spent;
    this.#failure = stream.errored ?? undefined;
    if (stream.destroyed === true) this.#onClose();
    stream.on('readable', this.#onReadable);
    stream.on('end', this.#onEnd);
    stream.on('close', this.#onClose);
    stream.on('error', this.#onError);
  }

  /** @throws CaptureError `FILE_UNUSABLE` */
  read(into: Uint8Array): number | Promise<number> {
    while (this.#chunk.empty) {
      const chunk = this.#stream.read();
      if (chunk === null) return this.#readLater(into);
      this.#chunk.put(chunk, this.name);
    }
    return this.#chunk.take(into);
  }

  /** Detaches from the stream and wakes a pending read. */
  close(): void {
    const stream = this.#stream;
    stream.off('readable', this.#onReadable);
    stream.off('end', this.#onEnd);
    stream.off('close', this.#onClose);
    stream.off('error', this.#onError);
    this.#onEnd();
  }

  readonly #onReadable = (): void => {
    this.#wake();
  };

  readonly #onEnd = (): void => {
    this.#ended = true;
    this.#wake();
  };

  /** A close after the end is normal; without an end, data is missing. */
  readonly #onClose = (): void => {
    if (!this.#ended) this.#failure ??= this.#stream.errored ?? new Error('it was closed before it ended');
    this.#onEnd();
  };

  readonly #onError = (error: Error): void => {
    this.#failure ??= error;
    this.#onEnd();
  };

  async #readLater(into: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) throw failed(this.name, this.#failure);
    if (this.#ended) return 0;
    await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.read(into);
  }
}

/** A web ReadableStream, whose iterator cancels the stream when it ends, unless `preventCancel` is set. */
interface WebStream extends AsyncIterable<Uint8Array> {
  getReader(): unknown;
  values(options: { preventCancel: boolean }): AsyncIterator<Uint8Array>;
}

function isWebStream(bytes: AsyncIterable<Uint8Array>): bytes is WebStream {
  const { getReader, values } = bytes as Partial<WebStream>;
  return typeof getReader === 'function' && typeof values === 'function';
}

/** Reads an async iterable. */
export class IterableReader implements ByteReader {
  readonly name: string;
  readonly size = undefined;
  readonly #iterator: AsyncIterator<Uint8Array>;
  /** Whether the iterator was created for this reader. A generator is its own iterator and belongs to the caller. */
  readonly #own: boolean;
  readonly #chunk = new Chunk();
  #closed = false;
  #wake: () => void = () => undefined;

  /** @param bytes an iterable of byte arrays with no other reader */
  constructor(bytes: AsyncIterable<Uint8Array>, name: string) {
    this.name = name;
    this.#iterator = isWebStream(bytes) ? bytes.values({ preventCancel: true }) : bytes[Symbol.asyncIterator]();
    this.#own = (this.#iterator as unknown) !== bytes;
  }

  /** @throws CaptureError `FILE_UNUSABLE` */
  async read(into: Uint8Array): Promise<number> {
    const closed = new Promise<undefined>((resolve) => {
      this.#wake = () => {
        resolve(undefined);
      };
    });
    while (this.#chunk.empty) {
      if (this.#closed) return 0;
      let next: IteratorResult<Uint8Array> | undefined;
      try {
        next = await Promise.race([this.#iterator.next(), closed]);
      } catch (error) {
        throw failed(this.name, error);
      }
      if (next === undefined || next.done === true) return 0;
      this.#chunk.put(next.value, this.name);
    }
    return this.#chunk.take(into);
  }

  /** Ends the iterator, but not the underlying iterable, and wakes a pending read. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake();
    // The iterator may never settle, and the reader couldn't act on its failure anyway.
    if (this.#own) void this.#iterator.return?.().then(undefined, () => undefined);
  }
}
