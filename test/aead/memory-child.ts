/**
 * Run by secrets.test.ts with `--expose-gc`: searches this process's memory for a key while it is held and afterwards.
 */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { BACKENDS } from './backends.js';
import { KeyRing, Layout, packet } from './packets.js';
import { inverted, moveHeap, indexes } from './process-memory.js';

const backend = BACKENDS.find(({ name }) => name === process.argv[2]);
assert.ok(backend !== undefined);

const KEY_BYTES = 32;

const aead = backend.create();
const key = new Uint8Array(new ArrayBuffer(128)).subarray(0, KEY_BYTES);
randomFillSync(key);
// The second half: AES-256's first two round keys are the key itself. There is no other copy.
const hidden = inverted(key.subarray(16));
const id = aead.addKey(key);
key.fill(0);
const ring = new KeyRing(aead);
const layout = new Layout(ring, [packet(1, 100)]);
layout.batch.key[0] = id;
aead.seal(layout.batch);
aead.open(layout.batch);
assert.equal(layout.batch.verified[0], 1);
moveHeap();
const held = indexes(hidden);
aead.removeKey(id);
const removed = indexes(hidden);
process.stdout.write(JSON.stringify({ held, removed }));
