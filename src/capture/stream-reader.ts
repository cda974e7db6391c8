/** Bytes of streams and other asynchronous sources, which stay their owners': reading ends, and they are as they were. */
import type { ByteReader } from './byte-reader.js';
import { CaptureError } from './error.js';
import { systemReason } from './standard-stream.js';

/** What is asked of a stream: a Readable of Node's is one. */
export interface ByteStream {
  /** The next bytes, or null if there are none yet. */
  read(): unknown;
  /** Calls a listener for `readable`, `end`, `close` and `error`. */
  on(event: string, listener: (error: Error) => void): unknown;
  /** Takes a listener away. */
  off(event: string, listener: (error: Error) => void): unknown;
  /** Whether there is nothing more to come, since it ended or was destroyed before. */
  readonly readableEnded?: boolean;
  readonly destroyed?: boolean;
  /** Why it was destroyed, if it failed. */
  readonly errored?: Error | null;
}

/** Gives a chunk out in pieces. */
class Chunk {
  #rest: Uint8Array = new Uint8Array(0);

  get empty(): boolean {
    return this.#rest.length === 0;
  }

  /** @throws CaptureError `FILE_UNUSABLE` if it isn't bytes */
  put(chunk: unknown, name: string): void {
    if (!(chunk instanceof Uint8Array)) {
      const reason = `it gives ${typeof chunk === 'string' ? 'text' : `values of type ${typeof chunk}`}, not bytes`;
      throw new CaptureError('FILE_UNUSABLE', `${name}: ${reason}; set no encoding, and no object mode`);
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

function failed(name: string, error: unknown): CaptureError {
  return new CaptureError('FILE_UNUSABLE', systemReason(name, error), { cause: error });
}

/** Reads a stream, which is paused while nobody reads. */
export class StreamReader implements ByteReader {
  readonly name: string;
  readonly size = undefined;
  readonly #stream: ByteStream;
  readonly #chunk = new Chunk();
  #ended: boolean;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  /** @param stream of bytes, which nobody else reads meanwhile; never destroyed */
  constructor(stream: ByteStream, name: string) {
    this.name = name;
    this.#stream = stream;
    this.#ended = stream.readableEnded === true;
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

  /** Lets the stream go, and wakes whoever waits for it. */
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

  /** What comes after an end is of no account; without one, the rest is missing. */
  readonly #onClose = (): void => {
    if (!this.#ended) this.#failure ??= this.#stream.errored ?? new Error('it was closed before its end');
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

/** A ReadableStream of the web, whose iterator cancels it at the end if it isn't asked not to. */
interface WebStream extends AsyncIterable<Uint8Array> {
  getReader(): unknown;
  values(options: { preventCancel: boolean }): AsyncIterator<Uint8Array>;
}

function isWebStream(bytes: AsyncIterable<Uint8Array>): bytes is WebStream {
  const { getReader, values } = bytes as Partial<WebStream>;
  return typeof getReader === 'function' && typeof values === 'function';
}

/** Reads what `for await` would read. */
export class IterableReader implements ByteReader {
  readonly name: string;
  readonly size = undefined;
  readonly #iterator: AsyncIterator<Uint8Array>;
  /** Whether the iterator was made for this reading alone. A generator is its own iterator, and so its owner's. */
  readonly #own: boolean;
  readonly #chunk = new Chunk();
  #closed = false;
  #wake: () => void = () => undefined;

  /** @param bytes what gives arrays of bytes, which nobody else reads meanwhile */
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

  /** Ends the iterator, but not what it goes over, and wakes whoever waits for it. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake();
    // It may wait for what never comes, and how it ends is nothing that a reader of the capture could mend.
    if (this.#own) void this.#iterator.return?.().then(undefined, () => undefined);
  }
}
