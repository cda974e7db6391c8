/** Recognises files of other formats by their first bytes. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { foreignFormat } from '../../src/capture/foreign-format.js';
import { fixture, missing } from '../repository.js';
import { read } from './read.js';

describe('files that are neither pcap nor pcapng', () => {
  const KINDS: readonly (readonly [name: string, hex: string, said: RegExp])[] = [
    ['snoop (RFC 1761)', '736e6f6f7000000000000002 00000004', /snoop.*editcap -F pcapng/],
    ['Network Monitor', '474d4255 0002', /Network Monitor.*editcap/],
    ['zstd (RFC 8878)', '28b52ffd 2400', /zstd -d/],
    ['xz', 'fd377a585a00 0004', /unxz/],
    ['bzip2', '425a6839 314159', /bunzip2/],
    ['lz4', '04224d18 64', /lz4 -d/],
    ['zip', '504b0304 1400', /zip archive/],
    // A record of type 2 (Ethernet): time, type, flags, record length, loss counter, wire length.
    ['ERF', '00000000 d1f16c52 02 04 0058 0000 0042 0000', /ERF.*editcap/],
    ['text of tcpdump', Buffer.from('03:24:20.161470 IP 192.168.50.1.4789').toString('hex'), /text.*tcpdump -w/],
  ];
  for (const [name, hex, said] of KINDS) {
    test(`${name}: the error says what it is and how to convert it`, async () => {
      const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex');
      await assert.rejects(read(bytes), ({ code, message }: Error & { code: string }) => {
        assert.equal(code, 'NOT_A_CAPTURE');
        assert.match(message, /^it is neither pcap nor pcapng but /);
        assert.match(message, said);
        return true;
      });
    });
  }

  test('unknown bytes are not identified, and the message quotes none of them', async () => {
    assert.equal(foreignFormat(Buffer.from('00ff80aa55', 'hex')), undefined);
    const key = Buffer.from('4c6f72656d20697073756d20646f6c6f');
    await assert.rejects(read(key), ({ message }: Error) => !message.includes('4c6f') && /a text file/.test(message));
  });

  test('recognises the snoop and Network Monitor files that editcap writes', { skip: missing('editcap') }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'vtep-formats-'));
    try {
      for (const [format, said] of [
        ['snoop', /snoop/],
        ['netmon2', /Network Monitor/],
      ] as const) {
        const file = join(folder, format);
        const input = fixture('vxlan/01-icmp.underlay.pcap');
        const { status, stderr } = spawnSync('editcap', ['-F', format, input, file], { encoding: 'utf8' });
        assert.equal(status, 0, stderr);
        assert.match(foreignFormat(readFileSync(file).subarray(0, 24)) ?? '', said);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
