/** Makes and closes TAP devices in a thread of its own, so that nothing else waits for the kernel. */
import { Worker } from 'node:worker_threads';
import { LiveError, type LiveErrorCode } from './error.js';
import { closeDescriptor } from './linux.js';
import { TapDevice } from './tap.js';
import type { OpenTap, TapOptions } from './tap-opening.js';

/**
 * What the thread is to do, in this order.
 * @internal
 */
export type TapOrder =
  | { readonly kind: 'make'; readonly id: number; readonly options: TapOptions }
  | { readonly kind: 'close'; readonly descriptor: number }
  | { readonly kind: 'end' };

/**
 * A device that the thread made, or why it could not.
 * @internal
 */
export type TapMade =
  | { readonly id: number; readonly opened: OpenTap }
  | { readonly id: number; readonly error: { readonly code: LiveErrorCode; readonly message: string } };

interface Wanted {
  readonly options: TapOptions;
  readonly done: (device: TapDevice) => void;
  readonly fail: (error: LiveError) => void;
}

const THREAD = new URL('./tap-thread.js', import.meta.url);
/** MiB of JavaScript objects that the thread may have. */
const MEMORY = 64;

/** The thread is begun with the first device. It keeps no process alive but while a device is being made. */
export class TapMaker {
  readonly #wanted = new Map<number, Wanted>();
  #thread: Worker | undefined;
  #last = 0;
  #closed = false;

  /**
   * Makes a device. Devices are made one by one; `close` of one is done by the thread, too, before any that is wanted later.
   * @returns rejects with what `openTap` throws, or LiveError `SYSTEM_CALL` if the thread or this ended meanwhile
   */
  make(options: TapOptions): Promise<TapDevice> {
    return new Promise((done, fail) => {
      if (this.#closed) {
        fail(closedError());
        return;
      }
      const id = ++this.#last;
      this.#wanted.set(id, { options, done, fail });
      const thread = (this.#thread ??= this.#begin());
      thread.ref();
      thread.postMessage({ kind: 'make', id, options } satisfies TapOrder);
    });
  }

  /** Ends the thread after what it is at. Devices that are still open are closed by whoever calls their `close`. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#thread?.postMessage({ kind: 'end' } satisfies TapOrder);
  }

  #begin(): Worker {
    const thread = new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: MEMORY } });
    let why = 'it ended';
    thread.on('message', (made: TapMade) => this.#take(made));
    thread.once('error', ({ message }: Error) => (why = message));
    thread.once('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
      const error = this.#closed ? closedError() : new LiveError('SYSTEM_CALL', `can't make TAP devices: ${why}`);
      for (const { fail } of this.#wanted.values()) fail(error);
      this.#wanted.clear();
    });
    return thread;
  }

  #take(made: TapMade): void {
    const wanted = this.#wanted.get(made.id);
    this.#wanted.delete(made.id);
    if (this.#wanted.size === 0) this.#thread?.unref();
    if ('error' in made) {
      wanted?.fail(new LiveError(made.error.code, made.error.message));
    } else if (wanted === undefined || this.#closed) {
      closeDescriptor(made.opened.descriptor);
      wanted?.fail(closedError());
    } else {
      wanted.done(new TapDevice(wanted.options, made.opened, (descriptor) => this.#release(descriptor)));
    }
  }

  /** Closes a device's descriptor: beside the packets while they pass, at once at the end. */
  #release(descriptor: number): void {
    if (this.#closed || this.#thread === undefined) closeDescriptor(descriptor);
    else this.#thread.postMessage({ kind: 'close', descriptor } satisfies TapOrder);
  }
}

function closedError(): LiveError {
  return new LiveError('SYSTEM_CALL', 'no TAP device is made any more: this was closed');
}
