/** The content of a request on its way: where it ends. */
import { ChunkedContent, type MessageEnd } from '../../../mesh/index.js';

/** The content of one request at a time. */
export class RequestContent {
  #isChunked = false;
  #left = 0;
  #chunks: ChunkedContent | undefined;

  /** Starts with the content of another request. */
  begin({ isChunked, length }: MessageEnd): void {
    this.#isChunked = isChunked;
    this.#left = length;
    if (isChunked) (this.#chunks ??= new ChunkedContent()).begin();
  }

  /** Whether it has ended. */
  get isDone(): boolean {
    return this.#isChunked ? this.#chunks?.isDone === true : this.#left === 0;
  }

  /** Whether something was no chunk. Nothing more may be passed on. */
  get isBad(): boolean {
    return this.#isChunked && this.#chunks?.isBad === true;
  }

  /** Reads on. @returns how many bytes belong to it */
  read(bytes: Uint8Array): number {
    const chunks = this.#chunks;
    if (!this.#isChunked || chunks === undefined) {
      const length = Math.min(bytes.length, this.#left);
      this.#left -= length;
      return length;
    }
    let end = 0;
    while (end < bytes.length && !chunks.isDone && !chunks.isBad) end = chunks.read(bytes, end, bytes.length);
    return end;
  }
}
