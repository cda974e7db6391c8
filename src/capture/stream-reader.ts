/** Bytes of a stream, for whoever reads a capture while signals and timers still run: a descriptor's reads stop them. */
import type { ByteReader } from './byte-reader.js';
import { CaptureError } from './error.js';
import { systemReason } from './standard-stream.js';

/** What is asked of a stream: a Readable of Node's is one. */
export interface ByteStream {
  /** The next bytes, or null if there are none yet. */
  read(): unknown;
  /** Calls a listener for `readable`, `end`, `close` and `error`. */
  on(event: string, listener: (error: Error) => void): unknown;
  /** Gives it up. */
  destroy(): unknown;
}

/** Reads a stream, which is paused while nobody reads. */
export class StreamReader implements ByteReader {
  readonly name: string;
  readonly size = undefined;
  readonly #stream: ByteStream;
  #chunk: Uint8Array = new Uint8Array(0);
  #ended = false;
  #failure: Error | undefined;
  #wake: () => void = () => undefined;

  /** @param stream of bytes, which nobody reads beside this; destroyed by `close` */
  constructor(stream: ByteStream, name: string) {
    this.name = name;
    this.#stream = stream;
    stream.on('readable', () => this.#wake());
    for (const event of ['end', 'close']) {
      stream.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
    stream.on('error', (error) => {
      this.#failure = error;
      this.#ended = true;
      this.#wake();
    });
  }

  /** @throws CaptureError `FILE_UNUSABLE` */
  read(into: Uint8Array): number | Promise<number> {
    if (this.#chunk.length === 0) {
      const chunk = this.#stream.read() as Uint8Array | null;
      if (chunk === null) return this.#readLater(into);
      this.#chunk = chunk;
    }
    const count = Math.min(into.length, this.#chunk.length);
    into.set(this.#chunk.subarray(0, count));
    this.#chunk = this.#chunk.subarray(count);
    return count;
  }

  close(): void {
    this.#ended = true;
    this.#stream.destroy();
    this.#wake();
  }

  async #readLater(into: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) {
      throw new CaptureError('FILE_UNUSABLE', systemReason(this.name, this.#failure), { cause: this.#failure });
    }
    if (this.#ended) return 0;
    await new Promise<void>((resolve) => (this.#wake = resolve));
    return this.read(into);
  }
}
