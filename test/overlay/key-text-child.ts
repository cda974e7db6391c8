/** Run by key-text.test.ts with `--expose-gc`: searches this process's memory for key digits after reading a config. */
import { randomFillSync } from 'node:crypto';
import { parseConfig, extractKeys } from '../../src/overlay/files.js';
import { inverted, moveHeap, indexes } from '../aead/process-memory.js';

/** A config with a random key, and the first 16 of its digits, inverted. */
function config(): { readonly bytes: Uint8Array; readonly hidden: Uint8Array } {
  const before = Buffer.from("nodes: { n1: { vtep: 10.0.0.1 } }\nnetworks: {}\nkeys:\n  - { tag: 1, key: '");
  const after = Buffer.from("' }\n");
  const bytes = new Uint8Array(new ArrayBuffer(before.length + 32 + after.length));
  bytes.set(before);
  bytes.set(after, before.length + 32);
  const random = randomFillSync(new Uint8Array(new ArrayBuffer(32)));
  // 16 identical digits are in memory anyway.
  for (let i = 0; i < 32; i++) bytes[before.length + i] = 0x61 + (random[i] % 6);
  return { bytes, hidden: inverted(bytes.subarray(before.length, before.length + 16)) };
}

const text = config();
parseConfig(new TextDecoder().decode(text.bytes));
text.bytes.fill(0);
const asText = indexes(text.hidden);

const taken = config();
for (let i = 0; i < 20; i++) {
  const copy = taken.bytes.slice();
  const file = extractKeys(copy);
  parseConfig(file).ring?.wipe();
  file.wipe();
}
taken.bytes.fill(0);
moveHeap();
process.stdout.write(JSON.stringify({ asText, taken: indexes(taken.hidden) }));
