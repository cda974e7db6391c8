import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { allLines } from '../../../bench/live/lines.js';
import { Traffic } from '../../../bench/live/result.js';
import { selectionOf } from '../../../bench/live/selection.js';
import { ROOT } from '../../repository.js';

const LINES = allLines();

function names(given: readonly string[], lines = LINES): string[] {
  return selectionOf(lines, given).lines.map(({ name }) => name);
}

describe('--only', () => {
  test('without names selects everything', () => {
    const { lines, traffic, wires } = selectionOf(LINES, []);
    assert.deepEqual([lines, traffic, wires], [LINES, Object.values(Traffic), [false, true]]);
  });

  test('restricts only the kinds of name that are given, and keeps the reference', () => {
    const { traffic, wires } = selectionOf(LINES, ['vtep->vtep', 'off']);
    assert.deepEqual(names(['vtep->vtep', 'off']), ['kernel->kernel', 'vtep->vtep']);
    assert.deepEqual([traffic, wires], [Object.values(Traffic), [false]]);
    assert.deepEqual(names(['tcp4']), names([]));
  });

  test('takes names that need no quotes in a shell', () => {
    assert.deepEqual(names(['vtep-vtep-esp']), ['kernel->kernel', 'vtep->vtep-esp']);
  });

  test('may name only the reference', () => {
    assert.deepEqual(names(['kernel->kernel']), ['kernel->kernel']);
    assert.deepEqual(names(['kernel-kernel', 'tcp1']), ['kernel->kernel']);
    assert.deepEqual(names(['kernel-kernel', 'openvpn']), ['kernel->kernel', 'openvpn']);
  });

  test('selects the same line of another build', () => {
    const lines = allLines(`${ROOT}/dist`);
    assert.deepEqual(names(['kernel-vtep'], lines), ['kernel->kernel', 'kernel->vtep', 'kernel->vtep2']);
    assert.deepEqual(names(['kernel-vtep2'], lines), ['kernel->kernel', 'kernel->vtep2']);
  });

  test('refuses an unknown name, and names those that it knows', () => {
    assert.throws(() => names(['tcp2']), /--only takes kernel->kernel, .*tcp1.* off or on, not "tcp2"/);
    assert.throws(() => names(['']), /not ""/);
  });
});

test('a folder without a build is refused', () => {
  assert.throws(() => allLines('/nonexistent'), /--against \/nonexistent: no build of vtep is there/);
});
