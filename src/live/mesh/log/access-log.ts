/** The file of an access log. Whatever becomes of it, requests aren't delayed, and memory doesn't grow. */
import { close, constants, open, write } from 'node:fs';

/** Bytes that are written at once, without waiting for the next `flush`. */
const WRITE_SIZE = 65_536;
/** Most bytes that wait; lines beyond are dropped. */
const MAX_WAITING = 1_048_576;
/** Permissions of a new file: it tells what people have asked for. */
const MODE = 0o640;
const STDOUT = 1;
/** The path of the standard output. */
export const STANDARD_OUTPUT = '-';

/** A log. Lines are added with `add`; `flush` is called a few times per second. */
export class AccessLog {
  readonly #onTrouble: (what: string | undefined) => void;
  #path: string | undefined;
  #descriptor: number | undefined;
  #isOpening = false;
  #isWriting = false;
  #isClosed = false;
  #lines: string[] = [];
  /** Bytes in `#lines`, which are ASCII. */
  #waiting = 0;
  /** What is being written, and how much of it has been. */
  #piece: Buffer | undefined;
  #written = 0;
  #pieceLines = 0;
  #isTroubled = false;
  #closing: (() => void) | undefined;
  logged = 0;
  dropped = 0;

  /** @param onTrouble receives what is wrong, and undefined when lines are written again */
  constructor(onTrouble: (what: string | undefined) => void) {
    this.#onTrouble = onTrouble;
  }

  /** Whether there is a log. */
  get isOn(): boolean {
    return this.#path !== undefined;
  }

  /** Writes to a file from now on, opened anew in any case, so that it can be rotated. @param path undefined for none */
  use(path: string | undefined): void {
    this.#release();
    this.#path = path;
    if (path === undefined) {
      this.#lines = [];
      this.#waiting = 0;
      this.#heal();
    } else this.#open();
  }

  /** Adds a line, with its end, in ASCII. */
  add(line: string): void {
    if (this.#path === undefined) return;
    if (this.#waiting + line.length > MAX_WAITING) {
      this.dropped++;
      return;
    }
    this.#lines.push(line);
    this.#waiting += line.length;
    if (this.#waiting >= WRITE_SIZE) this.flush();
  }

  /** Writes what waits, unless a write is under way. */
  flush(): void {
    if (this.#isWriting || this.#path === undefined) return;
    if (this.#descriptor === undefined) {
      this.#open();
      return;
    }
    if (this.#piece === undefined) {
      if (this.#waiting === 0) {
        this.#closing?.();
        return;
      }
      this.#piece = Buffer.from(this.#lines.join(''), 'latin1');
      this.#pieceLines = this.#lines.length;
      this.#written = 0;
      this.#lines = [];
      this.#waiting = 0;
    }
    this.#write(this.#piece, this.#descriptor);
  }

  /** Writes what waits, as far as that works at once, and closes the file. */
  async close(): Promise<void> {
    if (this.#path === undefined || this.#isTroubled) {
      this.#end();
      return;
    }
    await new Promise<void>((resolve) => {
      this.#closing = resolve;
      this.flush();
    });
    this.#end();
  }

  #end(): void {
    this.#isClosed = true;
    this.#release();
    this.#path = undefined;
  }

  #open(): void {
    if (this.#isOpening) return;
    const path = this.#path;
    if (path === undefined) return;
    if (path === STANDARD_OUTPUT) {
      this.#descriptor = STDOUT;
      this.flush();
      return;
    }
    this.#isOpening = true;
    // Without waiting for the reader of a pipe.
    const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;
    open(path, flags, MODE, (error, descriptor) => {
      this.#isOpening = false;
      if (error !== null) {
        if (this.#path === path) this.#fail(error);
        else if (!this.#isClosed) this.#open();
        return;
      }
      if (this.#isClosed || this.#path !== path || this.#descriptor !== undefined) close(descriptor, () => undefined);
      else this.#descriptor = descriptor;
      this.flush();
    });
  }

  #write(piece: Buffer, descriptor: number): void {
    this.#isWriting = true;
    write(descriptor, piece, this.#written, piece.length - this.#written, null, (error, length) => {
      this.#isWriting = false;
      if (error === null) {
        this.#written += length;
        if (this.#written === piece.length) {
          this.#piece = undefined;
          this.logged += this.#pieceLines;
        }
        this.#heal();
        // The file was replaced meanwhile.
        if (descriptor !== this.#descriptor && descriptor !== STDOUT) close(descriptor, () => undefined);
        if (this.#piece !== undefined || this.#waiting >= WRITE_SIZE || this.#closing !== undefined) this.flush();
      } else {
        if (descriptor !== this.#descriptor && descriptor !== STDOUT) close(descriptor, () => undefined);
        this.#fail(error);
      }
    });
  }

  /** Lines wait for the next `flush`. */
  #fail({ code, message }: NodeJS.ErrnoException): void {
    this.#closing?.();
    // A pipe that is full, and will be read.
    if (code === 'EAGAIN') return;
    if (this.#isTroubled) return;
    this.#isTroubled = true;
    this.#onTrouble(`the access log can't be written: ${reasonOf(code) ?? message}; lines beyond 1 MiB are dropped`);
  }

  #heal(): void {
    if (!this.#isTroubled) return;
    this.#isTroubled = false;
    this.#onTrouble(undefined);
  }

  #release(): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    // A write that is under way closes it afterwards.
    if (descriptor !== undefined && descriptor !== STDOUT && !this.#isWriting) close(descriptor, () => undefined);
  }
}

function reasonOf(code: string | undefined): string | undefined {
  switch (code) {
    case 'ENOSPC':
    case 'EDQUOT':
      return 'the disk is full';
    case 'ENOENT':
      return 'its directory does not exist';
    case 'ENXIO':
      return 'nobody reads the pipe';
    case 'EPIPE':
      return 'its reader is gone';
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
      return 'permission denied';
    case 'EISDIR':
      return 'it is a directory';
    default:
      return undefined;
  }
}
