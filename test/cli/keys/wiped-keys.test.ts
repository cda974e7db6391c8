/** A command wipes all keys when done: those from files, those generated for a run, and all derived from them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configText } from '../../dataplane/topology.js';
import { fixture, ROOT } from '../../repository.js';
import { scratch, UNBUNDLED_MAIN } from '../run.js';

const folder = scratch();
const CONFIG = join(folder, 'overlay.yaml');
writeFileSync(CONFIG, configText({ encrypted: true }));
const FRAMES = fixture('vxlan/01-icmp.c1.pcap');
const WATCH = join(ROOT, 'dist/test/cli/keys/key-watch.js');

const CALLS: readonly (readonly [what: string, words: readonly string[]])[] = [
  ['encap', ['encap', FRAMES, '-o', join(folder, 'out.pcap'), '--config', CONFIG, '--node', 'n1']],
  ['replay of a config', ['replay', FRAMES, '--config', CONFIG]],
  ['replay, clear and encrypted', ['replay', FRAMES, '--config', CONFIG, '--both']],
  ['replay with a key made for the run', ['replay', FRAMES, '--encrypt']],
];

for (const [what, words] of CALLS) {
  test(`${what}: leaves no key`, () => {
    const report = join(folder, 'keys.json');
    const call = spawnSync(process.execPath, ['--import', WATCH, UNBUNDLED_MAIN, ...words, '--aead', 'node'], {
      encoding: 'utf8',
      env: { ...process.env, KEY_WATCH: report },
    });
    assert.equal(call.status, 0, call.stderr);
    const { ofCluster, ofCiphers } = JSON.parse(readFileSync(report, 'utf8'));
    assert.ok(ofCluster.used > 0 && ofCiphers.used > 0);
    assert.deepEqual([ofCluster.left, ofCiphers.left], [0, 0]);
  });
}
