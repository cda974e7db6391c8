/** Arrays with short lifetimes: a batch's array may be replaced, small, or part of a larger one. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { AeadBatch } from '../../src/aead/index.js';
import { ROOT } from '../repository.js';
import { describeEach, lacking, NATIVE_BACKENDS } from './backends.js';
import { assertBytes, bytesOf, KeyRing, Layout, packet, sealDirectly } from './packets.js';

describeEach('arrays', (create) => {
  test('a batch whose array is replaced works on the new one and leaves the old one unchanged', () => {
    const ring = new KeyRing(create());
    const one = packet(1, 100, 32);
    const { batch } = new Layout(ring, [one], { start: 0, gap: 0 });
    const arrays = Array.from({ length: 50 }, (_, i) => {
      const plain = bytesOf(`array ${i}`, 100);
      const bytes = new Uint8Array(116 + i);
      bytes.set(plain);
      batch.bytes = bytes;
      ring.aead.seal(batch);
      return { plain, bytes };
    });
    arrays.forEach(({ plain, bytes }, i) => {
      const { cipher, icv } = sealDirectly({ ...one, plain });
      assertBytes(bytes.subarray(0, 116), Uint8Array.of(...cipher, ...icv), `array ${i}`);
    });
    arrays.reverse().forEach(({ plain, bytes }) => {
      batch.bytes = bytes;
      ring.aead.open(batch);
      assert.equal(batch.verified[0], 1);
      assertBytes(bytes.subarray(0, 100), plain, 'opened');
    });
  });

  test('windows on one buffer at different offsets are distinct', () => {
    const ring = new KeyRing(create());
    const one = packet(1, 32);
    const { cipher, icv } = sealDirectly(one);
    const { batch } = new Layout(ring, [one], { start: 0, gap: 0 });
    const buffer = new ArrayBuffer(1000);
    for (const at of [0, 1, 500, 952, 7, 63, 64]) {
      const whole = new Uint8Array(buffer).fill(0xee);
      batch.bytes = whole.subarray(at, at + 48);
      batch.bytes.set(one.plain);
      ring.aead.seal(batch);
      assertBytes(whole.subarray(at, at + 48), Uint8Array.of(...cipher, ...icv), `at ${at}`);
      const outside = whole.filter((byte, i) => (i < at || i >= at + 48) && byte !== 0xee);
      assert.equal(outside.length, 0, `bytes around ${at}`);
    }
  });

  test('a Buffer from Node’s pool works', () => {
    const ring = new KeyRing(create());
    const one = packet(1, 32);
    const { cipher, icv } = sealDirectly(one);
    const { batch } = new Layout(ring, [one], { start: 0, gap: 0 });
    for (let i = 0; i < 5; i++) {
      batch.bytes = Buffer.concat([one.plain, new Uint8Array(16)]);
      ring.aead.seal(batch);
      assertBytes(batch.bytes, Uint8Array.of(...cipher, ...icv), `Buffer ${i}`);
    }
  });

  test('two batches used alternately are distinct', () => {
    const ring = new KeyRing(create());
    const packets = [packet(1, 40), packet(2, 50, 32), packet(3, 60, 24)];
    const layouts = packets.map((one) => new Layout(ring, [one]));
    for (let round = 0; round < 3; round++) {
      layouts.forEach(({ batch }) => ring.aead.seal(batch));
      layouts.forEach((layout, i) => assertBytes(layout.icv(0), sealDirectly(packets[i]).icv, `ICV of batch ${i}`));
      layouts.forEach(({ batch }) => ring.aead.open(batch));
      layouts.forEach((layout, i) => {
        assert.equal(layout.batch.verified[0], 1);
        assertBytes(layout.text(0), packets[i].plain, `plaintext of batch ${i}`);
      });
    }
  });

  test('an instance opens what another instance of the backend sealed, in an array of at most 64 bytes', () => {
    const [sealer, opener] = [new KeyRing(create()), new KeyRing(create())];
    for (let length = 0; length <= 48; length++) {
      const one = packet(length, length);
      const { batch } = new Layout(sealer, [one], { start: 0, gap: 0 });
      batch.bytes = new Uint8Array(length + 16);
      batch.bytes.set(one.plain);
      sealer.aead.seal(batch);
      const { cipher, icv } = sealDirectly(one);
      assertBytes(batch.bytes, Uint8Array.of(...cipher, ...icv), `${length} bytes`);
      batch.key[0] = opener.id(one.key);
      opener.aead.open(batch);
      assert.equal(batch.verified[0], 1, `${length} bytes`);
    }
  });

  test('a batch of capacity 1 has nonces and additional data that native code can point to', () => {
    const ring = new KeyRing(create());
    const one = packet(5, 20, 16, 12);
    for (let i = 0; i < 20; i++) {
      const batch = new AeadBatch(1);
      batch.count = 1;
      batch.bytes = new Uint8Array(36);
      batch.bytes.set(one.plain);
      batch.key[0] = ring.id(one.key);
      batch.length[0] = 20;
      batch.icvOffset[0] = 20;
      batch.icvLength[0] = 16;
      batch.nonce.set(one.nonce);
      batch.aad.set(one.aad);
      batch.aadLength[0] = 12;
      ring.aead.seal(batch);
      assertBytes(batch.bytes.subarray(20), sealDirectly(one).icv, `batch ${i}`);
    }
  });
});

/** In a child process: native code with a dangling pointer crashes the process. */
describe('arrays and the garbage collector', () => {
  for (const backend of NATIVE_BACKENDS) {
    for (const [mode, rule] of [
      ['functions', 'its functions and its keys survive collections'],
      ['memory', 'its own memory survives collections: no other array reuses it and is written to'],
      ['small', 'finds arrays of at most 64 bytes, which V8 moves'],
      ['churn', 'writes no batch outside its array, among many allocations'],
    ] as const) {
      test(`${backend.name}: ${rule}`, { skip: lacking(backend) }, () => {
        const script = join(ROOT, 'dist/test/aead/collector-child.js');
        const child = spawnSync(process.execPath, ['--expose-gc', script, backend.name, mode], {
          encoding: 'utf8',
          timeout: 120_000,
        });
        const { signal, status, stdout } = child;
        const wrong = /^\w*Error.*$/m.exec(child.stderr)?.[0];
        assert.deepEqual(
          { signal, status, stdout, wrong },
          { signal: null, status: 0, stdout: 'done\n', wrong: undefined },
        );
      });
    }
  }
});
