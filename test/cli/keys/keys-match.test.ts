/** `vtep keys match`: finds the key of a ring that each SPI of a capture was derived from. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { KeyMatchReport } from '../../../src/inspect/index.js';
import { fixture } from '../../repository.js';
import { type Outcome, scratch, vtep } from '../run.js';

const folder = scratch();
const DOCKER = fixture('docker/07-encrypted.underlay.pcap');
const RING = fixture('docker/swarm-keys.txt');
const SWARM = readFileSync(RING, 'utf8');

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function match(capture: string, ring: string, ...more: string[]): Promise<Outcome> {
  return await vtep(['keys', 'match', capture, '--ring', ring, ...more]);
}

function reportOf(call: Outcome): KeyMatchReport {
  assert.equal(call.stderr, '');
  return JSON.parse(call.stdout) as KeyMatchReport;
}

function codes(report: KeyMatchReport): string[] {
  return report.problems.map(({ code }) => code);
}

/** The recording's ring with some lines changed. */
function changed(name: string, change: (line: string) => string): string {
  return file(name, SWARM.split('\n').map(change).join('\n'));
}

describe("keys match on Docker's own ESP", () => {
  test('both SPIs belong to the middle key, every packet decrypts, and both nodes transmit with it', async () => {
    const report = reportOf(await match(DOCKER, RING, '--json', '--strict'));
    assert.deepEqual(
      report.spis.map(({ key, packets, opened }) => [key?.tag, key?.role, key?.spiForm, packets - opened]),
      [
        [29944, 'current', 'mapped', 0],
        [29944, 'current', 'mapped', 0],
      ],
    );
    assert.deepEqual([report.packets, report.opened, report.problems], [126, 126, []]);
  });

  test('prints the same as a table and as text', async () => {
    const { status, stdout, stderr } = await match(DOCKER, RING, '--strict');
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(
      stdout,
      /^ {2}0xc207fc1c {2}192\.168\.50\.1 .* 44 {9}44 .* 29944 {2}current {2}[0-9a-f]{12} {2}mapped$/m,
    );
    assert.match(stdout, /^2 of 2 SPIs are derived from this ring's tags; 126 of 126 packets decrypt with its keys$/m);
    for (const node of ['1', '2']) {
      assert.match(
        stdout,
        new RegExp(`^192.168.50.${node} transmits with key 29944 \\(current\\), the middle one`, 'm'),
      );
    }
    assert.match(stdout, /^Problems: none$/m);
  });

  test('prints no key', async () => {
    const printed = (await match(DOCKER, RING)).stdout + (await match(DOCKER, RING, '--json')).stdout;
    for (const [key] of SWARM.matchAll(/[0-9a-f]{32}/g)) assert.ok(!printed.includes(key));
    assert.doesNotMatch(printed, /[0-9a-f]{16}/);
  });

  for (const [name, drop, add, code, says] of [
    ['later', 29943, 29946, 'NODE_LATE', /key 29944 \(oldest\), 1 rotation behind the middle one$/m],
    ['earlier', 29945, 29942, 'NODE_EARLY', /key 29944 \(next\), 1 rotation ahead of the middle one$/m],
  ] as const) {
    test(`warns about the nodes with the ring of a rotation ${name}`, async () => {
      const ring = changed(`${name}.txt`, (line) => line.replace(`ipsec lamport ${drop} `, `ipsec lamport ${add} `));
      const { status, stdout } = await match(DOCKER, ring, '--strict');
      assert.equal(status, 1);
      assert.match(stdout, says);
      assert.deepEqual(codes(reportOf(await match(DOCKER, ring, '--json'))), [code]);
    });
  }

  test('with the same tags but different keys, the SPIs match and every ICV is wrong', async () => {
    let number = 10;
    const other = changed('other-keys.txt', (line) => line.replace(/key \w+$/, `key ${'ab'.repeat(15)}${number++}`));
    const call = await match(DOCKER, other, '--json', '--strict');
    assert.equal(call.status, 1);
    const report = reportOf(call);
    assert.deepEqual([report.opened, report.nodes], [0, []]);
    assert.deepEqual(codes(report), ['KEY_ICV_WRONG', 'KEY_UNPROVEN']);
    assert.equal(report.problems[0].count, 126);
  });
});

describe('keys match on captures whose keys were set manually', () => {
  for (const name of ['01-esp-docker-aes128-icv64', '05-esp-aes256-icv128-esn', '08-esp-key-rotation', '14-esp-ipv6']) {
    test(`esp/${name}: reports that nothing matches`, async () => {
      const { status, stdout } = await match(fixture(`esp/${name}.underlay.pcap`), RING, '--strict');
      assert.equal(status, 1);
      assert.match(stdout, /^No match: the capture's SPIs were not derived from these tags\./m);
      assert.match(stdout, /not derived from this ring's tags$/m);
      assert.doesNotMatch(stdout, /transmits with key/);
    });
  }
});

describe('keys match without anything to match', () => {
  const empty = file('empty.pcap', readFileSync(DOCKER).subarray(0, 24));

  test('reports a capture without packets or without ESP, and exits 1 only with --strict', async () => {
    for (const capture of [empty, fixture('vxlan/01-icmp.underlay.pcap')]) {
      const { status, stdout } = await match(capture, RING);
      assert.equal(status, 0);
      assert.match(stdout, /^No ESP: nothing to match$/m);
      assert.equal((await match(capture, RING, '--strict')).status, 1);
    }
  });

  for (const [what, words, says] of [
    ['no ring', [DOCKER], /keys match needs --ring FILE/],
    ['no capture', ['--ring', RING], /keys match needs a capture file/],
    ['a dump in place of the ring', [DOCKER, '--ring', fixture('docker/07-encrypted.xfrm.txt')], /not a key ring/],
    ['a capture in place of the ring', [DOCKER, '--ring', DOCKER], /07-encrypted\.underlay\.pcap: /],
    ['a ring that is not there', [DOCKER, '--ring', join(folder, 'none')], /no such file/],
    ['a ring in place of the capture', [RING, '--ring', RING], /neither pcap nor pcapng/],
    ['an unknown option', [DOCKER, '--ring', RING, '--vni', '1'], /see: vtep keys match --help/],
  ] as const) {
    test(`${what}: one line and exit code 2`, async () => {
      const { status, stdout, stderr } = await vtep(['keys', 'match', ...words]);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, says);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }
});
