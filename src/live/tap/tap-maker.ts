/** Creates and closes TAP devices in a separate thread, so that nothing else waits for the kernel. */
import { Worker } from 'node:worker_threads';
import { LiveError, type LiveErrorCode } from '../error.js';
import { closeDescriptor } from '../system/linux.js';
import { TapDevice } from './tap.js';
import type { OpenTap, TapOptions } from './tap-opening.js';

/**
 * A request to the thread; requests are handled in order.
 * @internal
 */
export type TapOrder =
  | { readonly kind: 'make'; readonly id: number; readonly options: TapOptions }
  | { readonly kind: 'close'; readonly descriptor: number }
  | { readonly kind: 'end' };

/**
 * A created device, or why it failed.
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
/** Heap limit of the thread in MiB. */
const MEMORY = 64;

/** Other threads that serve queues of devices. */
export interface QueueUsers {
  /** Resolves once none of them uses these descriptors any more. */
  release(descriptors: readonly number[]): Promise<void>;
}

/** Starts the thread with the first device. The thread keeps the process alive only while it creates a device. */
export class TapMaker {
  readonly #wanted = new Map<number, Wanted>();
  readonly #users: QueueUsers | undefined;
  /** Devices that are closed once others have released their queues. */
  readonly #closing = new Set<Promise<void>>();
  #thread: Worker | undefined;
  #last = 0;
  #closed = false;

  constructor(users?: QueueUsers) {
    this.#users = users;
  }

  /**
   * Creates a device. The thread creates and closes devices one at a time, in call order.
   * @returns rejects with the error of `openTap`, or with LiveError `SYSTEM_CALL` if the thread exits or this is closed
   */
  async make(options: TapOptions): Promise<TapDevice> {
    // A device of the same name may be among them.
    while (this.#closing.size > 0) await Promise.all(this.#closing);
    return this.#request(options);
  }

  #request(options: TapOptions): Promise<TapDevice> {
    return new Promise((done, fail) => {
      if (this.#closed) {
        fail(closedError());
        return;
      }
      const id = ++this.#last;
      this.#wanted.set(id, { options, done, fail });
      const thread = (this.#thread ??= this.#startThread());
      thread.ref();
      thread.postMessage({ kind: 'make', id, options } satisfies TapOrder);
    });
  }

  /** Stops the thread after its current request. Devices that are still open must be closed by their owners. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#thread?.postMessage({ kind: 'end' } satisfies TapOrder);
  }

  #startThread(): Worker {
    const thread = new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: MEMORY } });
    let why = 'the thread exited';
    thread.on('message', (made: TapMade) => this.#complete(made));
    thread.once('error', ({ message }: Error) => (why = message));
    thread.once('exit', () => {
      if (this.#thread === thread) this.#thread = undefined;
      const error = this.#closed ? closedError() : new LiveError('SYSTEM_CALL', `can't create TAP devices: ${why}`);
      for (const { fail } of this.#wanted.values()) fail(error);
      this.#wanted.clear();
    });
    return thread;
  }

  #complete(made: TapMade): void {
    const wanted = this.#wanted.get(made.id);
    this.#wanted.delete(made.id);
    if (this.#wanted.size === 0) this.#thread?.unref();
    if ('error' in made) {
      wanted?.fail(new LiveError(made.error.code, made.error.message));
    } else if (wanted === undefined || this.#closed) {
      this.#close([made.opened.descriptor, ...(made.opened.others ?? [])]);
      wanted?.fail(closedError());
    } else {
      wanted.done(new TapDevice(wanted.options, made.opened, (descriptors) => this.#release(descriptors)));
    }
  }

  /** Closes descriptors once nothing uses them: the number of one that is closed may soon be another file's. */
  #release(descriptors: readonly number[]): void {
    if (this.#users === undefined) {
      this.#close(descriptors);
      return;
    }
    const closing = this.#users.release(descriptors).then(() => {
      this.#closing.delete(closing);
      this.#close(descriptors);
    });
    this.#closing.add(closing);
  }

  /** Closes descriptors: in the thread while packets flow, immediately after `close`. */
  #close(descriptors: readonly number[]): void {
    for (const descriptor of descriptors) {
      if (this.#closed || this.#thread === undefined) closeDescriptor(descriptor);
      else this.#thread.postMessage({ kind: 'close', descriptor } satisfies TapOrder);
    }
  }
}

function closedError(): LiveError {
  return new LiveError('SYSTEM_CALL', "can't create TAP devices: closed");
}
