import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { FINDINGS } from '../../../src/doctor/index.js';
import { splitCapture } from '../../capture/split-capture.js';
import { fixture } from '../../repository.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();
const FRAGMENTS = fixture('esp/09-esp-frag-1500.underlay.pcap');
const ENCRYPTED = fixture('docker/07-encrypted.underlay.pcap');
const RING = fixture('docker/swarm-keys.txt');
const SAS = fixture('esp/01-esp-docker-aes128-icv64.xfrm.txt');
const WIRE = fixture('esp/01-esp-docker-aes128-icv64.underlay.pcap');

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Writes a capture as files that follow each other. */
function ring(name: string, path: string, cuts: readonly number[]): string[] {
  return splitCapture(readFileSync(path), cuts).map((part, i) => file(`${name}_0000${i + 1}.pcap`, part));
}

interface Report {
  readonly findings: readonly { readonly id: string; readonly severity: string; readonly subject: object }[];
  readonly counts: Readonly<Record<string, number>>;
  readonly inputs: readonly {
    readonly file: string;
    readonly node: string;
    readonly kinds: readonly string[];
    readonly continues?: string;
  }[];
}

async function report(...words: readonly string[]): Promise<Report> {
  const { stdout, stderr } = await vtep(['doctor', ...words, '--json']);
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout) as Report;
}

describe('doctor', () => {
  test('says what is wrong, where, what it means and what to do, in 80 columns', async () => {
    const { status, stdout, stderr } = await vtep(['doctor', FRAGMENTS], { columns: 80 });
    assert.equal(stderr, '');
    assert.equal(status, 0);
    assert.match(stdout, /^1 warning\n\nwarning: mtu-too-big \(certain\)\n/);
    assert.match(stdout, /packets\s+11,\s+12,\s+15,\s+16,\s+19\)/);
    assert.match(stdout, /--opt com\.docker\.network\.driver\.mtu=/);
    assert.ok(stdout.split('\n').every((line) => line.length <= 80));
  });

  test('says with several threads what it says with one', async () => {
    const packed = file('wire.pcap.gz', gzipSync(readFileSync(FRAGMENTS)));
    const clear = fixture('docker/03-vip-http.underlay.pcap');
    for (const words of [[clear], ring('clear', clear, [50, 100]), [packed], [ENCRYPTED, RING], [FRAGMENTS, WIRE]]) {
      assert.deepEqual(
        await vtep(['doctor', ...words, '--json', '--workers', '3']),
        await vtep(['doctor', ...words, '--json']),
      );
    }
  });

  test('takes the files of a ring for one capture, and says so', async () => {
    const files = ring('fragments', FRAGMENTS, [12, 16]);
    const { findings, inputs } = await report(...files);
    const whole = await report(FRAGMENTS);
    assert.deepEqual(
      findings.map(({ id, subject }) => ({ id, subject })),
      whole.findings.map(({ id, subject }) => ({ id, subject })),
    );
    assert.deepEqual(
      inputs.map((input) => [input.file, input.continues]),
      files.map((name, i) => [name, i === 0 ? undefined : files[i - 1]]),
    );
    const { stdout } = await vtep(['doctor', ...files]);
    assert.equal(stdout.match(/capture, continued/g)?.length, 2);
    assert.match(stdout, /fragments_00001\.pcap packets? 11, 12/);
  });

  test('finds nothing in a recording of a healthy swarm, decrypted with the keys among the files', async () => {
    const { findings, inputs } = await report(ENCRYPTED, RING);
    assert.deepEqual(findings, []);
    assert.deepEqual(
      inputs.map(({ kinds }) => kinds),
      [['keys'], ['capture']],
    );
  });

  test('takes the keys of SAs that a dump has, and never prints them', async () => {
    const { stdout, status } = await vtep(['doctor', WIRE, SAS, '--json']);
    assert.equal(status, 0, stdout);
    assert.ok(!/[0-9a-f]{32}/.test(stdout.replaceAll(folder, '')));
  });

  test('NODE= names the node that a file comes from', async () => {
    const { inputs } = await report(`left=${FRAGMENTS}`, `right=${SAS}`);
    assert.ok(inputs.some(({ file: name, node }) => name === FRAGMENTS && node === 'left'));
    assert.ok(inputs.some(({ file: name, node }) => name === SAS && node === 'right'));
  });

  test('a file that has = in its name is that file', async () => {
    const { inputs } = await report(
      file('node1=fdb.txt', 'de:ad:be:ef:00:01 dev vxlan0 dst 10.0.0.1 self permanent\n'),
    );
    assert.equal(inputs[0].kinds[0], 'bridge fdb');
  });

  test('reads compressed captures, and compressed text', async () => {
    const packed = file('fdb.txt.gz', gzipSync('de:ad:be:ef:00:01 dev vxlan0 dst 10.0.0.1 self permanent\n'));
    const { inputs } = await report(packed);
    assert.deepEqual(inputs[0].kinds, ['bridge fdb']);
  });

  test('what it does not understand is said, and it does the rest', async () => {
    const { inputs } = await report(file('notes.txt', 'it was slow yesterday\n'), FRAGMENTS);
    assert.deepEqual(
      inputs.map(({ kinds }) => kinds),
      [['unknown'], ['capture']],
    );
  });

  for (const [words, message] of [
    [[], /^vtep: doctor needs a FILE/],
    [['/nonexistent'], /^vtep: \/nonexistent: no such file/],
    [[folder], /a folder; name its files/],
    [['--explain', 'mtu-to-big'], /did you mean .*mtu-too-big/],
    [['--with-keys'], /--with-keys needs --collect/],
    [[file('picture.png', Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0, 0))], /picture/],
  ] as const) {
    test(`refuses ${words.join(' ').replaceAll(folder, 'FOLDER') || 'no files'}: exit 2 and one line`, async () => {
      const { status, stdout, stderr } = await vtep(['doctor', ...words]);
      assert.equal(status, 2);
      assert.equal(stdout, '');
      assert.match(stderr, message);
    });
  }

  test('--explain says what a finding means; all lists them', async () => {
    const one = await vtep(['doctor', '--explain', 'mtu-too-big']);
    assert.match(one.stdout, /^mtu-too-big \(error\)\n/);
    assert.match(one.stdout, /https:\/\/github\.com\/moby\/moby\/issues\/24906/);
    const all = await vtep(['doctor', '--explain', 'all']);
    for (const { id } of FINDINGS) assert.ok(all.stdout.includes(`${id} (`), id);
  });

  test('--collect prints a shell script', async () => {
    const { stdout } = await vtep(['doctor', '--collect']);
    assert.match(stdout, /^#!\/bin\/sh\n/);
  });
});
