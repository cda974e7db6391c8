/** Keys don't leak: no error reveals them, and a removed key leaves no copy in the process's memory. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { inspect } from 'node:util';
import { type AeadBatch } from '../../src/aead/index.js';
import { ROOT } from '../repository.js';
import { BACKENDS, describeEach, lacking } from './backends.js';
import { bytesOf, KEY_LENGTHS, KeyRing, Layout, packet } from './packets.js';

/** Everything an error reveals: its properties, causes and stack. */
function everything(error: unknown): string {
  return inspect(error, { depth: Infinity, showHidden: true, maxArrayLength: Infinity }).toLowerCase();
}

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  assert.fail('nothing was thrown');
}

/** Fails if four consecutive bytes of a key appear in a text, in hex, decimal or Base64. */
function assertSilent(text: string, key: Uint8Array): void {
  const bytes = [...key];
  for (let i = 0; i + 4 <= bytes.length; i++) {
    const part = bytes.slice(i, i + 4);
    const hex = part.map((byte) => byte.toString(16).padStart(2, '0'));
    for (const form of [hex.join(''), hex.join(' '), hex.join(':'), part.join(','), part.join(', ')]) {
      assert.ok(!text.includes(form), `${form} of the key is in: ${text}`);
    }
  }
  assert.ok(!text.includes(Buffer.from(key).toString('base64').slice(0, 8).toLowerCase()), text);
}

describeEach('errors', (create) => {
  test('reveal nothing of a key of invalid length', () => {
    const aead = create();
    for (const length of [15, 17, 20, 36, 64]) {
      const key = bytesOf('secret', length);
      assertSilent(everything(thrown(() => aead.addKey(key))), key);
    }
  });

  test('reveal nothing of the keys that a cipher holds, nor does inspecting it', () => {
    const ring = new KeyRing(create());
    const keys = KEY_LENGTHS.map((length) => bytesOf(`secret ${length}`, length));
    keys.forEach((key) => ring.id(key));
    const changes: readonly ((batch: AeadBatch) => void)[] = [
      (batch) => (batch.key[0] = 77),
      (batch) => (batch.offset[0] = -1),
      (batch) => (batch.icvLength[0] = 5),
      (batch) => (batch.count = 9),
    ];
    for (const change of changes) {
      for (const work of ['seal', 'open'] as const) {
        const layout = new Layout(ring, [{ ...packet(1, 20), key: keys[0] }]);
        change(layout.batch);
        const said = everything(thrown(() => ring.aead[work](layout.batch)));
        keys.forEach((key) => assertSilent(said, key));
      }
    }
    const shown = `${everything(ring.aead)} ${JSON.stringify(ring.aead)}`;
    keys.forEach((key) => assertSilent(shown, key));
  });
});

describe('removed keys', () => {
  for (const backend of BACKENDS) {
    const unreadable = existsSync('/proc/self/mem') ? false : 'process memory is only readable on Linux';
    // node-forge keeps keys in strings and arrays managed by the collector, as its removeKey says.
    const forge = backend.name === 'forge' ? 'node-forge keeps keys where they can’t be wiped' : false;
    const skip = lacking(backend) || unreadable || forge;
    test(`${backend.name}: leaves no copy in the process’s memory`, { skip }, () => {
      const script = join(ROOT, 'dist/test/aead/memory-child.js');
      const child = spawnSync(process.execPath, ['--expose-gc', script, backend.name], {
        encoding: 'utf8',
        timeout: 300_000,
      });
      assert.equal(child.status, 0, child.stderr);
      const found = JSON.parse(child.stdout) as { held: number; removed: number };
      assert.ok(found.held > 0, 'the search finds a key that is held');
      assert.equal(found.removed, 0, 'copies of a removed key');
    });
  }
});

describe('the valid ICV of a forged packet', () => {
  // An attacker who learns it can resend the packet with it. OpenSSL and node-forge keep it in private memory.
  const backend = BACKENDS.find(({ name }) => name === 'ipsec-mb');
  assert.ok(backend !== undefined);
  const unreadable = existsSync('/proc/self/mem') ? false : 'process memory is only readable on Linux';
  test('ipsec-mb: leaves no copy in memory after the comparison', { skip: lacking(backend) || unreadable }, () => {
    const script = join(ROOT, 'dist/test/aead/forged-icv-child.js');
    const child = spawnSync(process.execPath, ['--expose-gc', script, backend.name], {
      encoding: 'utf8',
      timeout: 300_000,
    });
    assert.equal(child.status, 0, child.stderr);
    const found = JSON.parse(child.stdout) as { sealed: number; forged: number };
    assert.ok(found.sealed > 0, 'the search finds an ICV that is held');
    assert.equal(found.forged, 0, 'copies of the valid ICV');
  });
});
