/** `vtep report`: captures as one HTML page. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fixture } from '../../repository.js';
import { elementsOf, type PageElement, parsePage } from '../../report/html.js';
import { scratch, vtep, vtepProcess } from '../run.js';

const folder = scratch();
const ENCRYPTED = [fixture('docker/07-encrypted.esp.pcap'), '--keys', fixture('docker/07-encrypted.xfrm.txt')];
const ROTATION = fixture('esp/08-esp-key-rotation.underlay.pcap');

/** The page that an invocation writes. */
async function pageOf(...words: readonly string[]): Promise<PageElement> {
  const path = join(folder, 'page.html');
  const { status } = await vtep(['report', ...words, '-o', path]);
  assert.equal(status, 0);
  return parsePage(readFileSync(path, 'utf8'));
}

describe('report', () => {
  test('writes a page, and says what it wrote', async () => {
    const path = join(folder, 'report.html');
    const { status, stdout, stderr } = await vtep(['report', ...ENCRYPTED, '-o', path]);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^\S+report\.html: \d\d\.\d kB, 126 packets, 0 warnings\n$/);
    const page = parsePage(readFileSync(path, 'utf8'));
    assert.match(elementsOf(page, 'h1')[0].text, /^07-encrypted\.esp\.pcap$/);
    assert.ok(page.text.includes('Keys and rotations'));
    assert.match(page.text, /126\s*Packets|Packets\s*126/);
  });

  test('- reads a capture from standard input, -o - writes the page to standard output, and the line to standard error', () => {
    const { status, stdout, stderr } = vtepProcess(['report', '-', '-o', '-'], readFileSync(ROTATION));
    assert.equal(status, 0);
    assert.match(stdout, /^<!doctype html>[^]*<\/html>\n$/);
    assert.ok(elementsOf(parsePage(stdout), 'h2').some(({ text }) => text === 'Findings'));
    assert.match(stderr, /^-: \d+(?:\.\d+)? kB, 1,\d{3} packets, \d+ warnings?\n$/);
  });

  test('it has names and the load of services with --swarm', async () => {
    const swarm = ['network-inspect-verbose.node1', 'service-inspect', 'task-inspect', 'node-inspect'].flatMap(
      (name) => ['--swarm', fixture(`docker/swarm/${name}.json`)],
    );
    const page = await pageOf(fixture('docker/05-ingress.underlay.pcap'), ...swarm);
    assert.match(page.text, /Services[^]*my-web on\s+ingress[^]*my-web\.\d/);
  });

  test('the timeline has the switches of a rotation, with and without keys', async () => {
    const keys = ['0-before', '1-rx-added', '2-n1-switched', '3-n2-switched', '4-after'].flatMap((step) => [
      '--keys',
      fixture(`esp/08-esp-key-rotation.${step}.xfrm.txt`),
    ]);
    const texts = [await pageOf(ROTATION), await pageOf(ROTATION, ...keys)].map(({ text }) => text);
    for (const text of texts) assert.match(text, /1 rotation[^]*192\.168\.50\.1 switches first, 192\.168\.50\.2/);
    assert.match(texts[1], /Decrypted by/);
    assert.doesNotMatch(texts[0], /Decrypted by/);
  });

  test('no key of the files is in the page', async () => {
    const page = await pageOf(...ENCRYPTED);
    const keys = readFileSync(ENCRYPTED[2], 'utf8').match(/0x[0-9a-f]{40,}/g) ?? [];
    assert.ok(keys.length > 0);
    for (const key of keys) assert.ok(!page.text.includes(key.slice(2, 34)));
  });

  test('several encrypted captures are decrypted by one set of keys: each for doctor, and all together', async () => {
    const [capture, ...keys] = ENCRYPTED;
    const page = await pageOf(capture, fixture('esp/01-esp-docker-aes128-icv64.underlay.pcap'), ...keys);
    assert.match(page.text, /Decrypted by/);
    assert.match(page.text, /from 2 captures/);
  });

  test('several captures are one page', async () => {
    const page = await pageOf(fixture('vxlan/01-icmp.underlay.pcap'), ROTATION);
    assert.match(elementsOf(page, 'h1')[0].text, /^[\w.-]+ and 1 more$/);
    assert.match(page.text, /from 2 captures/);
    const twice = await pageOf(ROTATION, ROTATION);
    assert.match(twice.text, /from 1 capture/);
  });

  test('--strict exits with 1 if there is a warning', async () => {
    const cut = join(folder, 'cut.pcap');
    writeFileSync(cut, readFileSync(ROTATION).subarray(0, -10));
    const words = ['report', cut, '-o', join(folder, 'strict.html')];
    const { status, stderr } = await vtep(words);
    assert.equal(status, 0);
    assert.equal(stderr.match(/the file ends in the middle/g)?.length, 1, 'each capture is read once');
    assert.equal((await vtep([...words, '--strict'])).status, 1);
  });

  test('without -o it is refused, and a capture that cannot be read leaves no page', async () => {
    assert.match((await vtep(['report', ROTATION])).stderr, /--output|-o/);
    const path = join(folder, 'none.html');
    const broken = join(folder, 'broken.pcap');
    writeFileSync(broken, 'not a capture');
    assert.equal((await vtep(['report', broken, '-o', path])).status, 2);
    assert.ok(!existsSync(path));
  });

  test('it never replaces one of its captures', async () => {
    const capture = join(folder, 'wire.pcap');
    writeFileSync(capture, readFileSync(ROTATION));
    const { status, stderr } = await vtep(['report', capture, '-o', capture]);
    assert.equal(status, 2);
    assert.match(stderr, /the output is the input itself/);
  });

  test('nor a file of keys or names, whether an option names it or it is an input', async () => {
    const keys = join(folder, 'keys.txt');
    const text = readFileSync(ENCRYPTED[2]);
    writeFileSync(keys, text);
    const [capture] = ENCRYPTED;
    for (const words of [
      [capture, keys],
      [capture, '--keys', keys],
      [capture, '--config', keys],
    ]) {
      assert.equal((await vtep(['report', ...words, '-o', keys])).status, 2);
      assert.deepEqual(readFileSync(keys), text);
    }
  });

  test('an output that cannot be written is refused before captures are read', async () => {
    const broken = join(folder, 'unreadable.pcap');
    writeFileSync(broken, readFileSync(ROTATION).subarray(0, 30));
    const { status, stderr } = await vtep(['report', broken, '-o', join(folder, 'missing/report.html')]);
    assert.equal(status, 2);
    assert.match(stderr, /missing/);
  });
});
