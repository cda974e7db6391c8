/** `vtep keys timeline`: what a capture, its dumps and a list of events show of a rotation. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import type { KeyTimelineReport } from '../../../src/inspect/index.js';
import { fixture } from '../../repository.js';
import { type Outcome, scratch, vtep } from '../run.js';

const folder = scratch();
const CAPTURE = fixture('esp/08-esp-key-rotation.underlay.pcap');
const EVENTS = fixture('esp/08-esp-key-rotation.events.txt');
const DUMPS = readdirSync(fixture('esp'))
  .filter((name) => /^08-.*\.xfrm\.txt$/.test(name))
  .sort()
  .flatMap((name) => ['--keys', fixture(`esp/${name}`)]);
const RING = fixture('docker/swarm-keys.txt');

function file(name: string, bytes: Uint8Array | string): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function timeline(...words: string[]): Promise<Outcome> {
  return await vtep(['keys', 'timeline', ...words]);
}

/** The indexes of lines that consist of a time and these texts. */
function indexesOf(stdout: string, ...texts: readonly string[]): number[] {
  const lines = stdout.split('\n');
  return texts.map((text) => {
    const found = lines.filter((line) => /^ {2}\d{4}-/.test(line) && line.includes(text));
    assert.equal(found.length, 1, `${text}:\n${stdout}`);
    return lines.indexOf(found[0]);
  });
}

describe('keys timeline of a recorded rotation', () => {
  test('the wire alone shows both switches in order, and which node was first', async () => {
    const { status, stdout, stderr } = await timeline(CAPTURE, '--strict');
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^Timeline, in seconds from 2026-11-21T01:45:39\.67\d+Z$/m);
    const indexes = indexesOf(
      stdout,
      '192.168.50.1 -> 192.168.50.2 first packet, SPI 0x3d1f9a01',
      '192.168.50.2 -> 192.168.50.1 first packet, SPI 0xb2c4e702',
      '192.168.50.1 -> 192.168.50.2 last packet of 0x3d1f9a01',
      '192.168.50.1 -> 192.168.50.2 switches 0x3d1f9a01 -> 0x11aa22b3, 0.008 s after',
      '192.168.50.2 -> 192.168.50.1 last packet of 0xb2c4e702',
      '192.168.50.2 -> 192.168.50.1 switches 0xb2c4e702 -> 0xf0e1d2c4, 0.095 s after',
    );
    assert.deepEqual(
      indexes,
      [...indexes].sort((a, b) => a - b),
    );
    assert.match(stdout, /^Rotation at \+6\.363: 192\.168\.50\.1 switches first, 192\.168\.50\.2 4\.129 s later;/m);
    assert.doesNotMatch(stdout, /event:|created|decrypted/);
  });

  test('with events and dumps of its steps, shows the whole rotation in order', async () => {
    const { status, stdout, stderr } = await timeline(CAPTURE, '--events', EVENTS, ...DUMPS, '--strict');
    assert.deepEqual([status, stderr], [0, '']);
    const indexes = indexesOf(
      stdout,
      'SA 0x3d1f9a01 192.168.50.1 -> 192.168.50.2 created (dump, local time)',
      'event: add new rx SA on n1',
      'event: add new rx SA on n2',
      'event: n1: add new tx SA',
      'switches 0x3d1f9a01 -> 0x11aa22b3',
      'event: n1 done',
      'event: n2: add new tx SA',
      'last packet of 0xb2c4e702',
      'event: n2 done',
      'switches 0xb2c4e702 -> 0xf0e1d2c4',
      'event: delete old SAs',
    );
    assert.deepEqual(
      indexes,
      [...indexes].sort((a, b) => a - b),
    );
    assert.match(
      stdout,
      /^ {2}2026-11-21T01:45:41 +\+1\.323 {2}SA 0xf0e1d2c4 192\.168\.50\.2 -> 192\.168\.50\.1 created /m,
    );
    for (const spi of ['0x3d1f9a01', '0x11aa22b3', '0xb2c4e702', '0xf0e1d2c4']) {
      const [, packets, opened, failed] =
        new RegExp(`^ .*${spi} +\\S+ +\\S+ +(\\d+) .* (\\d+) +(\\d+)$`, 'm').exec(stdout) ?? [];
      assert.deepEqual([opened, failed], [packets, '0'], spi);
    }
  });

  test('prints no key, neither of the dumps nor of a ring', async () => {
    const words = ['--events', EVENTS, ...DUMPS, '--ring', RING];
    const printed = (await timeline(CAPTURE, ...words)).stdout + (await timeline(CAPTURE, ...words, '--json')).stdout;
    assert.ok(printed.length > 1000);
    assert.doesNotMatch(printed, /[0-9a-f]{16}/i);
  });

  test('--json prints one object: directions, entries, summary', async () => {
    const report = JSON.parse((await timeline(CAPTURE, '--events', EVENTS, '--json')).stdout) as KeyTimelineReport;
    assert.deepEqual(Object.keys(report), ['file', 'directions', 'entries', 'summary']);
    assert.equal(report.entries.filter(({ kind }) => kind === 'switch').length, 2);
    assert.equal(report.entries.filter(({ kind }) => kind === 'event').length, 9);
  });

  test('warns of a rotation interval longer than the sequence numbers last, and exits 1 with --strict', async () => {
    const { status, stdout } = await timeline(CAPTURE, '--every', '1000000000', '--strict');
    assert.equal(status, 1);
    assert.match(stdout, /^ {2}warning {6}2 {2}SEQUENCE_RUNS_OUT /m);
    assert.equal(stdout.match(/runs out before the next rotation$/gm)?.length, 2);
  });
});

