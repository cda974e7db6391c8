/**
 * Endpoints that wait for a key (a MAC or an IP address in a network) held by another endpoint. The first to claim a
 * key holds it, as in libnetwork (moby daemon/libnetwork/drivers/overlay/peerdb.go): when a container moves, its new
 * endpoint may be announced before the old one is removed.
 */
export class WaitingClaims {
  readonly #waiting = new Map<string, number[]>();

  /** Queues an endpoint for a key, after those already waiting. */
  add(key: string, endpoint: number): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, [endpoint]);
    else waiting.push(endpoint);
  }

  /** Removes an endpoint from a key's queue. Returns whether it was waiting. */
  remove(key: string, endpoint: number): boolean {
    const waiting = this.#waiting.get(key);
    const index = waiting?.indexOf(endpoint) ?? -1;
    if (waiting === undefined || index < 0) return false;
    waiting.splice(index, 1);
    if (waiting.length === 0) this.#waiting.delete(key);
    return true;
  }

  /** Removes and returns the endpoint that has waited longest for a key; -1 if none is waiting. */
  take(key: string): number {
    const endpoint = this.#waiting.get(key)?.[0] ?? -1;
    if (endpoint >= 0) this.remove(key, endpoint);
    return endpoint;
  }
}
