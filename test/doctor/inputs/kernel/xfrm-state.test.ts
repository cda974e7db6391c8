/** SAs as every version of ip prints them, and as pasted. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { parseXfrmSas } from '../../../../src/doctor/inputs/kernel/xfrm-state.js';
import { fixture } from '../../../repository.js';
import { output, sourceOf } from '../sources.js';

function sasOf(text: string) {
  return [...parseXfrmSas(sourceOf(text))];
}

const KEY = '2d45edeea81a3a767e7023d0843aad88';
const KEY_ID = createHash('sha256').update(Buffer.from(KEY, 'hex')).digest('hex').slice(0, 8);
const STATISTICS = `src 192.168.50.2 dst 192.168.50.1
\tproto esp spi 0xf704f713(4144297747) reqid 13681891(0x00d0c4e3) mode transport
\treplay-window 32 seq 0x00000000 flag  (0x00000000)
\tmark 0xd0c4e3/0xffffffff
\taead rfc4106(gcm(aes)) 0x${KEY}f704f713 (160 bits) 64
\tanti-replay context: seq 0x2c, oseq 0x0, bitmap 0x00000000
\tsel src 0.0.0.0/0 dst 0.0.0.0/0 uid 0
\tlifetime config:
\t  limit: soft (INF)(bytes), hard (INF)(bytes)
\tlifetime current:
\t  81060(bytes), 82(packets)
\t  add 2026-11-21 03:27:22 use 2026-11-21 03:28:00
\tstats:
\t  replay-window 1 replay 2 failed 3
`;

test('everything that -s shows of an SA is read, and its key is hashed without the salt', () => {
  assert.deepEqual(sasOf(STATISTICS), [
    {
      place: { file: 'file.txt', line: 1 },
      source: '192.168.50.2',
      destination: '192.168.50.1',
      protocol: 'esp',
      spi: 0xf704f713,
      mode: 'transport',
      algorithm: 'rfc4106(gcm(aes))',
      icvBits: 64,
      keyId: KEY_ID,
      replayWindow: 32,
      esn: false,
      sent: 0,
      received: 0x2c,
      mark: '0xd0c4e3/0xffffffff',
      bytes: 81060,
      packets: 82,
      added: '2026-11-21 03:27:22',
      used: '2026-11-21 03:28:00',
      replayErrors: 3,
      integrityErrors: 3,
    },
  ]);
});

test('what an output does not show is unknown, not zero', () => {
  const [sa] = sasOf('src 10.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x00000001 reqid 0 mode tunnel\n');
  assert.deepEqual(
    [sa.sent, sa.received, sa.bytes, sa.packets, sa.replayErrors, sa.integrityErrors, sa.keyId, sa.added],
    [-1, -1, -1, -1, -1, -1, undefined, ''],
  );
});

test('an acquire has SPI 0', () => {
  const [sa] = sasOf(output('pastes/f12-acquire.xfrm.txt'));
  assert.deepEqual([sa.spi, sa.algorithm, sa.source], [0, '', '10.0.0.1']);
});

test('an SA without an AEAD cipher has the names and bits of what it uses', () => {
  const [esp, ah] = sasOf(
    'src fd50::1 dst fd50::2\n\tproto esp spi 0x10 reqid 1 mode tunnel\n\treplay-window 0 flag af-unspec\n' +
      '\tauth-trunc hmac(sha256) 0x000102030405060708090a0b0c0d0e0f 128\n\tenc cbc(aes) 0x0f0e0d0c0b0a09080706050403020100\n' +
      'src fd50::1 dst fd50::2\n\tproto ah spi 0x11 reqid 1 mode transport\n\tauth-trunc hmac(sha1) 0x0001020304050607 96\n',
  );
  assert.deepEqual(
    [esp.algorithm, esp.icvBits, ah.algorithm, ah.icvBits, ah.protocol],
    ['cbc(aes)', 128, 'hmac(sha1)', 96, 'ah'],
  );
  assert.notEqual(esp.keyId, undefined);
  assert.notEqual(ah.keyId, undefined);
});

test('extended sequence numbers have 64 bits', () => {
  const text = readFileSync(fixture('esp/05-esp-aes256-icv128-esn.xfrm.txt'), 'utf8');
  const [sa] = sasOf(text.replace('seq-hi 0x0, seq 0x20', 'seq-hi 0x1, seq 0x20'));
  assert.deepEqual([sa.esn, sa.received, sa.replayWindow], [true, 2 ** 32 + 0x20, 64]);
});

test('a key that the collecting script masked keeps its id', () => {
  const masked = STATISTICS.replace(`0x${KEY}f704f713`, `<key ${KEY_ID}>`);
  assert.deepEqual(sasOf(masked), sasOf(STATISTICS));
  assert.equal(sasOf(STATISTICS.replace(`0x${KEY}f704f713`, '<hidden>'))[0].keyId, undefined);
});

for (const [file, count] of [
  ['f10-blanklines', 2],
  ['f10-flushleft', 2],
  ['f10-indented', 3],
  ['f10-oneline', 1],
  ['f11-wrapped', 2],
] as const) {
  test(`${file}: ${count} SAs with keys are read as pasted`, () => {
    const sas = sasOf(output(`pastes/${file}.xfrm.txt`));
    assert.equal(sas.length, count);
    for (const { spi, keyId, mode } of sas) assert.deepEqual([spi > 0, keyId?.length, mode], [true, 8, 'transport']);
  });
}

test('no key is in a fact', () => {
  for (const name of ['f10-indented', 'f11-wrapped', 'f10-oneline']) {
    const text = output(`pastes/${name}.xfrm.txt`);
    const facts = JSON.stringify(sasOf(text));
    for (const [, key] of text.matchAll(/0x([0-9a-f]{32})/g)) assert.ok(!facts.includes(key.slice(0, 16)));
  }
});

test('an SA without an address is reported with its line', () => {
  const source = sourceOf('\nsrc 300.0.0.1 dst 10.0.0.2\n\tproto esp spi 0x1 reqid 0 mode transport\n');
  assert.deepEqual([...parseXfrmSas(source)], []);
  assert.deepEqual(source.warnings, ['2: an SA without two addresses and an SPI: skipped']);
});
