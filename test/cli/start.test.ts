/** A call loads what it needs: most of a short call is the loading of modules. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fixture, ROOT } from '../repository.js';
import { MAIN, scratch } from './run.js';

const folder = scratch();
const CAPTURE = fixture('esp/01-esp-docker-aes128-icv64.underlay.pcap');
const KEYS = fixture('esp/01-esp-docker-aes128-icv64.xfrm.txt');
/** They take longer to load than the rest of a command. */
const LATE = ['@koromix', 'koffi', 'node-forge', 'yaml', 'zod'];

/** Files of the package and of others that a call loads, as V8 lists them for coverage. */
function loaded(words: readonly string[]): string[] {
  const into = mkdtempSync(join(folder, 'coverage-'));
  const call = spawnSync(process.execPath, [MAIN, ...words], { env: { ...process.env, NODE_V8_COVERAGE: into } });
  assert.equal(call.status, 0, call.stderr.toString());
  const urls = readdirSync(into).flatMap((name) => {
    const { result } = JSON.parse(readFileSync(join(into, name), 'utf8')) as { result: { url: string }[] };
    return result.map(({ url }) => url);
  });
  return urls.filter((url) => url.startsWith('file:')).map((url) => relative(ROOT, fileURLToPath(url)));
}

/** The packages among them. */
function packages(files: readonly string[]): string[] {
  const names = files.filter((file) => file.startsWith('node_modules/')).map((file) => file.split('/')[1]);
  return [...new Set(names)].sort();
}

describe('a call loads what it needs', () => {
  for (const [word, most] of [
    ['--help', 12],
    ['--version', 13],
  ] as const) {
    test(`${word}: no command and no package`, () => {
      const files = loaded([word]);
      assert.ok(files.includes('dist/src/cli/main.js'));
      assert.deepEqual(packages(files), []);
      assert.ok(files.length <= most, files.join(' '));
    });
  }

  const out = join(folder, 'out.pcap');
  for (const words of [
    ['inspect', CAPTURE],
    ['decap', CAPTURE, '-o', out],
    ['replay', fixture('docker/03-vip-http.underlay.pcap')],
    ['mtu', '--underlay', '1500'],
  ]) {
    test(`${words[0]} without keys and config: ${LATE.slice(1).join(', ')} stay where they are`, () => {
      assert.deepEqual(
        packages(loaded(words)).filter((name) => LATE.includes(name)),
        [],
      );
    });
  }

  test('keys of a dump and a cipher that is named bring what they need, and the checker of configs is not in it', () => {
    const names = packages(loaded(['decap', CAPTURE, '--keys', KEYS, '--aead', 'node', '-o', out]));
    assert.deepEqual(names, ['buffer-layout', 'yaml']);
    const forge = packages(loaded(['decap', CAPTURE, '--keys', KEYS, '--aead', 'forge', '-o', out]));
    assert.deepEqual(forge, ['buffer-layout', 'node-forge', 'yaml']);
  });
});
