import assert from 'node:assert/strict';
import { test } from 'node:test';
import { call, output, packageVersion } from '../../../bench/peers/program.js';

test('returns a program’s output, and passes the environment', async () => {
  const script = 'process.stdout.write(process.env.VTEP_TEST)';
  assert.equal(await call(process.execPath, ['-e', script], { VTEP_TEST: 'given' }), 'given');
});

test('distinguishes a missing program from one that fails, which is quoted in one line', async () => {
  await assert.rejects(call('vtep-no-such-program', []), {
    code: 'PROGRAM_MISSING',
    message: 'vtep-no-such-program is not installed',
  });
  const failing = ['-e', 'process.stderr.write("first\\nno memory\\n"); process.exit(3)'];
  await assert.rejects(call(process.execPath, failing), {
    code: 'PROGRAM_FAILED',
    message: `${process.execPath} failed: no memory`,
  });
  assert.equal(await output('vtep-no-such-program', []), undefined);
  assert.equal(await output(process.execPath, failing), undefined);
});

test('a package that is not installed has no version', () => {
  assert.match(packageVersion('pcap-parser') ?? '', /^\d+\.\d+\.\d+/);
  assert.equal(packageVersion('vtep-no-such-package'), undefined);
});
