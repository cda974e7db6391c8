/** `vtep replay --workers` from the command line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { fixture, ROOT } from '../../repository.js';
import { MAIN, scratch, vtep } from '../run.js';

const WIRE = fixture('docker/03-vip-http.underlay.pcap');
const PRELOAD = join(ROOT, 'dist/test/cli/end-worker.js');

/** The runs of a report without values that depend on the clock. */
function runsOf(stdout: string): Record<string, unknown>[] {
  const { runs } = JSON.parse(stdout) as { runs: Record<string, unknown>[] };
  return runs.map((run) => ({ ...run, milliseconds: 0, framesPerSecond: 0 }));
}

/** A replay whose first worker fails. */
function failing(...words: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, ['--import', PRELOAD, MAIN, 'replay', ...words], {
    encoding: 'utf8',
    timeout: 60_000,
  });
}

/** The recording, compressed. */
function packedWire(): string {
  const folder = scratch();
  const path = join(folder, 'wire.pcap.gz');
  writeFileSync(path, gzipSync(readFileSync(WIRE)));
  return path;
}

describe('replay --workers', () => {
  test('gives the result of a single thread, clear and encrypted, with loops', async () => {
    const words = ['replay', WIRE, '--both', '--loops', '3', '--json'];
    const alone = await vtep(words);
    const call = await vtep([...words, '--workers', '3', '--strict']);
    assert.equal(call.status, 0, call.stderr);
    assert.equal(call.stderr, '');
    const expected = runsOf(alone.stdout);
    assert.deepEqual([expected[0]['workers'], expected[0]['lostToWorkers'], expected[1]['exact']], [1, 0, 3 * 181]);
    assert.deepEqual(
      runsOf(call.stdout),
      expected.map((run) => ({ ...run, workers: 3 })),
    );
  });

  test('1 means the main thread: no rows about workers, and options that need packet order work', async () => {
    const call = await vtep(['replay', WIRE, '--encrypt', '--workers', '1', '--rotate-every', '5']);
    assert.equal(call.status, 0, call.stderr);
    assert.doesNotMatch(call.stdout, /^ +workers/m);
    assert.match(call.stdout, /key rotations/);
  });

  test('decrypts an encrypted capture for the workers', async () => {
    const keys = ['--keys', fixture('docker/swarm-keys.txt')];
    const words = ['replay', fixture('docker/07-encrypted.underlay.pcap'), ...keys, '--encrypt', '--json'];
    const [alone] = runsOf((await vtep(words)).stdout);
    const [run] = runsOf((await vtep([...words, '--workers', '2'])).stdout);
    assert.ok(Number(run['exact']) > 0);
    assert.deepEqual(run, { ...alone, workers: 2 });
  });

  test('ends with an error if a worker that reads a file fails: the rest is incomplete', () => {
    const { status, stdout, stderr } = failing(WIRE, '--workers', '2');
    assert.equal(stderr, 'vtep: worker 1 ended before its work was done (exit code 5)\n');
    assert.deepEqual([status, stdout], [2, '']);
  });

  test('reports a failed worker that was given frames, counts them in a separate row, and --strict exits 1', () => {
    // Only one thread can read a compressed file.
    const run = (...more: string[]): ReturnType<typeof failing> => failing(packedWire(), '--workers', '2', ...more);
    const shown = run();
    assert.equal(shown.status, 0, shown.stderr);
    assert.match(
      shown.stderr,
      /^vtep: worker 1 ended before its packets did \(exit code 5\): its frames count as lost$/m,
    );
    assert.match(shown.stdout, /^ +workers +2$/m);
    assert.match(shown.stdout, /^ +lost in failed workers +[1-9]\d*$/m);
    const strict = run('--strict', '--json');
    assert.equal(strict.status, 1);
    const [{ frames, exact, lostToWorkers, balanced }] = runsOf(strict.stdout);
    assert.deepEqual([frames, Number(exact) + Number(lostToWorkers), balanced], [181, 181, true]);
  });
});
