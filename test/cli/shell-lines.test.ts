import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { shellLines } from '../../src/cli/shell-lines.js';

const PIPE = 'vtep decap wire.pcap --keys keys.txt -o - | tshark -r -';

describe('a command over several lines', () => {
  test('is one line if it fits', () => {
    assert.deepEqual(shellLines(PIPE, 57), [`  ${PIPE}`]);
  });

  test('breaks before options and pipes, and never between an option and its value', () => {
    assert.deepEqual(shellLines(PIPE, 56), ['  vtep decap wire.pcap --keys keys.txt -o - | tshark \\', '      -r -']);
    assert.deepEqual(shellLines(PIPE, 40), ['  vtep decap wire.pcap --keys keys.txt \\', '      -o - | tshark -r -']);
  });

  test('breaks anywhere, with a backslash, if what belongs together is too long', () => {
    const path = `/a/${'long/'.repeat(8)}wire.pcap`;
    assert.deepEqual(shellLines(`npm run -s vtep -- inspect ${path} --flows`, 50), [
      '  npm run -s vtep -- inspect \\',
      `      ${path} \\`,
      '      --flows',
    ]);
  });

  test('gives a shell the same words at any width', () => {
    for (let width = 20; width <= 80; width++) {
      const lines = shellLines(PIPE, width);
      assert.equal(
        lines
          .join('\n')
          .replace(/ \\\n */g, ' ')
          .trim(),
        PIPE,
      );
      for (const line of lines) assert.ok(line.length <= width, line);
    }
  });
});

test('what is in quotes stays in one line, and is no pipe', () => {
  const lines = shellLines(`vtep node ls --format json | jq -r 'select(.a == "b") | .c'`, 40);
  assert.deepEqual(lines, ['  vtep node ls --format json | jq \\', `      -r 'select(.a == "b") | .c'`]);
});
