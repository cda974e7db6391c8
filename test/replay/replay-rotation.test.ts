/** Replays through key rotations: nothing is lost at any step. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { describe, test } from 'node:test';
import { chooseAead, hkdfSha256 } from '../../src/aead/index.js';
import type { PacketBatch } from '../../src/memory/index.js';
import { deriveSpi, Profile } from '../../src/overlay/index.js';
import { fixture } from '../repository.js';
import { observe, replay, type Run } from './run.js';

const { aead } = chooseAead();
const cipher = { aead, hkdf: hkdfSha256, random: (bytes: Uint8Array): void => void randomFillSync(bytes) };
const ROTATING: Run = { encrypted: true, cipher, rotateEvery: 1 };
/** A recording of eleven seconds of ping and iperf. */
const LONG = fixture('esp/08-esp-key-rotation.c1.pcap');

/** Offset of ESP in an IP packet of a replay. */
const ESP = 20;

describe('a replay through rotations', () => {
  for (const profile of Object.values(Profile)) {
    for (const batchSize of [1, 256]) {
      test(`${profile}, batches of ${batchSize}: every frame is delivered unchanged, with ten steps per rotation`, async () => {
        const still = await replay(LONG, { ...ROTATING, profile, batchSize, rotateEvery: 1e6 });
        const result = await replay(LONG, { ...ROTATING, profile, batchSize });
        assert.ok(result.rotations >= 10, `${result.rotations} rotations`);
        // Each of two nodes with one peer takes five; those of the last rotation may be unfinished.
        assert.ok(result.rotationSteps > 10 * (result.rotations - 1));
        assert.ok(result.rotationSteps <= 10 * result.rotations);
        assert.deepEqual([still.rotations, still.rotationSteps], [0, 0]);
        for (const key of ['frames', 'exact', 'missing', 'again', 'changed', 'held'] as const) {
          assert.equal(result[key], still[key], key);
        }
        assert.equal(result.missing + result.changed, 0);
        assert.ok(result.balanced && result.exact > 1000);
        assert.deepEqual(result.dropped.ingress.byName(), {});
      });
    }
  }

  test('only the underlay loses packets, and every sum adds up', async () => {
    const result = await replay(LONG, { ...ROTATING, loss: 0.05, reorder: 0.3, duplicate: 0.1, seed: 5 });
    assert.ok(result.balanced && result.rotations >= 10);
    assert.ok(result.underlay.lost > 0 && result.underlay.reordered > 0);
    // The duplicate of some lost packets arrives.
    assert.ok(result.missing > 0 && result.missing <= result.underlay.lost);
    assert.deepEqual(result.dropped.ingress.byName(), {}, 'no packet comes for an SA that is gone');
  });

  test('on the wire each node switches to the next key once per rotation, and never back', async () => {
    const spis = new Map<string, number[]>();
    const onWire = ({ arena, count, start, node }: PacketBatch): void => {
      const view = new DataView(arena.bytes.buffer, arena.bytes.byteOffset);
      for (let i = 0; i < count; i++) {
        const fragment = view.getUint16(start[i] + 6) & 0x1fff;
        if (fragment !== 0) continue;
        const way = `to ${node[i]}`;
        const seen = spis.get(way) ?? [];
        spis.set(way, seen);
        const spi = view.getUint32(start[i] + ESP);
        if (seen.at(-1) !== spi) seen.push(spi);
      }
    };
    const { rotations } = await replay(LONG, { ...ROTATING, onWire });
    const { nodes } = (await observe(LONG)).topology({ profile: 'swarm', encrypted: true, mtu: 1500, ring: undefined });
    assert.equal(spis.size, 2);
    for (const [to, other] of [
      [0, 1],
      [1, 0],
    ]) {
      // The ring of the replay begins with the tags 1, 2, 3.
      const expected = Array.from({ length: rotations + 1 }, (_, i) =>
        deriveSpi(nodes[other].vtep, nodes[to].vtep, 2 + i),
      );
      const seen = spis.get(`to ${to}`) ?? [];
      assert.deepEqual(seen, expected.slice(0, seen.length));
      assert.ok(seen.length >= rotations);
    }
  });
});
