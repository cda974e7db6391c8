import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { cellsOf } from '../../bench/cells.js';
import { measureSetting, workingCiphers } from '../../bench/index.js';
import { meanBytes } from '../../bench/imix.js';
import { type FrameSize, Stage } from '../../bench/result.js';

const { aeads } = workingCiphers();
/** The slowest cipher takes a minute for large frames. */
const quick = aeads.filter(({ name }) => name !== 'forge');
/** Measured at one size only. */
const UNSIZED: readonly Stage[] = [Stage.Lookup, Stage.Balance, Stage.Dns];
const SIZES: readonly FrameSize[] = [64, 1400, 8900, 'imix'];

describe('measured output is correct, or nothing is measured', () => {
  for (const size of SIZES) {
    for (const batch of [1, 64, 256]) {
      test(`frames of ${size} bytes in batches of ${batch}: every stage and both chains, with every cipher`, () => {
        const set = cellsOf({ size, batch, flows: 3 }, size === 64 && batch === 64 ? aeads : quick);
        after(() => set.close());
        // Twice: the second run sees the state that the first left.
        for (const { cell } of [...set.cells, ...set.cells]) cell.check();
        const stages = new Set<string>(set.cells.map(({ stage }) => stage));
        const all = Object.values(Stage).filter((stage) => size === 64 || !UNSIZED.includes(stage));
        assert.deepEqual([...stages].sort(), [...all].sort());
      });
    }
  }

  test('detects a changed packet', () => {
    const set = cellsOf({ size: 128, batch: 8, flows: 3 }, aeads.slice(0, 1));
    const sound = aeads[0].seal.bind(aeads[0]);
    const egress = set.cells.find(({ stage, encrypted }) => stage === Stage.Egress && encrypted);
    assert.ok(egress !== undefined);
    aeads[0].seal = (batch) => {
      sound(batch);
      batch.bytes[batch.offset[0]] ^= 1;
    };
    try {
      assert.throws(() => egress.cell.check());
    } finally {
      aeads[0].seal = sound;
      set.close();
    }
  });
});

/** Stages that always have a cipher, and those that have one on encrypted networks. */
const WITH_CIPHER: readonly Stage[] = [Stage.Seal, Stage.Open, Stage.StrictEgress, Stage.StrictIngress];
const CHAINS: readonly Stage[] = [Stage.Egress, Stage.Ingress];

test('a result identifies itself, and its figures are consistent', async () => {
  const results = await measureSetting({ size: 64, batch: 32, flows: 2 }, aeads.slice(0, 1), { rounds: 3, round: 1 });
  assert.ok(results.length >= 14);
  for (const result of results) {
    assert.deepEqual(Object.keys(result), [
      'stage',
      'encrypted',
      'bytes',
      'backend',
      'batch',
      'flows',
      'pps',
      'nsPerPacket',
      'bitsPerSecond',
      'spread',
      'best',
    ]);
    assert.equal(result.batch, 32);
    assert.equal(result.flows, 2);
    assert.ok(result.nsPerPacket > 0 && result.spread >= 0 && result.best <= result.nsPerPacket);
    assert.ok(Math.abs(result.pps * result.nsPerPacket - 1e9) < 1);
    assert.ok(Math.abs(result.bitsPerSecond / result.pps - 8 * meanBytes(result.bytes)) < 1e-6);
    assert.equal(
      result.backend !== null,
      WITH_CIPHER.includes(result.stage) || (result.encrypted && CHAINS.includes(result.stage)),
    );
  }
});
