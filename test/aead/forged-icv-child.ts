/** Run by secrets.test.ts with `--expose-gc`: searches this process's memory for the valid ICV of a forged packet. */
import assert from 'node:assert/strict';
import { BACKENDS } from './backends.js';
import { KeyRing, Layout, packet } from './packets.js';
import { inverted, moveHeap, indexes } from './process-memory.js';

const backend = BACKENDS.find(({ name }) => name === process.argv[2]);
assert.ok(backend !== undefined);

const aead = backend.create();
const { batch } = new Layout(new KeyRing(aead), [packet(1, 100)]);
aead.seal(batch);
const icv = batch.bytes.subarray(batch.icvOffset[0], batch.icvOffset[0] + 16);
const hidden = inverted(icv);
const sealed = indexes(hidden);
// This is the only copy.
for (let i = 0; i < icv.length; i++) icv[i] ^= 0xff;
aead.open(batch);
assert.equal(batch.verified[0], 0);
moveHeap();
process.stdout.write(JSON.stringify({ sealed, forged: indexes(hidden) }));
