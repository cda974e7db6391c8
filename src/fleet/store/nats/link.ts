/** Whether the connection to the server is up, and how often it was lost. */
import type { NatsConnection } from '@nats-io/transport-node';
import { StoreError } from '../../error.js';
import { type Operation, storeFailure } from './failure.js';

/** Follows the state of a connection, which reconnects by itself. */
export class NatsLink {
  readonly #connection: NatsConnection;
  readonly #listeners = new Set<() => void>();
  #connected = true;
  #losses = 0;
  /** The user closed it. */
  #closing = false;
  /** Why the client gave the connection up: reconnecting was refused. */
  #fault: StoreError | undefined;

  constructor(connection: NatsConnection) {
    this.#connection = connection;
    void this.#follow();
    void connection.closed().then((error) => {
      this.#connected = false;
      if (!this.#closing) this.#fault = storeFailure(error ?? new Error('closed'), 'read', 'connection');
      this.#changed();
    });
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Whether the server is one of a cluster: what it answers may come from others. */
  get isClustered(): boolean {
    return this.#connection.info?.cluster !== undefined;
  }

  /** How often the connection was lost. */
  get losses(): number {
    return this.#losses;
  }

  get closed(): boolean {
    return this.#closing;
  }

  /** Whether the client gave the connection up: nothing brings it back. */
  get failed(): boolean {
    return this.#fault !== undefined;
  }

  /** Whether the connection is the one that was up when there had been so many losses. */
  isStill(losses: number): boolean {
    return this.#connected && this.#losses === losses;
  }

  /** Calls back on every change of the state. @returns what ends this */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** @throws StoreError `CLOSED`, or why the connection was given up */
  checkUsable(): void {
    if (this.#closing) throw new StoreError('CLOSED', 'the store is closed');
    if (this.#fault) throw this.#fault;
  }

  /**
   * Asks the server, unless it is known to be gone: the client would keep the question and send it later. A connection
   * lost meanwhile fails the operation at once.
   * @throws StoreError
   */
  async ask<T>(operation: Operation, what: string, question: () => Promise<T>): Promise<T> {
    this.checkUsable();
    if (!this.#connected) throw new StoreError('UNAVAILABLE', `${what}: there is no connection to the server`);
    const { promise: lost, end } = this.#lost(operation, what);
    try {
      return await Promise.race([question(), lost]);
    } catch (error) {
      throw storeFailure(error, operation, what);
    } finally {
      end();
    }
  }

  /** Resolves when the connection is up, was closed, or the signal is aborted. */
  async up(signal: AbortSignal | undefined): Promise<void> {
    while (!this.#connected && !this.#closing && !this.#fault && !signal?.aborted) await this.#change(signal);
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    this.#changed();
    await this.#connection.close();
  }

  #lost(operation: Operation, what: string): { promise: Promise<never>; end: () => void } {
    let end: () => void = () => undefined;
    const promise = new Promise<never>((_, reject) => {
      end = this.onChange(() => {
        const code = operation === 'write' ? 'OUTCOME_UNKNOWN' : 'UNAVAILABLE';
        if (!this.#connected) reject(new StoreError(code, `${what}: the connection was lost before the answer`));
      });
    });
    return { promise, end };
  }

  async #change(signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        end();
        signal?.removeEventListener('abort', done);
        resolve();
      };
      const end = this.onChange(done);
      signal?.addEventListener('abort', done, { once: true });
    });
  }

  async #follow(): Promise<void> {
    for await (const { type } of this.#connection.status()) {
      if (type === 'disconnect') {
        this.#connected = false;
        this.#losses++;
        this.#changed();
      } else if (type === 'reconnect') {
        this.#connected = true;
        this.#changed();
      }
    }
  }

  #changed(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
