/**
 * Endpoints that wait for a key which another one has: for a MAC or an address of their network. The first that claims a key
 * has it, as in libnetwork (moby daemon/libnetwork/drivers/overlay/peerdb.go): while a container moves, the new endpoint may
 * be told of before the old one's end.
 */
export class WaitingClaims {
  readonly #waiting = new Map<string, number[]>();

  /** Has an endpoint wait, after those that wait already. */
  add(key: string, endpoint: number): void {
    const waiting = this.#waiting.get(key);
    if (waiting === undefined) this.#waiting.set(key, [endpoint]);
    else waiting.push(endpoint);
  }

  /** Has an endpoint wait no longer. Returns whether it did. */
  remove(key: string, endpoint: number): boolean {
    const waiting = this.#waiting.get(key);
    const index = waiting?.indexOf(endpoint) ?? -1;
    if (waiting === undefined || index < 0) return false;
    waiting.splice(index, 1);
    if (waiting.length === 0) this.#waiting.delete(key);
    return true;
  }

  /** Takes the endpoint that has waited longest for a key out of the line; -1 if none waits. */
  take(key: string): number {
    const endpoint = this.#waiting.get(key)?.[0] ?? -1;
    if (endpoint >= 0) this.remove(key, endpoint);
    return endpoint;
  }
}
