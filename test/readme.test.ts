/** The README's examples run as they stand there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { blocksOf, programFolder, runProgram } from './document.js';
import { fixture, ROOT } from './repository.js';

const folder = programFolder();
copyFileSync(fixture('vxlan/01-icmp.underlay.pcap'), join(folder, 'underlay.pcap'));

const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const blocks = blocksOf('README.md');
const config = blocks.find(({ language }) => language === 'yaml')?.text ?? '';
writeFileSync(join(folder, 'overlay.yaml'), config);
const examples = blocks.filter(({ language }) => language === 'ts').map(({ text }) => text);

/** The lines that vtep prints with 80 columns. */
function printedBy(...words: readonly string[]): string[] {
  const env = { ...process.env, COLUMNS: '80' };
  const call = spawnSync(process.execPath, ['dist/src/cli/main.js', ...words], { cwd: ROOT, env });
  return call.stdout.toString().split('\n');
}

describe('README', () => {
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

  test('shows how an encrypted recording is opened', () => {
    const shown = /```\n(ESP, opened by[\s\S]*?)```/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'));
    const keys = ['--keys', 'fixtures/docker/swarm-keys.txt'];
    const printed = printedBy('inspect', 'fixtures/docker/07-encrypted.underlay.pcap', ...keys).join('\n');
    assert.ok(shown !== null);
    // Which cipher it is depends on the machine.
    assert.ok(printed.includes(shown[1].trimEnd().split('\n').slice(1).join('\n')));
  });

  test('shows what npm start prints', () => {
    const shown = /```\n(fixtures\/docker[^\n]*\n {2}\d+ packets between[\s\S]*?)```/.exec(README);
    assert.ok(shown !== null);
    // Which cipher it is depends on the machine.
    const plain = (line: string): string => line.replace(/(encrypted .* % {2}).*$/, '$1');
    const printed = printedBy('demo').map(plain);
    for (const line of shown[1].trimEnd().split('\n')) {
      if (line !== '...') assert.ok(printed.includes(plain(line)), line);
    }
  });

  test('shows what inspect prints', () => {
    const shown = /```\n(fixtures\/docker[^\n]*: pcap,[\s\S]*?)```/.exec(README);
    assert.ok(shown !== null);
    const printed = printedBy('inspect', 'fixtures/docker/03-vip-http.underlay.pcap');
    for (const line of shown[1].trimEnd().split('\n'))
      if (line.trim() !== '...') assert.ok(printed.includes(line), line);
  });
});
