import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fixture } from '../repository.js';
import { vtep, vtepProcess } from './run.js';

const ENCRYPTED = fixture('docker/07-encrypted.esp.pcap');
const CLEAR = fixture('docker/03-vip-http.underlay.pcap');
const RING = fixture('docker/swarm-keys.txt');

interface Inspected {
  readonly frames: number;
  readonly networks: readonly { readonly vni: number; readonly frames: number }[];
  readonly endpoints: readonly {
    readonly ip: string;
    readonly vtep: string;
  }[];
}

describe('demo', () => {
  test('without a file shows the bundled swarm, decrypted, on a screen of 80 columns and 40 lines', async () => {
    const { status, stdout, stderr } = await vtep(['demo'], { columns: 80 });
    assert.equal(status, 0, stderr);
    const lines = stdout.trimEnd().split('\n');
    assert.ok(lines.length <= 40);
    assert.match(stdout, /126 carry containers' frames, all\n? *encrypted/);
    assert.match(stdout, /byte for byte as it was sent\n/);
    assert.doesNotMatch(stdout, /^.*( 0){3}.*$/m);
  });

  test('shows the networks and endpoints that inspect finds, and every frame intact both ways', async () => {
    for (const words of [[CLEAR], [ENCRYPTED, '--keys', RING]]) {
      const { stdout } = await vtep(['demo', ...words]);
      const found = JSON.parse((await vtep(['inspect', ...words, '--json'])).stdout) as Inspected;
      for (const { vni, frames } of found.networks) {
        assert.match(stdout, new RegExp(`^ +${vni} +\\d+ +${frames} `, 'm'));
      }
      for (const { ip, vtep: node } of found.endpoints) {
        assert.match(stdout, new RegExp(`^  ${node} +\\d+ .*\\b${ip}\\b`, 'm'));
      }
      // Each frame is in the traffic between two endpoints.
      const talks = [...stdout.matchAll(/^ +\d+ {2}10\.\S+ +10\.\S+ +(\d+) +[\d,]+ +(\d+) /gm)];
      const frames = talks.reduce((sum, [, there, back]) => sum + Number(there) + Number(back), 0);
      assert.equal(frames, found.frames);
      for (const way of ['clear', 'encrypted']) {
        assert.match(stdout, new RegExp(`^  ${way} +${found.frames} +${found.frames} `, 'm'));
      }
    }
  });

  test('the commands that it suggests work', async () => {
    const { stdout } = await vtep(['demo', ENCRYPTED, '--keys', RING]);
    const calls = stdout
      .slice(stdout.indexOf('Try next'))
      .split('\n')
      .filter((line) => /vtep(?: --)? (?:inspect|decap)/.test(line));
    assert.equal(calls.length, 3);
    for (const call of calls.filter((line) => line.includes('inspect'))) {
      const words = call.replace(/^.*?vtep(?: --)? /, '').split(' ');
      assert.equal((await vtep(words)).status, 0, call);
    }
  });

  test('names vtep as the user runs it: as a command, by npx, or in a checkout by npm', () => {
    const npm = { npm_lifecycle_event: undefined, npm_package_name: undefined };
    const suggested = (env: NodeJS.ProcessEnv): string => vtepProcess(['demo'], undefined, { ...npm, ...env }).stdout;
    assert.match(suggested({}), /^ {2}vtep inspect /m);
    assert.match(suggested({ npm_lifecycle_event: 'npx', npm_package_name: 'app' }), /^ {2}npx vtep inspect /m);
    assert.match(suggested({ npm_lifecycle_event: 'npx' }), /^ {2}npx vtep inspect /m);
    const start = { npm_lifecycle_event: 'start', npm_package_name: 'vtep' };
    assert.match(suggested(start), /^ {2}npm run -s vtep -- inspect /m);
  });

  test('at 60 columns no cell is cut', async () => {
    const { stdout } = await vtep(['demo'], { columns: 60 });
    assert.doesNotMatch(stdout, /…/);
    assert.match(stdout, /\(not shown: wire bytes, cipher; COLUMNS=73 shows all\)/);
  });

  test('of ESP without keys says what is missing', async () => {
    const { status, stderr } = await vtep(['demo', ENCRYPTED]);
    assert.equal(status, 2);
    assert.match(stderr, /ESP packets, none decrypted; use --keys FILE/);
  });

  test('of a capture without an overlay says so', async () => {
    const { status, stderr } = await vtep(['demo', fixture('docker/07-encrypted.web2.pcap')]);
    assert.equal(status, 2);
    assert.match(stderr, /no overlay packets; vtep inspect shows what it contains/);
  });

  test('takes one file, and keys only with a file', async () => {
    assert.match((await vtep(['demo', CLEAR, CLEAR])).stderr, /demo takes one capture file, not 2/);
    assert.match((await vtep(['demo', '--keys', RING])).stderr, /--keys needs a FILE/);
  });
});
