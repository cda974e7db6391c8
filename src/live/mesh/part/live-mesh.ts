/** The thread of a mesh, from the main thread's side. */
import { Worker } from 'node:worker_threads';
import type { MeshMessage, MeshOrder, MeshReport } from '../plan.js';

const THREAD = new URL('../thread/mesh-thread.js', import.meta.url);
/** Heap limit of the thread in MiB; what is in transit is outside of the heap. */
const MEMORY = 512;
/** Milliseconds beyond, for the log. */
const GRACE = 2000;

/** What a mesh's thread says. */
export interface MeshListener {
  /** Reports a problem, once. */
  readonly onTrouble: (what: string) => void;
  /** The thread has ended by itself. */
  readonly onEnd: (why: string) => void;
}

/** A mesh in a thread of its own. Orders may be given at once: they wait until it runs. */
export class LiveMesh {
  readonly #thread: Worker;
  readonly #done = new Map<number, () => void>();
  readonly #ended: Promise<void>;
  #marks = 0;
  #isClosed = false;
  #isAsking = false;
  #report: MeshReport | undefined;

  constructor({ onTrouble, onEnd }: MeshListener) {
    this.#thread = new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: MEMORY } });
    this.#thread.on('message', (message: MeshMessage) => {
      if (message.kind === 'done') this.#finish(message.id);
      else if (message.kind === 'report') {
        this.#isAsking = false;
        this.#report = message.report;
      } else if (message.what !== undefined) onTrouble(message.what);
    });
    let reason = 'the thread ended';
    this.#thread.once('error', (error: Error) => (reason = error.message));
    this.#ended = new Promise((resolve) => {
      this.#thread.once('exit', () => {
        const wasClosed = this.#isClosed;
        this.#isClosed = true;
        for (const id of [...this.#done.keys()]) this.#finish(id);
        resolve();
        if (!wasClosed) onEnd(reason);
      });
    });
  }

  /** What it had done when it was asked last. */
  get report(): MeshReport | undefined {
    return this.#report;
  }

  /** Gives an order, which takes effect after those before. */
  order(order: MeshOrder): void {
    if (!this.#isClosed) this.#thread.postMessage(order);
  }

  /** Asks for a report, unless one is under way. */
  ask(): void {
    if (this.#isAsking) return;
    this.#isAsking = true;
    this.order({ kind: 'report' });
  }

  /** Resolves when all orders so far have taken effect. */
  async settled(): Promise<void> {
    if (this.#isClosed) return;
    const id = ++this.#marks;
    await new Promise<void>((resolve) => {
      this.#done.set(id, resolve);
      this.order({ kind: 'mark', id });
    });
  }

  /** Stops listening, and ends the thread once its requests have ended, or after so many milliseconds. */
  async close(patience: number): Promise<void> {
    this.order({ kind: 'close', patience });
    this.#isClosed = true;
    const timer = setTimeout(() => void this.#thread.terminate(), patience + GRACE);
    await this.#ended;
    clearTimeout(timer);
  }

  /** Ends the thread and its connections at once. `close` resolves then. */
  terminate(): void {
    this.#isClosed = true;
    void this.#thread.terminate();
  }

  #finish(id: number): void {
    this.#done.get(id)?.();
    this.#done.delete(id);
  }
}
