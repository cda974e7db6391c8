/** Files by their first bytes, and texts in any encoding. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { identify, InputForm, inputText } from '../../../src/doctor/inputs/identify.js';
import { fixture } from '../../repository.js';

const FDB = '02:42:0a:00:09:04 dev vxlan0 dst 192.168.50.2 self permanent\n';

function formOf(bytes: Uint8Array): InputForm {
  return identify(bytes.subarray(0, 512)).form;
}

test('captures, compressed files, texts and sockets are told apart', () => {
  assert.equal(formOf(readFileSync(fixture('vxlan/01-icmp.underlay.pcap'))), InputForm.Capture);
  for (const magic of ['a1b2c3d4', 'd4c3b2a1', 'a1b23c4d', '4d3cb2a1', '0a0d0d0a']) {
    assert.equal(formOf(Buffer.from(`${magic}00020004`, 'hex')), InputForm.Capture);
  }
  assert.equal(formOf(Buffer.from('1f8b0800', 'hex')), InputForm.Gzip);
  assert.equal(formOf(Buffer.from(FDB)), InputForm.Text);
  assert.equal(formOf(Buffer.from('\u001b[33mgrößer\u001b[0m')), InputForm.Text);
  assert.equal(formOf(new Uint8Array()), InputForm.Text);
  assert.equal(identify(new Uint8Array(), true).form, InputForm.Socket);
});

test('what doctor cannot read is named, with what to do', () => {
  for (const [hex, what] of [
    ['28b52ffd0001', /zstd -d/],
    ['fd377a585a00', /unxz/],
    ['89504e470d0a1a0a', /picture/],
    ['0001020304050600ff', /binary file that is no capture/],
  ] as const) {
    const found = identify(Buffer.from(hex, 'hex'));
    assert.equal(found.form, InputForm.Unusable);
    assert.match(found.what, what);
  }
});

test('UTF-8 and UTF-16, with and without byte order marks, give the same text', () => {
  const little = Buffer.from(FDB, 'utf16le');
  const big = Buffer.from(little).swap16();
  for (const bytes of [
    Buffer.from(FDB),
    Buffer.from(`\ufeff${FDB}`),
    little,
    Buffer.from(`\ufeff${FDB}`, 'utf16le'),
    big,
    Buffer.concat([Buffer.from([0xfe, 0xff]), big]),
    Buffer.concat([big, Buffer.from([0])]),
  ]) {
    assert.equal(formOf(bytes), InputForm.Text);
    assert.equal(inputText(bytes), FDB);
  }
});
