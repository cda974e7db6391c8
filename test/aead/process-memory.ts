/** Searches this process's memory for a secret (Linux, `--expose-gc`). */
import assert from 'node:assert/strict';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

const LENGTH = 16;

const collect: unknown = (globalThis as { gc?: unknown }).gc;

/** Makes V8's collector move the contents of its heap, which leaves the old copies behind. */
export function moveHeap(): void {
  assert.ok(typeof collect === 'function', 'run with --expose-gc');
  collect({ type: 'minor' });
}

/** 16 bytes, stored inverted, so that the search doesn't find this copy. */
export function inverted(secret: Uint8Array): Uint8Array {
  assert.equal(secret.length, LENGTH);
  const copy = new Uint8Array(new ArrayBuffer(128)).subarray(0, LENGTH);
  for (let i = 0; i < LENGTH; i++) copy[i] = 255 - secret[i];
  return copy;
}

/** Number of occurrences of a secret in memory; the secret is given inverted. */
export function indexes(hidden: Uint8Array): number {
  const chunk = new Uint8Array(new ArrayBuffer(1 << 20));
  const memory = openSync('/proc/self/mem', 'r');
  let count = 0;
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line);
    if (match === null) continue;
    const end = Number.parseInt(match[2], 16);
    for (let at = Number.parseInt(match[1], 16); at < end; at += chunk.length - LENGTH) {
      let read = 0;
      try {
        read = readSync(memory, chunk, 0, Math.min(chunk.length, end - at), at);
      } catch {
        // Unreadable: a guard page.
      }
      for (
        let i = chunk.indexOf(255 - hidden[0]);
        i >= 0 && i + LENGTH <= read;
        i = chunk.indexOf(255 - hidden[0], i + 1)
      ) {
        let same = 1;
        while (same < LENGTH && chunk[i + same] === 255 - hidden[same]) same++;
        if (same === LENGTH) count++;
      }
      // Don't find this copy.
      chunk.fill(0);
    }
  }
  closeSync(memory);
  return count;
}
