import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkRequirements, LiveBenchError, missingProgram } from '../../../bench/live/requirements.js';

test('without root, the live benchmark says that it needs root and what for', () => {
  assert.throws(
    () => checkRequirements(1000),
    (error) => {
      assert.ok(error instanceof LiveBenchError);
      const expected =
        process.platform === 'linux' ? ['NOT_ROOT', /needs root: it makes network namespaces/] : ['NOT_LINUX', /Linux/];
      return error.code === expected[0] && (expected[1] as RegExp).test(error.message);
    },
  );
});

test(
  'without its programs, the live benchmark names them and their packages',
  { skip: process.platform !== 'linux' && 'Linux only' },
  () => {
    const before = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      assert.throws(() => checkRequirements(0), /iperf3 is not installed \(Debian: iperf3\)/);
    } finally {
      process.env['PATH'] = before;
    }
  },
);

test('a program that is installed is not missing', () => {
  assert.equal(missingProgram(process.execPath, 'nodejs'), undefined);
});
