import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import test from 'node:test';
import fc from 'fast-check';
import { KERNELS_WASM, kernelsOf, packetMemory } from '../../src/memory/kernels.js';
import { ROOT } from '../repository.js';

/** The part of the package wabt used here. */
interface Wabt {
  parseWat(
    name: string,
    text: string,
    features: { readonly simd: boolean },
  ): {
    validate(): void;
    toBinary(options: object): { readonly buffer: Uint8Array };
  };
}

/** RFC 1071 word by word, of little-endian words. */
function slowSum(bytes: Uint8Array, at: number, end: number): number {
  let sum = 0;
  for (let i = at; i < end; i++) sum += bytes[i] << (8 * ((i - at) & 1));
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return sum;
}

test('the bytes are compiled from kernels.wat (after a change, copy the value from this failure into kernels.ts)', async () => {
  const wabt = await (createRequire(import.meta.url)('wabt') as () => Promise<Wabt>)();
  const path = join(ROOT, 'src/memory/kernels.wat');
  const module = wabt.parseWat(path, readFileSync(path, 'utf8'), { simd: true });
  module.validate();
  assert.equal(KERNELS_WASM, Buffer.from(module.toBinary({}).buffer).toString('base64'));
});

test('RFC 1071: the sum of any bytes at any offset equals that of a slow reference', () => {
  const memory = packetMemory(70_000);
  const kernels = kernelsOf(memory.buffer);
  assert.ok(kernels !== undefined, 'this Node has WebAssembly with vectors');
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.nat(64), (bytes, at) => {
      memory.set(bytes, at);
      const end = at + bytes.length;
      // The bytes around them must not count.
      memory[end] = 0xff;
      assert.equal(kernels.onesSum(at, end) % 0xffff, slowSum(memory, at, end) % 0xffff);
    }),
  );
});

test('the largest packet, all ones, does not overflow', () => {
  const memory = packetMemory(1 << 21);
  memory.fill(0xff);
  for (const length of [65_535, 1 << 19]) {
    assert.equal(kernelsOf(memory.buffer)?.onesSum(0, length), slowSum(memory, 0, length));
  }
});

test('zeros sum to zero, and nothing else does (RFC 1071 has two zeros)', () => {
  const memory = packetMemory(4096);
  assert.equal(kernelsOf(memory.buffer)?.onesSum(0, 4096), 0);
  memory.fill(0xff);
  assert.equal(kernelsOf(memory.buffer)?.onesSum(0, 4096), 0xffff);
});

test('packet memory has the requested size, and is zeroed', () => {
  const memory = packetMemory(100_001);
  assert.equal(memory.length, 100_001);
  assert.ok(memory.every((byte) => byte === 0));
});

test('memory allocated elsewhere has no kernels', () => {
  assert.equal(kernelsOf(new ArrayBuffer(64)), undefined);
});
