import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { ROOT } from '../repository.js';
import { profileOf } from './profile-sample.js';
import { elementsOf, parsePicture } from './xml.js';

const folder = mkdtempSync(join(tmpdir(), 'vtep-profile-'));
const input = join(folder, 'a.cpuprofile');
const output = join(folder, 'a.svg');

function run(...words: string[]): { status: number | null; errors: string } {
  const call = spawnSync(process.execPath, [join(ROOT, 'dist/bench/profile.js'), ...words]);
  return { status: call.status, errors: call.stderr.toString() };
}

describe('the program that draws a profile', () => {
  after(() => rmSync(folder, { recursive: true }));
  writeFileSync(input, JSON.stringify(profileOf([['main run@own', 3]])));

  test('writes the picture, named after the file or by the title', () => {
    const titles = [[], ['--title', 'egress', '--focus', 'run']].map((more) => {
      assert.deepEqual(run(input, '-o', output, ...more), { status: 0, errors: '' });
      return elementsOf(parsePicture(readFileSync(output, 'utf8')), 'text')[0].text;
    });
    assert.deepEqual(titles, ['a', 'egress']);
  });

  test('unusable arguments or files end with exit code 2 and one line', () => {
    const calls = [
      [],
      [input],
      [input, '-o', output, '--zork'],
      [join(folder, 'nothing'), '-o', output],
      [input, '-o', join(folder, 'no', 'where.svg')],
      [input, '-o', output, '--focus', 'open'],
    ];
    for (const words of calls) {
      const { status, errors } = run(...words);
      assert.equal(status, 2);
      assert.match(errors, /^profile: [^\n]+\n$/);
    }
  });
});