describe('keys timeline of a sender that is too fast', () => {
  test('one forged packet with a high sequence number does not suppress the warning: exit 1 with --strict', async () => {
    // The recording's first ESP packet once per second, its sequence number increasing by 200,000.
    const recording = readFileSync(CAPTURE);
    const spi = 16 + 14 + 20;
    const start = recording.indexOf('3d1f9a01', 'hex') - spi;
    const record = recording.subarray(start, start + 16 + recording.readUInt32LE(start + 8));
    const sent = (second: number, sequence: number): Buffer => {
      const copy = Buffer.from(record);
      copy.writeUInt32LE(1_795_225_540 + second, 0);
      copy.writeUInt32BE(sequence, spi + 4);
      return copy;
    };
    const records = Array.from({ length: 20 }, (_, i) => sent(i, 1 + i * 200_000));
    records.splice(12, 0, sent(11, 0xffffff00));
    const capture = file('fast.pcap', Buffer.concat([recording.subarray(0, 24), ...records]));
    const { status, stdout } = await timeline(capture, '--strict');
    assert.equal(status, 1);
    assert.match(stdout, /^ {2}warning +1 {2}SEQUENCE_RUNS_OUT /m);
    assert.doesNotMatch(stdout, /64 bits/);
  });
});

test('with keys, packets that no key decrypts are reported in one line, not as a switch', async () => {
  const recording = readFileSync(fixture('docker/07-encrypted.underlay.pcap'));
  const at = recording.indexOf('c207fc1c', 'hex') - 50;
  const record = Buffer.from(recording.subarray(at, at + 16 + recording.readUInt32LE(at + 8)));
  // Copies of its first ESP packet with different SPIs, an hour later.
  record.writeUInt32LE(record.readUInt32LE(0) + 3600, 0);
  const forged = [0x11111111, 0x22222222].map((spi) => {
    const copy = Buffer.from(record);
    copy.writeUInt32BE(spi, 50);
    return copy;
  });
  const capture = file('forged.pcap', Buffer.concat([recording, ...forged]));
  const { stdout } = await timeline(capture, '--ring', RING);
  assert.match(stdout, / packets that no key decrypts: 2, of 2 SPIs$/m);
  assert.match(stdout, /^No node switches to another SPI$/m);
  assert.match((await timeline(capture)).stdout, /switches 0x11111111 -> 0x22222222/);
});

