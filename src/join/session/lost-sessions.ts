/** Decides which errors end a node, and which ones pass by themselves. */
import { JoinError } from '../error.js';

const FINAL: ReadonlySet<string> = new Set(['REMOVED_FROM_SWARM', 'CERTIFICATE_EXPIRED', 'STATE_UNUSABLE', 'CLOSED']);
/** Sessions lost to another process with this identity, in a row, after which this one gives way. */
const MAX_TAKEN = 3;
/** A session that lasted longer resets the count. */
const TAKEN_WITHIN_MS = 60_000;

/** The sessions and attempts that failed. */
export class LostSessions {
  /** By the monotonic clock, in milliseconds; undefined before the first registration. */
  #registeredAt: number | undefined;
  #taken = 0;
  /** Managers with certificates of another CA, while nothing else has answered. */
  readonly #foreign = new Set<string>();

  /** Records that a session was registered. */
  registered(): void {
    this.#registeredAt = performance.now();
    this.#foreign.clear();
  }

  /**
   * Records why a session was lost, or couldn't be opened.
   * @param address the manager's
   * @param managers addresses of all managers
   * @returns the error to end with, or undefined to try again
   */
  lost(error: JoinError, address: string, managers: readonly string[]): JoinError | undefined {
    if (FINAL.has(error.code)) return error;
    if (error.code === 'IDENTITY_IN_USE') {
      if (performance.now() - (this.#registeredAt ?? -Infinity) > TAKEN_WITHIN_MS) this.#taken = 0;
      return ++this.#taken >= MAX_TAKEN ? error : undefined;
    }
    // Once it was registered, it is what answers that changed, and may change back.
    if (this.#registeredAt !== undefined) return undefined;
    if (error.code !== 'FOREIGN_CERTIFICATE') {
      this.#foreign.clear();
      return undefined;
    }
    this.#foreign.add(address);
    if (!managers.every((manager) => this.#foreign.has(manager))) return undefined;
    return new JoinError(
      'FOREIGN_CERTIFICATE',
      `${error.message}; docker swarm ca --rotate may have replaced the root CA while this node was away`,
      { cause: error },
    );
  }
}
