/** Writes responses to a client: a head is held back until it is known what follows, so that both go out as one. */
import type { Socket } from 'node:net';
import { Field, isDropped, type ResponseHead } from '../../../mesh/index.js';
import { writeCopy } from './write-copy.js';

const TRANSFER_CODING = 1 << Field.TransferEncoding;
/** Content up to so many bytes is copied behind a head that was changed; more is written by itself. */
const MAX_COPIED = 8192;

/** What a client gets other than what the backend sent. */
export interface HeadChange {
  /** 0 or 1, of the client's HTTP/1.x. */
  readonly minor: number;
  readonly keepsAlive: boolean;
  readonly takesChunks: boolean;
  /** More lines, with their ends. */
  readonly lines: string;
}

/** The responses of a connection. */
export class ResponseWriter {
  readonly #socket: Socket;
  #bytes: Buffer | undefined;
  #from = 0;
  #end = 0;
  #text = '';

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Takes the head of a final response. */
  head(head: ResponseHead, bytes: Buffer, { minor, keepsAlive, takesChunks, lines }: HeadChange): void {
    const { fields, connection, start, end } = head;
    const isKept = connection.dropped.length === 0 && !isDropped(fields.present, 0);
    if (isKept && keepsAlive && minor === 1 && lines === '') {
      this.#bytes = bytes;
      this.#from = start;
      this.#end = end;
      return;
    }
    const line = bytes.toString('latin1', start, head.fieldsStart);
    const option = keepsAlive ? (minor === 0 ? 'Connection: keep-alive\r\n' : '') : 'Connection: close\r\n';
    const dropped = takesChunks ? 0 : TRANSFER_CODING;
    this.#text = `${line}${fields.textWithout(bytes, dropped, connection.dropped)}${lines}${option}\r\n`;
  }

  /**
   * Writes content.
   * @returns false if the client doesn't read as fast
   */
  content(bytes: Buffer, start: number, end: number): boolean {
    const socket = this.#socket;
    const text = this.#text;
    if (text !== '') {
      this.#text = '';
      if (end - start <= MAX_COPIED) return socket.write(text + bytes.toString('latin1', start, end), 'latin1');
      socket.cork();
      socket.write(text, 'latin1');
      const isFast = this.#copy(bytes, start, end);
      socket.uncork();
      return isFast;
    }
    let from = start;
    if (this.#bytes !== undefined) {
      if (this.#bytes === bytes && this.#end === start) from = this.#from;
      else this.flush();
      this.#bytes = undefined;
    }
    return this.#copy(bytes, from, end);
  }

  /** Writes bytes that won't stay what they are. Short ones are a string, which costs less than memory for them. */
  #copy(bytes: Buffer, from: number, end: number): boolean {
    if (end - from <= MAX_COPIED) return this.#socket.write(bytes.toString('latin1', from, end), 'latin1');
    return writeCopy(this.#socket, bytes, from, end);
  }

  /** Writes a head that nothing follows for now. */
  flush(): void {
    const bytes = this.#bytes;
    const text = this.#text;
    if (bytes !== undefined) {
      this.#bytes = undefined;
      this.#copy(bytes, this.#from, this.#end);
    } else if (text !== '') {
      this.#text = '';
      this.#socket.write(text, 'latin1');
    }
  }
}
