/** `vtep replay --workers` from the command line. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture, ROOT } from '../../repository.js';
import { MAIN, vtep } from '../run.js';

const WIRE = fixture('docker/03-vip-http.underlay.pcap');
const PRELOAD = join(ROOT, 'dist/test/cli/end-worker.js');

/** The runs of a report without values that depend on the clock. */
function runsOf(stdout: string): Record<string, unknown>[] {
  const { runs } = JSON.parse(stdout) as { runs: Record<string, unknown>[] };
  return runs.map((run) => ({ ...run, milliseconds: 0, framesPerSecond: 0 }));
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
    assert.doesNotMatch(call.stdout, /worker/);
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

  test('reports a failed worker, counts its frames in a separate row, and --strict exits 1', () => {
    const words = ['replay', WIRE, '--workers', '2'];
    const run = (...more: string[]): { status: number | null; stdout: string; stderr: string } =>
      spawnSync(process.execPath, ['--import', PRELOAD, MAIN, ...words, ...more], {
        encoding: 'utf8',
        timeout: 60_000,
      });
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
