import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { describe, test } from 'node:test';
import { inputFiles, readInOrder } from '../../../src/cli/inspect/input-files.js';
import { RotatingFiles } from '../../../src/capture/index.js';
import type { SurveyReport } from '../../../src/inspect/index.js';
import { fixture } from '../../repository.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();
const HTTP = fixture('docker/03-vip-http.underlay.pcap');
const INGRESS = fixture('docker/05-ingress.underlay.pcap');

async function report(...args: string[]): Promise<SurveyReport> {
  const call = await vtep(['inspect', ...args, '--json', '--flows']);
  assert.equal(call.status, 0, call.stderr);
  return JSON.parse(call.stdout) as SurveyReport;
}

describe('operands', () => {
  const many = join(folder, 'many');
  mkdirSync(join(many, 'deeper'), { recursive: true });
  for (const name of ['b_1.pcap', 'a_1.pcap', 'a[2].pcap', 'deeper/a_3.pcap', 'a.txt'])
    copyFileSync(HTTP, join(many, name));
  const names = async (...operands: string[]): Promise<string[]> =>
    (await inputFiles(operands.map((name) => join(many, name)))).map((path) => path.slice(many.length + 1));

  test('with *, ? or braces are patterns', async () => {
    assert.deepEqual(await names('a_*.pcap'), ['a_1.pcap']);
    assert.deepEqual(await names('?_1.pcap'), ['a_1.pcap', 'b_1.pcap']);
    assert.deepEqual(await names('{b,a}_1.pcap'), ['a_1.pcap', 'b_1.pcap']);
    assert.deepEqual(await names('**/a_*.pcap'), ['a_1.pcap', 'deeper/a_3.pcap']);
  });

  test('that name a file are no patterns, whatever their characters', async () => {
    assert.deepEqual(await names('a[2].pcap'), ['a[2].pcap']);
  });

  test('that name a file twice name it once', async () => {
    assert.deepEqual(await names('a_1.pcap', '*_1.pcap', 'a_1.pcap'), ['a_1.pcap', 'b_1.pcap']);
  });

  test('are relative to the working folder, or absolute', async () => {
    const pattern = relative(process.cwd(), fixture('docker/0*-http.under*.pcap'));
    assert.deepEqual(await inputFiles([pattern]), [relative(process.cwd(), HTTP)]);
    assert.deepEqual(await inputFiles([fixture('docker/0*-http.under*.pcap')]), [HTTP]);
  });

  test('without a match, and folders, are errors', async () => {
    await assert.rejects(names('c*.pcap'), { code: 'USAGE' });
    await assert.rejects(names('dee*'), { code: 'USAGE' });
  });
});

describe('several captures', () => {
  test('give one report, in the order of their first packets', async () => {
    const [one, other] = [await report(HTTP), await report(INGRESS)];
    const both = await report(INGRESS, HTTP);
    assert.deepEqual(both.files, [HTTP, INGRESS]);
    assert.equal(both.file, `${HTTP}, ${INGRESS}`);
    assert.equal(both.packets, one.packets + other.packets);
    assert.equal(both.bytes, one.bytes + other.bytes);
    assert.deepEqual([both.firstTime, both.lastTime], [one.firstTime, other.lastTime]);
    assert.deepEqual(
      both.networks.map(({ vni, frames }) => [vni, frames]),
      [...one.networks, ...other.networks].map(({ vni, frames }) => [vni, frames]).sort(),
    );
    assert.ok(!both.problems.some(({ code }) => code === 'TIME_BACKWARDS'));
  });

  test('that rotate equal the one that they were divided from', async () => {
    const ring = join(folder, 'ring.pcapng');
    const files = new RotatingFiles(ring, 0, { size: 20_000, format: 'pcapng', linkType: 1, name: 'eth0' });
    await readInOrder([HTTP], (batch) => {
      for (let i = 0; i < batch.count; i++) {
        const { bytes, offset, capturedLength, originalLength, seconds, nanoseconds } = batch;
        files.write(bytes, offset[i], capturedLength[i], originalLength[i], seconds[i], nanoseconds[i]);
      }
    });
    files.commit();
    assert.ok(files.files.finished > 5);
    const divided = await report(join(folder, 'ring_*.pcapng'));
    assert.equal(divided.files.length, files.files.finished);
    const unnamed = { file: '', files: [], format: '' };
    assert.deepEqual({ ...divided, ...unnamed }, { ...(await report(HTTP)), ...unnamed });
  });

  test('that are damaged or empty are named in the problems and messages', async () => {
    const cut = join(folder, 'cut.pcap');
    const empty = join(folder, 'empty.pcap');
    const bytes = readFileSync(HTTP);
    writeFileSync(cut, bytes.subarray(0, 5000));
    writeFileSync(empty, bytes.subarray(0, 24));
    const call = await vtep(['inspect', cut, empty, INGRESS, '--strict']);
    assert.equal(call.status, 1);
    assert.match(call.stdout, /^3 captures: pcap, EN10MB\n {2}.*cut\.pcap\n {2}.*05-ingress.*\n {2}.*empty\.pcap\n/);
    assert.match(call.stdout, /CAPTURE_CUT_OFF +.*cut\.pcap: the file ends in the middle/);
    assert.match(call.stderr, /empty\.pcap: no packets/);
  });

  test('refuse a file that is no capture, by its name', async () => {
    const text = join(folder, 'notes.txt');
    writeFileSync(text, 'no capture at all, but some text');
    const call = await vtep(['inspect', HTTP, text]);
    assert.equal(call.status, 2);
    assert.match(call.stderr, /notes\.txt: it is neither pcap nor pcapng/);
    const device = await vtep(['inspect', HTTP, '/dev/null']);
    assert.equal(device.status, 2);
    assert.match(device.stderr, /"\/dev\/null" is not a regular file/);
  });
});
