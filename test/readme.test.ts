/** The README's examples run as they stand there. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fixture, ROOT } from './repository.js';

const folder = mkdtempSync(join(tmpdir(), 'vtep-readme-'));
after(() => {
  rmSync(folder, { recursive: true, force: true });
});
// As after `npm install vtep`: the package resolves by its name and its exports.
mkdirSync(join(folder, 'node_modules'));
symlinkSync(ROOT, join(folder, 'node_modules', 'vtep'));
copyFileSync(fixture('vxlan/01-icmp.underlay.pcap'), join(folder, 'underlay.pcap'));

const examples = [...readFileSync(join(ROOT, 'README.md'), 'utf8').matchAll(/```ts\n([\s\S]*?)```/g)].map(
  ([, code]) => code,
);

function run(code: string): string[] {
  const file = join(folder, 'example.mjs');
  writeFileSync(file, code);
  const call = spawnSync(process.execPath, [file], { cwd: folder });
  assert.equal(call.status, 0, call.stderr.toString());
  return call.stdout.toString().trimEnd().split('\n');
}

describe('README', () => {
  test('the first example prints the VNI and length of each inner frame', () => {
    const lines = run(examples[0]);
    assert.equal(lines.length, 38);
    assert.equal(lines[0], '4097 98');
  });

  test('the second example prints what its comments say', () => {
    const lines = run(examples[1]);
    const said = [...examples[1].matchAll(/\/\/ (.*)/g)].map(([, comment]) => comment);
    assert.deepEqual(lines, said);
  });

  test('the third example seals a packet', () => {
    const lines = run(examples[2]);
    assert.deepEqual(lines, [/console.*\/\/ (.*)/.exec(examples[2])?.[1]]);
  });

  test('shows how an encrypted recording is opened', () => {
    const shown = /```\n(ESP, opened by[\s\S]*?)```/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'));
    const keys = ['--keys', 'fixtures/docker/swarm-keys.txt'];
    const words = ['dist/src/cli/main.js', 'inspect', 'fixtures/docker/07-encrypted.underlay.pcap', ...keys];
    const printed = spawnSync(process.execPath, words, { cwd: ROOT }).stdout.toString();
    assert.ok(shown !== null);
    // Which cipher it is depends on the machine.
    assert.ok(printed.includes(shown[1].trimEnd().split('\n').slice(1).join('\n')));
  });

  test('shows what npm start prints', () => {
    const shown = /```\n(fixtures\/docker[\s\S]*?)```/.exec(readFileSync(join(ROOT, 'README.md'), 'utf8'));
    assert.ok(shown !== null);
    const words = ['dist/src/cli/main.js', 'inspect', 'fixtures/docker/03-vip-http.underlay.pcap'];
    const printed = spawnSync(process.execPath, words, { cwd: ROOT }).stdout.toString().split('\n');
    // Left out in the README: what stands for a row of dots, and decap's two lines at the end.
    const lines = shown[1].trimEnd().split('\n').slice(0, -2);
    for (const line of lines) if (line.trim() !== '...') assert.ok(printed.includes(line), line);
  });
});
