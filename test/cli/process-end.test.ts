/** A process ends although a thread of it doesn't. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { ROOT } from '../repository.js';
import { scratch } from './run.js';

const CHILD = join(ROOT, 'dist/test/cli/process-end-child.js');
const TIMEOUT = 30_000;
const NAMESPACE = ['unshare', '--pid', '--fork', '--kill-child'];
const pipe = join(scratch(), 'pipe');
execFileSync('mkfifo', [pipe]);

function noNamespaces(): string | false {
  return spawnSync(NAMESPACE[0], [...NAMESPACE.slice(1), 'true']).status === 0 ? false : 'no pid namespaces';
}

describe('a process with a thread that hangs in a system call', () => {
  test('dies of SIGTERM at once', () => {
    const { status, signal, stdout } = spawnSync(process.execPath, [CHILD, pipe], {
      encoding: 'utf8',
      timeout: TIMEOUT,
      killSignal: 'SIGKILL',
    });
    assert.deepEqual([status, signal, stdout], [null, 'SIGTERM', '']);
  });

  test('ends as the first process of a container, too', { skip: noNamespaces() }, () => {
    const [unshare, ...words] = [...NAMESPACE, process.execPath, CHILD, pipe];
    const { status, signal, stdout } = spawnSync(unshare, words, {
      encoding: 'utf8',
      timeout: TIMEOUT,
      killSignal: 'SIGKILL',
    });
    assert.deepEqual([status, signal, stdout], [143, null, '']);
  });
});