describe('keys timeline of other recordings', () => {
  test('with a ring, names each SPI by tag, role and fingerprint', async () => {
    const { stdout } = await timeline(fixture('docker/07-encrypted.underlay.pcap'), '--ring', RING);
    assert.match(stdout, /first packet, SPI 0xc207fc1c \(key 29944, current\)$/m);
    assert.match(stdout, /^ .* 0x98a1ca54 .* 82 +0 {2}29944, current {2}[0-9a-f]{12}$/m);
    assert.match(stdout, /^No node switches to another SPI$/m);
  });

  test('with keys of another time, nothing decrypts: a warning, and exit 1 with --strict', async () => {
    const { status, stdout } = await timeline(
      fixture('docker/07-encrypted.underlay.pcap'),
      ...DUMPS.slice(0, 2),
      '--strict',
    );
    assert.equal(status, 1);
    assert.match(stdout, /^ {2}warning {4}126 {2}ESP_NOT_OPENED /m);
  });

  test('reports silences longer than --gap', async () => {
    const capture = fixture('docker/07-encrypted.underlay.pcap');
    assert.doesNotMatch((await timeline(capture)).stdout, /silent/);
    assert.match((await timeline(capture, '--gap', '2')).stdout, /silent on 0xc207fc1c for 2\.595 s$/m);
  });

  for (const [name, says] of [
    ['05-esp-aes256-icv128-esn', /0x3d1f9a01 .* never \(64 bits\) +32 +0$/m],
    ['09-esp-frag-1500', /0x3d1f9a01 .* 10 {2}14,712 /m],
    ['12-esp-tunnel', /0xb2c4e702 .* 3 +0$/m],
    ['13-esp-natt', /0x3d1f9a01 .* 4 +0 {2}in UDP$/m],
    ['14-esp-ipv6', /fd50::1 {2}fd50::2 {2}0x3d1f9a01 .* 7 +0$/m],
  ] as const) {
    test(`esp/${name} with its keys: everything decrypts`, async () => {
      const dump = fixture(`esp/${name}.xfrm.txt`);
      const { status, stdout } = await timeline(fixture(`esp/${name}.underlay.pcap`), '--keys', dump, '--strict');
      assert.equal(status, 0);
      assert.match(stdout, says);
    });
  }

  test('reports a capture without ESP or without packets in one line, and exits 1 only with --strict', async () => {
    const empty = file('empty.pcap', readFileSync(CAPTURE).subarray(0, 24));
    for (const capture of [empty, fixture('vxlan/01-icmp.underlay.pcap')]) {
      const { status, stdout } = await timeline(capture, '--events', EVENTS);
      assert.equal(status, 0);
      assert.equal(stdout, `${capture}: no ESP\n`);
      assert.equal((await timeline(capture, '--strict')).status, 1);
    }
  });
});

