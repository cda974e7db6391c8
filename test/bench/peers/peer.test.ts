import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { measureInTurn, type Peer } from '../../../bench/peers/peer.js';
import { ProgramError } from '../../../bench/peers/program.js';
import { type FrameSize, Stage } from '../../../bench/result.js';

/** A peer with these nanoseconds, one per round. */
function peer(name: string, times: readonly number[], bytes: FrameSize | null = 100): Peer {
  const left = [...times];
  return {
    rows: [{ peer: name, what: 'work', stage: Stage.Decode, bytes }],
    round: async () => Promise.resolve([left.shift() ?? Number.NaN]),
  };
}

describe('measureInTurn', () => {
  test('returns the median of the rounds, and their spread', async () => {
    const { peers, notMeasured } = await measureInTurn([peer('one', [400, 500, 900])], 3);
    assert.deepEqual(notMeasured, []);
    assert.deepEqual(peers, [
      {
        peer: 'one',
        what: 'work',
        stage: 'decode',
        bytes: 100,
        nsPerPacket: 500,
        pps: 2_000_000,
        bitsPerSecond: 1_600_000_000,
        spread: 100,
      },
    ]);
  });

  test('interleaves the peers, round by round, and reports each', async () => {
    const reported: string[] = [];
    await measureInTurn([peer('one', [1, 1]), peer('two', [2, 2])], 2, 60_000, (name) => reported.push(name));
    assert.deepEqual(reported, ['one, round 1 of 2', 'two, round 1 of 2', 'one, round 2 of 2', 'two, round 2 of 2']);
  });

  test('begins no further round that would take too long, but measures all once', async () => {
    const reported: string[] = [];
    const slow: Peer = { ...peer('slow', []), round: async () => sleep(20, [7]) };
    const { peers } = await measureInTurn([slow, peer('one', [1])], 1000, 30, (name) => reported.push(name));
    assert.deepEqual(reported, ['slow, round 1 of 1000', 'one, round 1 of 1000']);
    assert.deepEqual(
      peers.map(({ nsPerPacket }) => nsPerPacket),
      [7, 1],
    );
  });

  test('counts the bits of a mix by its mean, and none if bytes are not meaningful', async () => {
    const { peers } = await measureInTurn([peer('mix', [1000], 'imix'), peer('none', [1000], null)], 1);
    const mean = (7 * 64 + 4 * 594 + 1518) / 12;
    assert.deepEqual(
      peers.map(({ bitsPerSecond }) => Math.round(bitsPerSecond)),
      [Math.round(1e6 * 8 * mean), 0],
    );
  });

  test('reports a failed program with its message, and measures the others', async () => {
    const failing: Peer = {
      ...peer('failing', []),
      round: async () => Promise.reject(new ProgramError('PROGRAM_FAILED', 'it failed: no memory')),
    };
    const { peers, notMeasured } = await measureInTurn([failing, peer('one', [5, 5])], 2);
    assert.deepEqual(notMeasured, [{ peer: 'failing', what: 'work', missing: 'it failed: no memory' }]);
    assert.deepEqual(
      peers.map((result) => result.peer),
      ['one'],
    );
  });

  test('stops if a peer’s results differ from vtep’s', async () => {
    const wrong: Peer = { ...peer('wrong', []), round: async () => Promise.reject(new Error('another sum')) };
    await assert.rejects(measureInTurn([wrong], 1), /another sum/);
  });
});
