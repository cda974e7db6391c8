/** Pings between two containers in both directions. */
import assert from 'node:assert/strict';
import { type NetworkNamespace } from './network-namespace.js';
import { ping } from './ping.js';

/** A container and its address. */
export interface Reachable {
  readonly container: NetworkNamespace;
  readonly ip: string;
}

/** Asserts that pings of each size with DF are all answered once, in both directions. */
export async function assertPingsBothWays(a: Reachable, b: Reachable, sizes: readonly number[]): Promise<void> {
  for (const size of sizes) {
    for (const [{ container }, { ip }] of [
      [a, b],
      [b, a],
    ] as const) {
      const { sent, received, duplicates, errors } = await ping(container, ip, { size, doNotFragment: true });
      assert.deepEqual(
        { size, ip, sent, received, duplicates, errors },
        { size, ip, sent: 5, received: 5, duplicates: 0, errors: [] },
      );
    }
  }
}
