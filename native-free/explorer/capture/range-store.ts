/** A file that a server gives in ranges (RFC 9110 section 14), as `vtep explore` does. */
import type { ByteStore } from './byte-store.js';
import { StoreError } from './store-error.js';

const PARTIAL_CONTENT = 206;
const RANGE_NOT_SATISFIABLE = 416;
const CONTENT_RANGE = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/;

/** Reads ranges by URL; the request carries the cookies of the page's own origin. */
export class RangeStore implements ByteStore {
  readonly name: string;
  readonly size: number;
  readonly #url: string;
  /** Version of the file, by its first response. */
  #tag: string | null = null;

  /** @param size size of the file in bytes */
  constructor(url: string, name: string, size: number) {
    this.#url = url;
    this.name = name;
    this.size = size;
  }

  /** @throws StoreError `READ_FAILED`, `FILE_CHANGED` or `NO_RANGES` */
  async read(from: number, to: number): Promise<Uint8Array> {
    if (to <= from) return new Uint8Array(0);
    let response: Response;
    try {
      response = await fetch(this.#url, { headers: { range: `bytes=${from}-${to - 1}` } });
    } catch (error) {
      const why = 'its server does not answer: has vtep explore ended?';
      throw new StoreError('READ_FAILED', `${this.name}: ${why}`, { cause: error });
    }
    try {
      this.#check(response, from, to);
    } catch (error) {
      // What a server sends instead of a range may be the whole file.
      void response.body?.cancel().then(undefined, () => undefined);
      throw error;
    }
    const bytes = await this.#bodyOf(response);
    if (bytes.length !== to - from) throw this.#changed();
    return bytes;
  }

  async #bodyOf(response: Response): Promise<Uint8Array> {
    try {
      return new Uint8Array(await response.arrayBuffer());
    } catch (error) {
      const why = 'its server ended the connection within a response';
      throw new StoreError('READ_FAILED', `${this.name}: ${why}`, { cause: error });
    }
  }

  #check(response: Response, from: number, to: number): void {
    const { status, headers } = response;
    if (status === RANGE_NOT_SATISFIABLE) throw this.#changed();
    if (status === 200)
      throw new StoreError('NO_RANGES', `${this.name}: its server sends whole files only, not ranges`);
    if (status !== PARTIAL_CONTENT) {
      const hint = status === 401 || status === 403 ? ': open the address that vtep explore printed' : '';
      throw new StoreError('READ_FAILED', `${this.name}: its server answers with status ${status}${hint}`);
    }
    const range = CONTENT_RANGE.exec(headers.get('content-range') ?? '');
    if (range === null || Number(range[1]) !== from || Number(range[2]) !== to - 1 || Number(range[3]) !== this.size) {
      throw this.#changed();
    }
    const tag = headers.get('etag');
    if (this.#tag !== null && tag !== this.#tag) throw this.#changed();
    this.#tag = tag;
  }

  #changed(): StoreError {
    return new StoreError('FILE_CHANGED', `${this.name}: the file has changed since it was opened; open it again`);
  }
}
