import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { bareText, styled } from '../../src/cli/style.js';
import { type Column, compact, numbers, remarks, table, words } from '../../src/cli/table.js';

const NAMES = [words('name', { shorten: 'end', least: 6 }), numbers('count', { shorten: 'compact' }), remarks('')];

function lines(columns: readonly Column[], rows: Parameters<typeof table>[1], width: number): string[] {
  return table(columns, rows, width).map(bareText);
}

describe('a table', () => {
  test('is as wide as its cells if that fits', () => {
    assert.deepEqual(lines(NAMES, [['abc', 12345, '']], 80), ['  name   count', '  abc   12,345']);
  });

  test('shows compact numbers before it shortens text', () => {
    assert.deepEqual(lines(NAMES, [['abcdef', 12_345_678, '']], 16), ['  name    count', '  abcdef  12.3M']);
  });

  test('shortens text with an ellipsis', () => {
    assert.deepEqual(lines(NAMES, [['abcdefghij', 5, '']], 16), ['  name     count', '  abcdef…      5']);
  });

  test('wraps the last column at spaces', () => {
    const rows = [['a', 5, 'one two three four five six']];
    assert.deepEqual(lines([words('n'), numbers('c'), remarks('why')], rows, 34), [
      '  n  c  why',
      '  a  5  one two three four five',
      '        six',
    ]);
  });

  test('leaves out columns in the order of their numbers, and names them', () => {
    const columns = [words('first'), numbers('second', { keep: 1 }), numbers('third', { keep: 2 })];
    assert.deepEqual(lines(columns, [['a', 1, 2]], 20), [
      '  first  third',
      '  a          2',
      '  (not shown:',
      '   second;',
      '   COLUMNS=22 shows',
      '   all)',
    ]);
  });

  test('leaves out an optional column without text', () => {
    assert.deepEqual(lines([words('a'), remarks('b')], [['1', '']], 80), ['  a', '  1']);
    assert.deepEqual(lines([words('a'), remarks('b')], [['1', 'x']], 80), ['  a  b', '  1  x']);
  });

  test('dims zeros, and styles other cells as their column says', () => {
    const [, zero, one] = table([numbers('lost', { style: 'red' })], [[0], [1]], 80);
    assert.deepEqual(zero, ['     ', styled('0', 'dim')]);
    assert.deepEqual(one, ['     ', styled('1', 'red')]);
  });

  test('fits any width from 20 columns on, with all of its rows', () => {
    const cell = fc.oneof(fc.nat(), fc.string(), fc.constant(''));
    const option = fc.constantFrom<Partial<Column>>(
      {},
      { keep: 1 },
      { keep: 2, shorten: 'compact' },
      { shorten: 'end' },
    );
    const column = fc.tuple(fc.string({ maxLength: 12 }), option).map(([heading, options]) => words(heading, options));
    fc.assert(
      fc.property(
        fc.array(column, { minLength: 1, maxLength: 9 }),
        fc.nat(5),
        fc.nat(100),
        fc.gen(),
        (columns, count, extra, gen) => {
          const rows = Array.from({ length: count }, () => columns.map(() => gen(() => cell)));
          const made = lines(columns, rows, 20 + extra);
          assert.ok(made.length >= 1 + count);
          for (const line of made.slice(0, 1 + count)) assert.ok(line.length <= 20 + extra, line);
        },
      ),
    );
  });
});

test('a compact number has three digits and a prefix from 10,000 on', () => {
  for (const [value, text] of [
    [0, '0'],
    [9_999, '9,999'],
    [10_000, '10.0k'],
    [99_949, '99.9k'],
    [99_951, '100k'],
    [999_499, '999k'],
    [999_500, '1.00M'],
    [1_234_567, '1.23M'],
    [5e9, '5.00G'],
    [7e17, '700P'],
  ] as const) {
    assert.equal(compact(value), text);
  }
});
