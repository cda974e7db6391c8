import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { screenOf } from '../../src/cli/streams.js';

const PIPE = {};
const TERMINAL = { isTTY: true, columns: 132 };

describe('the screen of a stream', () => {
  for (const [what, stream, env, otherwise, columns] of [
    ['a terminal', TERMINAL, {}, 80, 132],
    ['a terminal of unknown width', { isTTY: true, columns: 0 }, {}, 80, 80],
    ['a pipe', PIPE, {}, 80, 80],
    ['a pipe of any width', PIPE, {}, Infinity, Infinity],
    ['a terminal, with COLUMNS', TERMINAL, { COLUMNS: '60' }, 80, 60],
    ['a pipe, with COLUMNS', PIPE, { COLUMNS: '100' }, 80, 100],
    ['a useless COLUMNS', PIPE, { COLUMNS: '0' }, 80, 80],
    ['a COLUMNS that is no number', PIPE, { COLUMNS: '12x' }, 80, 80],
    ['a tiny COLUMNS', PIPE, { COLUMNS: '3' }, 80, 20],
  ] as const) {
    test(`${what}: ${columns} columns`, () => {
      assert.equal(screenOf(stream, env, otherwise).columns, columns);
    });
  }

  for (const [what, stream, env, colour] of [
    ['a terminal', TERMINAL, {}, true],
    ['a pipe', PIPE, {}, false],
    ['NO_COLOR', TERMINAL, { NO_COLOR: '1' }, false],
    ['any NO_COLOR', TERMINAL, { NO_COLOR: '0' }, false],
    ['an empty NO_COLOR', TERMINAL, { NO_COLOR: '' }, true],
    ['TERM=dumb', TERMINAL, { TERM: 'dumb' }, false],
    ['FORCE_COLOR in a pipe', PIPE, { FORCE_COLOR: '1' }, true],
    ['FORCE_COLOR=0', TERMINAL, { FORCE_COLOR: '0' }, false],
    ['NO_COLOR and FORCE_COLOR', TERMINAL, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
  ] as const) {
    test(`${what}: ${colour ? 'colour' : 'no colour'}`, () => {
      assert.equal(screenOf(stream, env, 80).colour, colour);
    });
  }
});
