import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseStrace, StraceError } from '../../../bench/live/strace.js';

const HEADING = '% time     seconds  usecs/call     calls    errors syscall';
const RULE = '------ ----------- ----------- --------- --------- ----------------';

describe('the table of strace -c', () => {
  test('gives the number of calls, with and without errors', () => {
    const total = '100.00    0.012345           9      1371        16 total';
    const clean = '100.00    0.012345           9      1371           total';
    for (const line of [total, clean]) {
      const output = `strace: Process 7 attached\nstrace: Process 7 detached\n${HEADING}\n${RULE}\n${line}\n`;
      assert.equal(parseStrace(output), 1371);
    }
  });

  test('gives the number of calls of versions without the time per call in the total', () => {
    assert.equal(parseStrace(`${HEADING}\n${RULE}\n100.00    0.012345                  1371        16 total\n`), 1371);
  });

  test('that is missing is an error that says why', () => {
    assert.throws(
      () => parseStrace('strace: attach: ptrace(PTRACE_SEIZE, 7): Operation not permitted\n'),
      /not permitted/,
    );
    assert.throws(() => parseStrace(''), StraceError);
  });
});