describe('--events', () => {
  const shown = async (text: string): Promise<string> =>
    (await timeline(CAPTURE, '--events', file('events.txt', text))).stdout;

  test('hides text that may contain a key, in any form', async () => {
    const key = '4c6f72656d20697073756d20646f6c6f';
    const groups = (length: number, separator: string): string =>
      (key.match(new RegExp(`.{${length}}`, 'g')) ?? []).join(separator);
    const forms = [
      key,
      key.toUpperCase(),
      `0x${key}b2c4e702`,
      '12345678901234567890123456789012',
      `${key.slice(0, 16)}.${key.slice(16)}`,
      `:${key}`,
      ...[':', ' ', '-', '_', ', ', '\t'].map((separator) => groups(2, separator)),
      ...[' ', ':', '-'].flatMap((separator) => [groups(4, separator), groups(8, separator)]),
      `0x${groups(2, ' 0x')}`,
      groups(4, '\u200b'),
      groups(8, '\u00ad'),
      Buffer.from(key, 'hex').toString('base64'),
      Buffer.from(key, 'hex').toString('base64url'),
      Buffer.from(`${key}${key}`, 'hex').toString('base64'),
    ];
    const stdout = await shown(forms.map((form) => `1795225541.5 key ${form} of n1\n`).join(''));
    assert.equal(stdout.match(/event: \(hidden: it looks like a key\)$/gm)?.length, forms.length, stdout);
    assert.equal(stdout.match(/event: /g)?.length, forms.length);
  });

  test('does not take SPIs, addresses and times for keys', async () => {
    for (const words of [
      'old SPIs 3d1f9a01 b2c4e702 in use',
      '0x3d1f9a01 -> 0xb2c4e702',
      'n2 (02:42:0a:00:09:03) at 2026-11-21 01:45:41',
      'fd50::1 10.10.10.10 10.10.10.12 1795225545.741550155',
      'container 0123456789ab restarted',
    ]) {
      assert.ok((await shown(`1795225541 ${words}\n`)).includes(`event: ${words}\n`), words);
    }
  });

  test('removes control characters, including those that change the text direction', async () => {
    const stdout = await shown('1795225541.7 a\u001b[31mb\n1795225541.8 c\u202ed\u2066e\ufefff\n');
    assert.match(stdout, /event: a \[31mb$/m);
    assert.match(stdout, /event: cdef$/m);
  });

  test('accepts a byte order mark and UTF-16', async () => {
    assert.match(await shown('\ufeff1795225541 one\n'), /event: one$/m);
    const wide = file('wide.txt', Buffer.from('\ufeff1795225541 one\r\n', 'utf16le'));
    assert.match((await timeline(CAPTURE, '--events', wide)).stdout, /event: one$/m);
  });

  test('accepts seconds without a fraction, empty lines and Windows line ends', async () => {
    assert.match(
      await shown('\r\n1795225541 one\r\n\r\n'),
      /^ {2}2026-11-21T01:45:41\.000000Z {3}\+1\.323 {2}event: one$/m,
    );
  });

  for (const [what, text, line] of [
    ['text without a time', 'n1 done\n', 1],
    ['a time without text', '1795225541.5 one\n1795225541.6\n', 2],
    ['a time in another format', '1795225541.5 one\n\n2026-11-21T01:45:41Z two\n', 3],
    ['a negative time', '-5.0 one\n', 1],
    ['arbitrary bytes', Buffer.from([0, 255, 254, 10, 7, 13, 200]), 1],
    ['a capture', readFileSync(CAPTURE).subarray(0, 5000), 1],
    ['a dump with keys', readFileSync(fixture('esp/08-esp-key-rotation.0-before.xfrm.txt')), 1],
  ] as const) {
    test(`${what}: an error with the line number but not its text`, async () => {
      const { status, stdout, stderr } = await timeline(CAPTURE, '--events', file('bad.txt', text));
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, new RegExp(`bad\\.txt: line ${line} is no event; `));
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }

  test('prints as many events as a file may contain', async () => {
    const { status, stdout } = await timeline(CAPTURE, '--events', file('many.txt', '1795225541 a\n'.repeat(80_000)));
    assert.equal(status, 0);
    assert.equal(stdout.match(/event: a$/gm)?.length, 80_000);
    assert.equal((await timeline(CAPTURE, '--events', file('short.txt', '1 a\n'.repeat(250_000)))).status, 0);
  });

  test('refuses a file that is too large or missing', async () => {
    const large = file('large.txt', '1795225541.5 one\n'.repeat(70_000));
    assert.match((await timeline(CAPTURE, '--events', large)).stderr, /large\.txt: too large for a file of events/);
    assert.match((await timeline(CAPTURE, '--events', join(folder, 'none'))).stderr, /no such file/);
  });
});

test('refuses a file that never ends as too large', async () => {
  for (const option of ['--ring', '--keys', '--events']) {
    const { status, stdout, stderr } = await timeline(CAPTURE, option, '/dev/zero');
    assert.deepEqual([status, stdout], [2, '']);
    assert.match(stderr, /^vtep: \/dev\/zero: too large for a file of [^\n]*\n$/);
  }
});

describe('refuses invalid arguments:', () => {
  for (const [what, words, says] of [
    ['no capture', [], /keys timeline needs a capture file/],
    ['a dump in place of the ring', [CAPTURE, '--ring', DUMPS[1]], /contains SAs, not a key ring; use --keys/],
    ['a dump and a ring swapped', [CAPTURE, '--ring', DUMPS[1], '--keys', RING], /contains SAs, not a key/],
    ['two rings', [CAPTURE, '--ring', RING, '--keys', RING], /only one key ring is allowed/],
    ['a gap that is not a number', [CAPTURE, '--gap', 'long'], /--gap takes an integer/],
    ['a rotation every 0 seconds', [CAPTURE, '--every', '0'], /--every takes an integer from 1/],
    ['a cipher without keys', [CAPTURE, '--aead', 'node'], /--aead needs --keys/],
    ['a text in place of the capture', [EVENTS], /neither pcap nor pcapng/],
  ] as const) {
    test(`${what}: one line and exit code 2`, async () => {
      const { status, stdout, stderr } = await timeline(...words);
      assert.deepEqual([status, stdout], [2, '']);
      assert.match(stderr, says);
      assert.equal(stderr.trimEnd().split('\n').length, 1, stderr);
    });
  }
});
