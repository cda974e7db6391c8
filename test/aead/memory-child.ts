/** Run by secrets.test.ts with `--expose-gc`: looks for a key in this process's memory while it is held and after. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { BACKENDS } from './backends.js';
import { KeyRing, Layout, packet } from './packets.js';

const collect: unknown = (globalThis as { gc?: unknown }).gc;
assert.ok(typeof collect === 'function', 'run with --expose-gc');
const backend = BACKENDS.find(({ name }) => name === process.argv[2]);
assert.ok(backend !== undefined);

const KEY_BYTES = 32;
/** The key's second half, inverted: AES-256's first two round keys are the key itself. The key stands nowhere else. */
const inverted = new Uint8Array(new ArrayBuffer(128)).subarray(0, 16);

/** In how many places the second half of the key stands. */
function places(): number {
  const chunk = new Uint8Array(new ArrayBuffer(1 << 20));
  const memory = openSync('/proc/self/mem', 'r');
  let count = 0;
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (match === null) continue;
    const end = Number.parseInt(match[2], 16);
    for (let at = Number.parseInt(match[1], 16); at < end; at += chunk.length - 16) {
      let read = 0;
      try {
        read = readSync(memory, chunk, 0, Math.min(chunk.length, end - at), at);
      } catch {
        // Not readable: a guard page.
      }
      for (
        let i = chunk.indexOf(255 - inverted[0]);
        i >= 0 && i + 16 <= read;
        i = chunk.indexOf(255 - inverted[0], i + 1)
      ) {
        let same = 1;
        while (same < 16 && chunk[i + same] === 255 - inverted[same]) same++;
        if (same === 16) count++;
      }
      // What was copied here isn't to be found here.
      chunk.fill(0);
    }
  }
  closeSync(memory);
  return count;
}

const aead = backend.create();
const key = new Uint8Array(new ArrayBuffer(128)).subarray(0, KEY_BYTES);
randomFillSync(key);
for (let i = 0; i < 16; i++) inverted[i] = 255 - key[16 + i];
const id = aead.addKey(key);
key.fill(0);
const ring = new KeyRing(aead);
const layout = new Layout(ring, [packet(1, 100)]);
layout.batch.key[0] = id;
aead.seal(layout.batch);
aead.open(layout.batch);
assert.equal(layout.batch.verified[0], 1);
// Whatever stands in V8's own heap is moved by its collector, which leaves the old place as it was.
collect({ type: 'minor' });
const held = places();
aead.removeKey(id);
const removed = places();
process.stdout.write(JSON.stringify({ held, removed }));
