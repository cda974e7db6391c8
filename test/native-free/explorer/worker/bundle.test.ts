/** The worker in a bundle, as the page has it inline. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { transform } from 'esbuild';
import { ROOT } from '../../../repository.js';
import { bundleOf } from '../../bundle.js';

const NODE_GLOBALS = ['Buffer', 'process', 'global', 'require', '__dirname', '__filename', 'setImmediate'];

test('the worker needs nothing of Node', async () => {
  const { files, disabled, imports } = await bundleOf(
    "export * from './dist/native-free/explorer/worker/index-captures.js';",
  );
  assert.deepEqual([disabled, imports], [[], []]);
  const own = files.filter((name) => name.startsWith('dist/'));
  assert.ok(own.length > 100, String(own.length));
  const define = Object.fromEntries(NODE_GLOBALS.map((name) => [name, `GLOBAL_OF_NODE_${name}`]));
  for (const name of own) {
    const { code } = await transform(readFileSync(join(ROOT, name), 'utf8'), { define, format: 'esm' });
    assert.ok(!code.includes('GLOBAL_OF_NODE_'), name);
  }
});
