import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import test from 'node:test';
import { pathToFileURL } from 'node:url';
import { join } from 'node:path';
import { ROOT } from '../repository.js';

function call(version: string): { status: number | null; stderr: string } {
  const module = pathToFileURL(join(ROOT, 'dist/src/cli/v8-inlining.js')).href;
  const text = `import { widenInlining } from '${module}'; widenInlining(${JSON.stringify(version)});`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], { encoding: 'utf8' });
  return { status, stderr };
}

test('V8 accepts the flags silently, and unknown versions are left alone', () => {
  for (const version of [process.versions.v8, '99.1.2', '3.14', 'odd']) {
    assert.deepEqual(call(version), { status: 0, stderr: '' });
  }
});
