/** Values of options: what is accepted, and what is said about the others. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  choice,
  decimal,
  device,
  duration,
  file,
  integer,
  nodeValue,
  probability,
  size,
  time,
  type ValueKind,
} from '../../../src/cli/options/value-kinds.js';

/** Asserts what a kind of value accepts and refuses. */
function accepts<T>(
  kind: ValueKind<T>,
  good: readonly (readonly [string, T])[],
  bad: readonly string[],
  says: RegExp,
): void {
  for (const [text, value] of good) assert.deepEqual(kind.read(text, '--x'), value, text);
  for (const text of bad) assert.throws(() => kind.read(text, '--x'), { code: 'USAGE', message: says }, text);
}

describe('an option takes', () => {
  test('an integer: decimal or hexadecimal, within its range', () =>
    accepts(
      integer(0, 0xffff),
      [
        ['0', 0],
        ['0x12b5', 4789],
        ['65535', 65_535],
      ],
      ['', '-1', '65536', '1.5', '1e3', ' 1', '0x', 'x', 'NaN'],
      /^--x takes an integer from 0 to 65535, not "/,
    ));

  test('a number, with or without a decimal point', () =>
    accepts(
      decimal(0.5, 100),
      [
        ['0.5', 0.5],
        ['1', 1],
        ['99.75', 99.75],
        ['100', 100],
      ],
      ['', '0.4', '101', '1,5', '.5', '1e1', 'Infinity', 'NaN', '-1'],
      /^--x takes a number from 0.5 to 100, not "/,
    ));

  test('a probability', () =>
    accepts(
      probability,
      [
        ['0', 0],
        ['.5', 0.5],
        ['1e-3', 0.001],
        ['1', 1],
      ],
      ['', ' ', '-0.1', '1.1', '5%', '0x1', 'x'],
      /^--x takes a number from 0 to 1, not "/,
    ));

  test('a size: bytes, k, M or G', () =>
    accepts(
      size(10, 5e9),
      [
        ['10', 10],
        ['64k', 64_000],
        ['64K', 64_000],
        ['1M', 1e6],
        ['5G', 5e9],
      ],
      ['', '9', '6G', '1.5M', '-10', '10 ', '1MB', '0x10', '1e3'],
      /^--x takes 10 to 5000000000 bytes, such as/,
    ));

  test('a duration: seconds, m, h or d', () =>
    accepts(
      duration(1, 86_400),
      [
        ['1', 1],
        ['1.5', 1.5],
        ['90m', 5400],
        ['12h', 43_200],
        ['1d', 86_400],
      ],
      ['', '0', '2d', '1w', '-1', '1 h'],
      /^--x takes 1 to 86400 seconds, such as/,
    ));

  test('a time: ISO 8601 or seconds since 1970', () =>
    accepts(
      time,
      [
        ['0', 0],
        ['2026-11-21', 1_795_219_200],
        ['2026-11-21T12:00:00Z', 1_795_262_400],
        ['2026-11-21T12:00', 1_795_262_400],
        ['2026-11-21T12:00:00+01:00', 1_795_258_800],
      ],
      ['', '2026-11-31', '2026-13-01', 'yesterday', '12:00', '-1'],
      /^--x takes a time such as/,
    ));

  test('one of a few values', () =>
    accepts(choice('a', 'b', 'c'), [['b', 'b']], ['', 'd', 'A'], /^--x takes a, b or c, not "/));

  test('a file, a device, a value of a node', () => {
    accepts(file, [['-', '-']], [''], /^--x takes a file, not an empty name$/);
    accepts(device, [['eth0', 'eth0']], [''], /^--x takes a device, not an empty name$/);
    accepts(nodeValue, [['n1=a=b', ['n1', 'a=b']]], ['', 'n1', '=a'], /^--x takes NODE=VALUE, not "/);
  });
});
