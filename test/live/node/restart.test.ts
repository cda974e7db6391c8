/**
 * A node is killed repeatedly at arbitrary moments and restarted with the same keys: no nonce is reused, whether its
 * sequence numbers are in a file or new masks are drawn.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { test } from 'node:test';
import { ReplayVerdict, ReplayWindow } from '../../../src/ipsec/index.js';
import { SequenceFile } from '../../../src/live/state/sequence-file.js';
import { Profile } from '../../../src/overlay/index.js';
import { SeededRandom } from '../../../src/replay/index.js';
import { scratch } from '../../cli/run.js';
import { ROOT } from '../../repository.js';
import { BLOCK, HEADER_BYTES } from '../wire-record.js';

/** One of so many runs is killed during its start, before or soon after it sends. */
const KILLED_AT_START = 4;
/** Maximum time until it is killed, from its start or its first packet, in milliseconds. */
const AFTER_START = 300;
const AFTER_PACKET = 150;
const CHILD = join(ROOT, 'dist/test/live/socket/sending-child.js');

/** A packet on the wire. */
interface Sent {
  readonly spi: number;
  readonly sequence: number;
  readonly iv: bigint;
}

/** The complete packets of a wire. */
function packetsOf(wire: Buffer): Sent[] {
  return Array.from({ length: Math.floor(wire.length / HEADER_BYTES) }, (_, i) => ({
    spi: wire.readUInt32BE(i * HEADER_BYTES),
    sequence: wire.readUInt32BE(i * HEADER_BYTES + 4),
    iv: wire.readBigUInt64BE(i * HEADER_BYTES + 8),
  }));
}

/** Asserts that the file of a killed process is readable, and covers all sequence numbers that it used. */
function assertWrittenAhead(sequences: string, packets: readonly Sent[]): void {
  const file = new SequenceFile(sequences);
  const written = new Map(file.load().map(({ spi, sequence }) => [spi, sequence.low]));
  file.close();
  for (const { spi, sequence } of packets) assert.ok(sequence <= (written.get(spi) ?? 0), `${sequence} was used`);
}

/** What a node sent in each of its runs, all of which were killed. */
async function sentInRuns(count: number, profile: Profile, withFile: boolean): Promise<Sent[][]> {
  const folder = scratch();
  const sequences = withFile ? join(folder, 'sequences') : undefined;
  const words = [CHILD, profile, ...(sequences === undefined ? [] : [sequences])];
  const random = new SeededRandom(20261121);
  const runs: Sent[][] = [];
  for (let run = 1; run <= count; run++) {
    const path = join(folder, `wire-${run}`);
    const wire = openSync(path, 'w');
    const child = spawn(process.execPath, words, { stdio: ['ignore', wire, 'inherit'] });
    const exit = once(child, 'exit');
    if (run % KILLED_AT_START === 0) {
      await sleep(random.below(AFTER_START));
    } else {
      while (fstatSync(wire).size === 0 && child.exitCode === null) await sleep(1);
      await sleep(random.below(AFTER_PACKET));
    }
    child.kill('SIGKILL');
    assert.deepEqual(await exit, [null, 'SIGKILL'], 'it runs until it is killed');
    closeSync(wire);
    const packets = packetsOf(readFileSync(path));
    if (sequences !== undefined) assertWrittenAhead(sequences, packets);
    runs.push(packets);
  }
  return runs;
}

/** The packets of each SPI, run by run. */
function bySpi(runs: readonly (readonly Sent[])[]): Sent[][][] {
  const spis = new Set(runs.flat().map(({ spi }) => spi));
  assert.equal(spis.size, 2, 'one for each peer');
  return [...spis].map((spi) => runs.map((run) => run.filter((packet) => packet.spi === spi)));
}

/** The mask of a packet's IV; there are too few packets to reach the upper half of the sequence number (ESN). */
function maskOf({ iv, sequence }: Sent): bigint {
  return iv ^ BigInt(sequence);
}

function masksOf(packets: readonly Sent[]): bigint[] {
  return [...new Set(packets.map(maskOf))];
}

function assertNoNonceTwice(packets: readonly Sent[]): void {
  assert.equal(new Set(packets.map(({ iv }) => iv)).size, packets.length, 'an IV was used twice with one SPI');
}

for (const [profile, count] of [
  [Profile.Swarm, 20],
  [Profile.Strict, 10],
] as const) {
  test(`${profile}, numbers in a file: continues with its masks, skips at most one block, and leaves a readable file`, async () => {
    for (const runs of bySpi(await sentInRuns(count, profile, true))) {
      const packets = runs.flat();
      assertNoNonceTwice(packets);
      assert.equal(masksOf(packets).length, 1);

      const window = new ReplayWindow(1024);
      for (const { sequence } of packets) {
        assert.ok(sequence > window.low, `${sequence} comes behind ${window.low}`);
        assert.equal(window.check(0, sequence), ReplayVerdict.Fresh);
        window.update(0, sequence);
      }

      let last = 0;
      let starts = 0;
      for (const run of runs) {
        starts++;
        if (run.length === 0) continue;
        // Each start reserves a block, and a sealed packet may not have reached the wire.
        const left = run[0].sequence - last - 1;
        assert.ok(left <= starts * BLOCK + 1, `${left} numbers are left out over ${starts} starts`);
        last = run[run.length - 1].sequence;
        starts = 0;
      }
    }
  });
}

test('no file: restarts at 1 with new masks', async () => {
  for (const runs of bySpi(await sentInRuns(10, Profile.Swarm, false))) {
    assertNoNonceTwice(runs.flat());
    const sending = runs.filter((run) => run.length > 0);
    for (const run of sending) {
      assert.equal(masksOf(run).length, 1);
      run.forEach(({ sequence }, i) => assert.equal(sequence, i + 1));
    }
    assert.equal(masksOf(runs.flat()).length, sending.length);
  }
});
