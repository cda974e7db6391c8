/** Captures and texts, told apart by their content. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { type NamedBlob, sortFiles } from '../../../../../native-free/explorer/page/inputs/sort-files.js';
import { fixture } from '../../../../repository.js';

const CAPTURE = readFileSync(fixture('esp/13-esp-natt.underlay.pcap'));
const KEYS = readFileSync(fixture('docker/swarm-keys.txt'));

function file(name: string, bytes: Uint8Array | string): NamedBlob {
  return Object.assign(new Blob([bytes]), { name });
}

describe('files', () => {
  test('are captures or texts by their content, whatever their names', async () => {
    const { captures, texts, problems } = await sortFiles([file('keys.pcap', KEYS), file('wire.txt', CAPTURE)]);
    assert.deepEqual(problems, []);
    assert.deepEqual(
      captures.map(({ name }) => name),
      ['wire.txt'],
    );
    assert.deepEqual(texts, [{ name: 'keys.pcap', text: KEYS.toString() }]);
  });

  test('may be compressed, once', async () => {
    const packed = gzipSync(CAPTURE);
    const { captures, texts, problems } = await sortFiles([
      file('wire.pcap.gz', packed),
      file('keys.txt.gz', gzipSync(KEYS)),
      file('twice.pcap.gz', gzipSync(packed)),
    ]);
    assert.equal(texts[0].name, 'keys.txt');
    const [capture] = captures;
    assert.equal(capture.name, 'wire.pcap');
    assert.ok(capture.kind === 'blob');
    assert.deepEqual(Buffer.from(await capture.blob.arrayBuffer()), CAPTURE);
    assert.deepEqual(problems, [{ name: 'twice.pcap', message: 'it is compressed twice: unpack it first' }]);
  });

  test('that were cut off while compressed are opened as far as they go, with a remark', async () => {
    const packed = gzipSync(CAPTURE);
    const { captures, problems } = await sortFiles([file('cut.pcap.gz', packed.subarray(0, packed.length - 100))]);
    assert.deepEqual(
      captures.map(({ name }) => name),
      ['cut.pcap'],
    );
    assert.match(problems[0].message, /damaged, cut off/);
  });

  test('may be text in UTF-16, as PowerShell writes it, in both byte orders', async () => {
    const little = Buffer.from('\ufeffsrc 10.0.0.1 dst 10.0.0.2\n', 'utf16le');
    const { texts } = await sortFiles([file('le', little), file('be', Buffer.from(little).swap16())]);
    assert.deepEqual(
      texts.map(({ text }) => text),
      ['src 10.0.0.1 dst 10.0.0.2\n', 'src 10.0.0.1 dst 10.0.0.2\n'],
    );
  });

  test('that are neither are refused with what they are', async () => {
    const { captures, texts, problems } = await sortFiles([
      file('empty', ''),
      file('report.pdf', '%PDF-1.7'),
      file('program', Uint8Array.of(0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0, 0, 0)),
    ]);
    assert.deepEqual([captures, texts], [[], []]);
    assert.deepEqual(
      problems.map(({ name }) => name),
      ['empty', 'report.pdf', 'program'],
    );
    assert.deepEqual(
      problems.map(({ message }) => message),
      [
        'it is empty',
        'it is a picture or a PDF: give the text',
        'it is a binary file that is no capture (pcap or pcapng)',
      ],
    );
  });
});
