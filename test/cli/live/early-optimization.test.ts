import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { test } from 'node:test';
import { promisify } from 'node:util';

const MODULE = new URL('../../../src/cli/live/early-optimization.js', import.meta.url).href;

test("early optimization uses flags that this Node's V8 knows: it would print an error for others", async () => {
  const code = `import { optimizeEarly } from ${JSON.stringify(MODULE)}; optimizeEarly(); console.log('done')`;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
  assert.deepEqual([stdout, stderr], ['done\n', '']);
});
