/** The programs of docs/library.md run as they stand there. */
import assert from 'node:assert/strict';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { blocksOf, programFolder, runProgram } from './document.js';
import { fixture } from './repository.js';

const folder = programFolder();
copyFileSync(fixture('vxlan/01-icmp.underlay.pcap'), join(folder, 'underlay.pcap'));

const blocks = blocksOf('docs/library.md');
const config = blocks.find(({ language }) => language === 'yaml')?.text ?? '';
writeFileSync(join(folder, 'overlay.yaml'), config);
const examples = blocks.filter(({ language }) => language === 'ts').map(({ text }) => text);

describe('docs/library.md', () => {
  test('the first example prints the VNI and length of each inner frame', () => {
    const lines = runProgram(folder, examples[0]);
    assert.equal(lines.length, 38);
    assert.equal(lines[0], '4097 98');
  });

  test('the second example prints what its comments say', () => {
    const lines = runProgram(folder, examples[1]);
    const said = [...examples[1].matchAll(/\/\/ (.*)/g)].map(([, comment]) => comment);
    assert.deepEqual(lines, said);
  });

  for (const [index, name] of [
    [2, 'the third example sends a frame from node to node'],
    [3, 'the fourth example seals a packet'],
    [4, 'the fifth example rotates the keys of a node'],
    [5, 'the sixth example spreads packets over workers'],
  ] as const) {
    test(name, () => {
      const lines = runProgram(folder, examples[index]);
      assert.deepEqual(lines, [/console.*\/\/ (.*)/.exec(examples[index])?.[1]]);
    });
  }

  test('the example of a pair of nodes, encryption included, has less than 20 lines besides its imports', () => {
    assert.ok(
      examples[2]
        .trim()
        .split('\n')
        .filter((line) => line !== '' && !line.startsWith('import ')).length < 20,
    );
  });
});
