import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LiveReport } from '../../../bench/live/result.js';
import { MAIN } from '../../cli/run.js';
import { requirements } from '../../live/namespaces/requirements.js';

const NETNS = '/run/netns';
const skip = requirements();

/** The namespaces of a process. */
function namespacesOf(pid: number): string[] {
  return existsSync(NETNS) ? readdirSync(NETNS).filter((name) => name.startsWith(`vt${pid}-`)) : [];
}

function liveBench(...words: readonly string[]): ReturnType<typeof spawn> {
  return spawn(process.execPath, [MAIN, 'bench', '--live', ...words], { stdio: ['ignore', 'pipe', 'pipe'] });
}

describe('vtep bench --live', { skip }, () => {
  test('measures a line beside the kernel, with exact sums, and leaves nothing behind', async () => {
    const only = 'kernel->kernel,kernel->vtep,tcp1,off';
    const bench = liveBench('--seconds', '1', '--rounds', '1', '--only', only, '--json');
    const written = { stdout: '', stderr: '' };
    for (const stream of ['stdout', 'stderr'] as const) {
      bench[stream]?.setEncoding('utf8').on('data', (text: string) => void (written[stream] += text));
    }
    const [status] = (await once(bench, 'close')) as [number | null];
    assert.equal(status, 0, written.stderr);
    const { results, counts, machine, rounds } = JSON.parse(written.stdout) as LiveReport;
    const found = results.map(({ line, traffic, offloads }) => [line, traffic, offloads]);
    assert.deepEqual(found, [
      ['kernel->kernel', 'tcp1', false],
      ['kernel->vtep', 'tcp1', false],
    ]);
    for (const { figure, ratio } of results) assert.ok(figure.median > 0 && (ratio ?? 0) > 0);
    assert.deepEqual([results[0].ratio, results[0].cpu, results[1].cpu.length], [1, [], 1]);
    const [{ line, nodes }] = counts;
    assert.deepEqual([line, nodes.length, nodes[0].balanced], ['kernel->vtep', 1, true]);
    assert.ok(nodes[0].received > 0 && nodes[0].sent > 0);
    assert.ok(machine.cpu !== '' && rounds === 1);
    assert.deepEqual(namespacesOf(bench.pid ?? 0), []);
  });

  test('that is interrupted ends by the signal, without its namespaces', async () => {
    const bench = liveBench('--only', 'kernel-kernel,tcp1');
    const pid = bench.pid ?? 0;
    for (let waits = 0; namespacesOf(pid).length < 2 && waits < 6000; waits++) await sleep(10);
    assert.ok(namespacesOf(pid).length >= 2);
    bench.kill('SIGINT');
    const [status] = (await once(bench, 'exit')) as [number | null];
    assert.equal(status, 130);
    assert.deepEqual(namespacesOf(pid), []);
  });
});
