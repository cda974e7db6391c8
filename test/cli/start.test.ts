/** A command loads only what it needs, since loading modules dominates short runs. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fixture, ROOT } from '../repository.js';
import { MAIN, scratch } from './run.js';

const folder = scratch();
const CAPTURE = fixture('esp/01-esp-docker-aes128-icv64.underlay.pcap');
const KEYS = fixture('esp/01-esp-docker-aes128-icv64.xfrm.txt');
/** Packages that take longer to load than the rest of a command. */
const LATE = ['@koromix', '@nats-io', 'koffi', 'node-forge', 'yaml', 'zod'];

/** The sources of this package and others that a command loads, from V8's coverage; those of a bundle by its source map. */
function loaded(args: readonly string[]): string[] {
  const into = mkdtempSync(join(folder, 'coverage-'));
  const call = spawnSync(process.execPath, [MAIN, ...args], { env: { ...process.env, NODE_V8_COVERAGE: into } });
  assert.equal(call.status, 0, call.stderr.toString());
  const urls = readdirSync(into).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(into, name), 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
  const files = urls.filter((url) => url.startsWith('file:')).map((url) => fileURLToPath(url));
  return files.flatMap(sourcesOf).map((file) => relative(ROOT, file));
}

/** The sources of a file of a bundle, or else the file. */
function sourcesOf(file: string): string[] {
  if (dirname(file) !== dirname(MAIN)) return [file];
  const { sources } = JSON.parse(readFileSync(`${file}.map`, 'utf8')) as { sources: string[] };
  return sources.map((source) => join(dirname(file), source));
}

/** The packages among them. */
function packages(files: readonly string[]): string[] {
  const names = files.filter((file) => file.startsWith('node_modules/')).map((file) => file.split('/')[1]);
  return [...new Set(names)].sort();
}

describe('a command loads only what it needs', () => {
  for (const [arg, most, needed] of [
    ['--help', 36, ['commander']],
    ['--version', 15, []],
  ] as const) {
    test(`${arg}: no command, and ${needed.length === 0 ? 'no package' : `only ${needed.join()}`}`, () => {
      const files = loaded([arg]);
      assert.ok(files.includes('src/cli/main.ts'));
      assert.deepEqual(packages(files), needed);
      assert.ok(files.length <= most, files.join(' '));
    });
  }

  const out = join(folder, 'out.pcap');
  for (const args of [
    ['inspect', CAPTURE],
    ['decap', CAPTURE, '-o', out],
    ['replay', fixture('docker/03-vip-http.underlay.pcap')],
    ['mtu', '--underlay', '1500'],
  ]) {
    test(`${args[0]} without keys and config does not load ${LATE.slice(1).join(', ')}`, () => {
      assert.deepEqual(
        packages(loaded(args)).filter((name) => LATE.includes(name)),
        [],
      );
    });
  }

  test('keys from a dump and a named cipher load what they need, but not the config validator', () => {
    const names = packages(loaded(['decap', CAPTURE, '--keys', KEYS, '--aead', 'node', '-o', out]));
    assert.deepEqual(names, ['buffer-layout', 'commander', 'yaml']);
    const forge = packages(loaded(['decap', CAPTURE, '--keys', KEYS, '--aead', 'forge', '-o', out]));
    assert.deepEqual(forge, ['buffer-layout', 'commander', 'node-forge', 'yaml']);
  });
});
