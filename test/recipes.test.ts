/** The recipes of docs/recipes.md run as they stand there, and print what stands below them. Live ones: recipes-live.test.ts. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { vtep } from './cli/run.js';
import { blocksOf, programFolder, runProgram, runShell } from './document.js';
import { fixture, missing, ROOT } from './repository.js';

const DOCUMENT = 'docs/recipes.md';
const blocks = blocksOf(DOCUMENT);
const recipes = blocks.filter(({ language }) => language === 'ts' || language === 'js');
const commands = blocks.filter(({ language }) => language === 'sh');
/** Those that need a device or a program that tests don't demand. */
const WITHOUT_OUTPUT = [
  'Watch a device in tshark',
  'Pick an overlay in tshark',
  'Run Zeek on inner frames',
  'Run Suricata on inner frames',
];
const folder = programFolder();
// The recipes read recordings from the checkout's root.
symlinkSync(join(ROOT, 'fixtures'), join(folder, 'fixtures'));

describe('recipes', () => {
  test('there is one for each heading that the page lists', () => {
    const listed = [...readFileSync(join(ROOT, DOCUMENT), 'utf8').matchAll(/^- \[(.*)\]\(#(.*)\)$/gm)];
    assert.deepEqual(
      [...recipes, ...commands].map(({ heading }) => heading),
      listed.map(([, title]) => title),
    );
    assert.deepEqual([recipes.length, commands.length], [12, 8]);
    for (const [, title, anchor] of listed) assert.equal(anchor, title.toLowerCase().replaceAll(' ', '-'));
  });

  for (const recipe of recipes) {
    test(`${recipe.heading}: prints what stands below it`, () => {
      const below = blocks[blocks.indexOf(recipe) + 1];
      assert.equal(below.language, '');
      assert.equal(below.heading, recipe.heading);
      assert.deepEqual(
        runProgram(folder, recipe.text, recipe.language === 'js' ? 'cjs' : 'mjs'),
        below.text.trimEnd().split('\n'),
      );
    });
  }

  for (const { heading, text } of commands) {
    const below = blocks[blocks.findIndex((block) => block.text === text) + 1] as (typeof blocks)[number] | undefined;
    if (WITHOUT_OUTPUT.includes(heading)) continue;
    const skip = missing('tshark') || missing('jq');
    test(`${heading}: prints what stands below it`, { skip }, () => {
      assert.deepEqual([below?.language, below?.heading], ['', heading]);
      const printed = runShell(folder, text).map((line) => line.replaceAll(folder, '/home/me'));
      assert.deepEqual(printed, below?.text.trimEnd().split('\n'));
    });
  }

  for (const [program, heading] of [
    ['zeek', 'Run Zeek on inner frames'],
    ['suricata', 'Run Suricata on inner frames'],
  ] as const) {
    const absent = spawnSync(program, ['-V'], { stdio: 'ignore' }).error !== undefined;
    test(`${heading}: works`, { skip: absent ? `${program} is not installed` : false }, () => {
      const { text } = commands.find((one) => one.heading === heading) ?? assert.fail(heading);
      runShell(folder, text);
    });
  }

  test('bytes per TCP flow of an encrypted capture take at most ten lines', () => {
    const lines = recipes[0].text.split('\n').filter((line) => line !== '');
    assert.equal(recipes[0].heading, 'Count bytes per TCP flow');
    assert.ok(lines.length <= 10, String(lines.length));
  });

  test('what the recipe decrypts is what vtep decap writes, byte for byte', async () => {
    const decrypted = join(folder, 'decap.pcap');
    const keys = fixture('docker/swarm-keys.txt');
    const { status } = await vtep([
      'decap',
      fixture('docker/07-encrypted.underlay.pcap'),
      '-o',
      decrypted,
      '--keys',
      keys,
    ]);
    assert.equal(status, 0);
    assert.deepEqual(readFileSync(join(folder, 'decrypted.pcap')), readFileSync(decrypted));
  });
});
