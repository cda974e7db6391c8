import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LiveTable } from '../../../src/cli/capture/live-table.js';

/** A terminal that records what is written. */
function terminal(
  rows: number,
  columns: number,
): { written: string[]; rows: number; columns: number; write: () => boolean } {
  const written: string[] = [];
  return { written, rows, columns, write: (text?: string) => written.push(text ?? '') > 0 };
}

describe('LiveTable', () => {
  test('moves up over the lines that it showed, and no further', () => {
    const screen = terminal(24, 80);
    const table = new LiveTable(screen);
    table.show(['a', 'b', 'c']);
    table.show(['d']);
    table.show(['e', 'f']);
    table.end();
    table.end();
    assert.deepEqual(screen.written, [
      'a\nb\nc\n',
      '\x1b[3A\r\x1b[Jd\n',
      '\x1b[1A\r\x1b[Je\nf\n',
      '\x1b[2A\r\x1b[J',
      '',
    ]);
  });

  test('shows only what fits, since a line that wrapped or scrolled away could not be erased', () => {
    const screen = terminal(3, 5);
    const table = new LiveTable(screen);
    table.show(['123456', '2', '3', '4']);
    table.end();
    assert.deepEqual(screen.written, ['123…\n2\n', '\x1b[2A\r\x1b[J']);
  });
});
