/** Ports of concurrent connections differ, and those of closed ones rest. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClientPorts, MAX_CONNECTIONS } from '../../../src/generate/traffic/client-ports.js';

describe('client ports', () => {
  test('as many connections as may be open have ports of their own, above the well-known ones', () => {
    const ports = new ClientPorts(27_990);
    const taken = Array.from({ length: MAX_CONNECTIONS }, () => ports.take());
    assert.equal(new Set(taken).size, MAX_CONNECTIONS);
    for (const port of taken) assert.ok(port >= 32_768 && port <= 60_999);
  });

  test('a port comes again only after all others, and never while it is open', () => {
    const ports = new ClientPorts(0);
    const open = ports.take();
    const seen = new Set<number>();
    for (let i = 0; i < 28_000; i++) {
      const port = ports.take();
      assert.ok(port !== open && !seen.has(port));
      seen.add(port);
      ports.free(port);
    }
    assert.ok(seen.has(ports.take()));
  });
});
