/** Run by arrays.test.ts with `--expose-gc`: runs a cipher while the collector runs continuously. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { NATIVE_BACKENDS } from './backends.js';
import {
  assertBytes,
  assertOpened,
  assertSealed,
  KEY_LENGTHS,
  KeyRing,
  Layout,
  packet,
  sealDirectly,
} from './packets.js';

const collect: unknown = (globalThis as { gc?: unknown }).gc;
assert.ok(typeof collect === 'function', 'run with --expose-gc');
const backend = NATIVE_BACKENDS.find(({ name }) => name === process.argv[2]);
assert.ok(backend !== undefined);
const ring = new KeyRing(backend.create());

function work(seed: number, count: number, length: number, under = ring): void {
  const packets = Array.from({ length: count }, (_, i) => packet(seed + i, length, KEY_LENGTHS[(seed + i) % 3]));
  const layout = new Layout(under, packets);
  under.aead.seal(layout.batch);
  packets.forEach((one, i) => assertSealed(layout, i, sealDirectly(one)));
  layout.icv(0)[0] ^= 1;
  under.aead.open(layout.batch);
  assert.equal(layout.batch.verified[0], 0);
  packets.forEach(({ plain }, i) => i === 0 || assertOpened(layout, i, plain));
  layout.assertGuards();
}

/** Buffers of the sizes of small native memory: they reuse freed memory. */
function fillFreedPlaces(): Uint8Array[] {
  const sizes = [24, 32, 48, 64, 80, 96, 112, 128, 192, 256];
  return Array.from({ length: 20_000 }, (_, i) => new Uint8Array(new ArrayBuffer(sizes[i % 10])).fill(0x77));
}

const modes: Readonly<Record<string, () => Promise<void>>> = {
  functions: async () => {
    for (let round = 0; round < 20; round++) {
      work(round, 3, 100);
      collect();
      // Finalizers run between tasks.
      await sleep(1);
      collect();
    }
    for (let round = 0; round < 20; round++) work(round, 130, 300);
  },
  memory: async () => {
    const rings = Array.from({ length: 50 }, () => new KeyRing(backend.create()));
    rings.forEach((under, i) => work(i, 3, 100, under));
    for (let round = 0; round < 5; round++) {
      collect();
      await sleep(5);
    }
    const others = fillFreedPlaces();
    rings.forEach((under, i) => work(i, 3, 100, under));
    for (const array of others)
      assert.ok(
        array.every((byte) => byte === 0x77),
        'an unrelated array was written to',
      );
  },
  small: async () => {
    for (let round = 0; round < 300; round++) {
      const length = round % 49;
      const one = packet(round, length, KEY_LENGTHS[round % 3]);
      const { batch } = new Layout(ring, [one], { start: 0, gap: 0 });
      const bytes = new Uint8Array(length + 16);
      bytes.set(one.plain);
      batch.bytes = bytes;
      if (round % 2 === 0) collect({ type: 'minor' });
      ring.aead.seal(batch);
      collect({ type: round % 10 === 0 ? 'major' : 'minor' });
      const { cipher, icv } = sealDirectly(one);
      assertBytes(bytes, Uint8Array.of(...cipher, ...icv), `${length} bytes`);
      ring.aead.open(batch);
      assert.equal(batch.verified[0], 1);
      assertBytes(bytes.subarray(0, length), one.plain, `${length} bytes`);
      if (round % 20 === 0) await sleep(1);
    }
  },
  churn: async () => {
    const kept: Uint8Array[] = [];
    for (let round = 0; round < 400; round++) {
      work(round, 1 + (round % 9), (round * 37) % 3000);
      for (let i = 0; i < 50; i++) kept.push(new Uint8Array((i * 97 + round) % 5000).fill(0x77));
      if (kept.length > 2000) {
        for (const array of kept.splice(0, 1500)) assert.ok(array.every((byte) => byte === 0x77));
      }
      if (round % 20 === 0) {
        await sleep(1);
        collect();
      }
    }
  },
};

await modes[process.argv[3]]();
process.stdout.write('done\n');
