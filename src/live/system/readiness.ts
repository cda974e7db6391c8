/**
 * Watches many descriptors beside Node's own event loop (epoll(7)). While nothing arrives, another thread waits, and
 * timers and connections of this one run as usual. While much arrives, this thread waits itself, a millisecond at most,
 * which saves the message from the other. Node's own pool isn't used: four other calls could block it.
 */
import { Worker } from 'node:worker_threads';
import { lastErrno, NativeMemory } from '../../foreign/index.js';
import { callFailed, Errno, linux } from './linux.js';

/** What a descriptor is watched for (epoll_ctl(2)). Errors and hang-ups are always reported. */
export const Interest = { Readable: 1, Writable: 4 } as const;
export type Interest = (typeof Interest)[keyof typeof Interest];

const CLOSE_ON_EXEC = 0o2000000;
const NON_BLOCKING = 0o4000;
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
/** Events taken per call. */
const EVENTS = 256;
/** struct epoll_event is packed on x86-64 only: the events and 64 bits of data. */
const EVENT_BYTES = process.arch === 'x64' ? 12 : 16;
const EVENT_DATA = EVENT_BYTES - 8;
/** Waits of this thread that may end without an event before the other takes over, a millisecond each. */
const EMPTY_WAITS = 2;
const THREAD = new URL('./readiness-thread.js', import.meta.url);
/** Heap limit of the thread in MiB. */
const MEMORY = 16;

/**
 * Whether the thread waits for descriptors.
 * @internal
 */
export const Waiting = { No: 0, Yes: 1, Over: 2 } as const;

/**
 * What the thread gets.
 * @internal
 */
export interface WaiterData {
  readonly epoll: number;
  /** One of `Waiting`. */
  readonly state: Int32Array<SharedArrayBuffer>;
}

/** Called when a descriptor is ready. Must not throw. */
export type ReadyCallback = () => void;

/** A set of descriptors with callbacks. They are reported again until there is nothing left to read. */
export class Readiness {
  readonly #epoll: number;
  /** Ends the wait of the thread when this is closed. */
  readonly #alarm: number;
  readonly #events = new NativeMemory(EVENTS * EVENT_BYTES);
  readonly #view: DataView;
  readonly #event = new NativeMemory(EVENT_BYTES);
  readonly #callbacks = new Map<number, ReadyCallback>();
  readonly #wait = linux().epollWait;
  readonly #state = new Int32Array(new SharedArrayBuffer(4));
  readonly #turn = (): void => this.#poll(1);
  #empty = 0;
  #closed = false;

  /** @throws LiveError `SYSTEM_UNAVAILABLE`, `SYSTEM_CALL` */
  constructor() {
    const { bytes } = this.#events;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#epoll = linux().epollCreate(CLOSE_ON_EXEC);
    if (this.#epoll < 0) throw callFailed('watch descriptors');
    this.#alarm = linux().eventfd(0, CLOSE_ON_EXEC | NON_BLOCKING);
    if (this.#alarm < 0) {
      const error = callFailed('watch descriptors');
      linux().close(this.#epoll);
      throw error;
    }
    this.#control(EPOLL_CTL_ADD, this.#alarm, Interest.Readable);
    const data: WaiterData = { epoll: this.#epoll, state: this.#state };
    const thread = new Worker(THREAD, { workerData: data, resourceLimits: { maxOldGenerationSizeMb: MEMORY } });
    thread.on('message', () => this.#poll(0));
    thread.once('exit', () => {
      linux().close(this.#alarm);
      linux().close(this.#epoll);
    });
    this.#setState(Waiting.Yes);
  }

  /**
   * Watches a descriptor.
   * @throws LiveError `SYSTEM_CALL`
   */
  add(descriptor: number, interest: Interest, ready: ReadyCallback): void {
    this.#control(EPOLL_CTL_ADD, descriptor, interest);
    this.#callbacks.set(descriptor, ready);
  }

  /** Watches a descriptor for something else. */
  change(descriptor: number, interest: Interest): void {
    this.#control(EPOLL_CTL_MOD, descriptor, interest);
  }

  /** Forgets a descriptor. To be called before it is closed. */
  remove(descriptor: number): void {
    if (this.#callbacks.delete(descriptor)) this.#control(EPOLL_CTL_DEL, descriptor, 0);
  }

  /** Stops watching; no callback is called any more. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#callbacks.clear();
    this.#setState(Waiting.Over);
    const one = new NativeMemory(8);
    one.bytes[0] = 1;
    linux().write(this.#alarm, one.address, one.bytes.length);
  }

  #control(operation: number, descriptor: number, interest: number): void {
    const { bytes } = this.#event;
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    view.setUint32(0, interest, true);
    view.setInt32(EVENT_DATA, descriptor, true);
    if (linux().epollControl(this.#epoll, operation, descriptor, this.#event.address) >= 0) return;
    // Removal can't fail in a way that matters.
    if (operation !== EPOLL_CTL_DEL) throw callFailed('watch a descriptor');
  }

  #setState(state: number): void {
    Atomics.store(this.#state, 0, state);
    Atomics.notify(this.#state, 0);
  }

  /** Takes what is ready, or waits for it in this thread. */
  #poll(milliseconds: number): void {
    if (this.#closed) return;
    const count = this.#wait(this.#epoll, this.#events.address, EVENTS, milliseconds);
    if (count > 0) this.#dispatch(count);
    else if (count < 0 && lastErrno() !== Errno.Interrupted) throw callFailed('wait for descriptors');
    else if (++this.#empty < EMPTY_WAITS) setImmediate(this.#turn);
    else this.#setState(Waiting.Yes);
  }

  #dispatch(count: number): void {
    this.#empty = 0;
    for (let i = 0; i < count; i++) {
      this.#callbacks.get(this.#view.getInt32(i * EVENT_BYTES + EVENT_DATA, true))?.();
    }
    // Timers and connections have their turn.
    setImmediate(this.#turn);
  }
}
