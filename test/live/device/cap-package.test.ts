/** Errors if the cap package is missing or unusable. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { fixture, ROOT } from '../../repository.js';

const folder = mkdtempSync(join(tmpdir(), 'vtep-no-cap-'));
after(() => rmSync(folder, { recursive: true, force: true }));
cpSync(join(ROOT, 'dist/cli'), join(folder, 'dist/cli'), { recursive: true });
cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'));
mkdirSync(join(folder, 'node_modules'));

function vtep(...words: string[]): { status: number | null; stderr: string } {
  const env = { PATH: process.env['PATH'], HOME: folder };
  const main = join(folder, 'dist/cli/main.js');
  return spawnSync(process.execPath, [main, ...words], { cwd: folder, env, encoding: 'utf8', timeout: 60_000 });
}

const CALLS = [
  ['capture', '--list'],
  ['capture', 'lo'],
  ['inject', fixture('vxlan/01-icmp.underlay.pcap'), '--to', 'lo'],
];

/** Runs every command that needs the package, with `index` as its main module, and returns their common message. */
function said(files: Readonly<Record<string, string>> | undefined): string {
  const cap = join(folder, 'node_modules/cap');
  rmSync(cap, { recursive: true, force: true });
  if (files !== undefined) {
    mkdirSync(cap);
    for (const [name, text] of Object.entries(files)) writeFileSync(join(cap, name), text);
  }
  const outcomes = CALLS.map((words) => vtep(...words));
  for (const { status, stderr } of outcomes) {
    assert.equal(status, 2, stderr);
    assert.equal(stderr, outcomes[0].stderr);
  }
  return outcomes[0].stderr;
}

const NEEDS = 'vtep: live capture needs the cap package, which ';
const BUILD = 'apt-get install build-essential python3 libpcap-dev';

describe('without the cap package', () => {
  test('capture and inject say what to install, in one line', () => {
    assert.equal(said(undefined), `${NEEDS}is not installed (on Debian: ${BUILD}; then npm install cap)\n`);
  });

  test('says how to build a package that was not built', () => {
    const line = said({ 'index.js': "require('../build/Release/cap.node')" });
    assert.equal(line, `${NEEDS}was not built (on Debian: ${BUILD}; then npm rebuild cap)\n`);
  });

  test('says how to install libpcap if it is missing', () => {
    const words = 'libpcap.so.0.8: cannot open shared object file: No such file or directory';
    const line = said({ 'index.js': `throw new Error(${JSON.stringify(words)})` });
    assert.equal(line, `${NEEDS}lacks libpcap: ${words} (on Debian: apt-get install libpcap0.8)\n`);
  });

  test('reports the first line of any other load error', () => {
    const line = said({ 'index.js': 'throw new Error("made for another Node\\nand more")' });
    assert.equal(line, `${NEEDS}can't be loaded: made for another Node (on Debian: ${BUILD}; then npm rebuild cap)\n`);
  });

  test('no other command needs it', () => {
    rmSync(join(folder, 'node_modules/cap'), { recursive: true, force: true });
    const { status, stderr } = vtep('inspect', fixture('vxlan/01-icmp.underlay.pcap'));
    assert.equal(status, 0, stderr);
    assert.equal(stderr, '');
    assert.equal(vtep('capture', '--help').status, 0);
  });
});
