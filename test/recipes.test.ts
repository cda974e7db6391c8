/** The recipes of docs/recipes.md run as they stand there, and print what stands below them. */
import assert from 'node:assert/strict';
import { readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { vtep } from './cli/run.js';
import { blocksOf, programFolder, runProgram } from './document.js';
import { fixture, ROOT } from './repository.js';

const DOCUMENT = 'docs/recipes.md';
const blocks = blocksOf(DOCUMENT);
const recipes = blocks.filter(({ language }) => language === 'ts' || language === 'js');
const folder = programFolder();
// The recipes read recordings from the checkout's root.
symlinkSync(join(ROOT, 'fixtures'), join(folder, 'fixtures'));

describe('recipes', () => {
  test('there is one for each heading that the page lists', () => {
    const listed = [...readFileSync(join(ROOT, DOCUMENT), 'utf8').matchAll(/^- \[(.*)\]\(#(.*)\)$/gm)];
    assert.deepEqual(
      recipes.map(({ heading }) => heading),
      listed.map(([, title]) => title),
    );
    assert.equal(recipes.length, 12);
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
