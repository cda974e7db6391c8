/** The README's programs run as they stand there, and it is short. */
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { blocksOf, programFolder, runProgram } from './document.js';
import { ROOT } from './repository.js';

const folder = programFolder();
// The programs read recordings from the checkout's root.
symlinkSync(join(ROOT, 'fixtures'), join(folder, 'fixtures'));

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const programs = blocksOf('README.md').filter(({ language }) => language === 'ts');

describe('README', () => {
  for (const [index, name] of [
    [0, 'the first program prints the connections in an encrypted capture'],
    [1, 'the second program simulates a network that loses frames'],
    [2, 'the third program prints a header'],
  ] as const) {
    test(name, () => {
      const { text } = programs[index];
      const said = [...text.matchAll(/console.*\/\/ (.*)|^\/\/ (.*)/gm)].map(([, after, alone]) => after || alone);
      assert.deepEqual(runProgram(folder, text), said);
    });
  }

  test('has 900 to 1,200 words, without the output of commands', () => {
    const words = README.replace(/```console[\s\S]*?```/g, '').split(/\s+/).length;
    assert.ok(words >= 900 && words <= 1200, String(words));
  });
});
