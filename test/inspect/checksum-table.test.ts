import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ChecksumKind, ChecksumTable } from '../../src/inspect/checksum-table.js';
import { EtherType, Layers, onesSum, pseudoHeaderSum } from '../../src/wire/index.js';
import { ethernet, FRAME, ip, overlay, udpIp } from '../dataplane/build.js';

const FRAME_AT = 14 + 20 + 8 + 8;
const INNER_UDP = FRAME_AT + 14 + 20;

function look(packet: Uint8Array, frameAt = FRAME_AT): ChecksumTable {
  const outer = new Layers();
  const inner = new Layers();
  outer.walkEthernet(packet, 0, packet.length);
  inner.walkEthernet(packet, frameAt, outer.payloadEnd);
  const table = new ChecksumTable();
  table.add(packet, outer, inner);
  return table;
}

function counts(table: ChecksumTable, kind: ChecksumKind): number[] {
  const { good, absent, partial, bad } = table.rows[kind];
  return [good, absent, partial, bad];
}

const GOOD = [1, 0, 0, 0];
const ABSENT = [0, 1, 0, 0];
const PARTIAL = [0, 0, 1, 0];
const BAD = [0, 0, 0, 1];

describe('checksums of a frame and its packet', () => {
  test('good ones, also with an odd number of bytes', () => {
    for (const length of [33, 34]) {
      const inner = ethernet(udpIp(4, 80, new Uint8Array(length).fill(3)), EtherType.Ipv4);
      const table = look(overlay(4, 1, inner));
      for (const kind of [
        ChecksumKind.OuterIpv4,
        ChecksumKind.OuterUdp,
        ChecksumKind.InnerIpv4,
        ChecksumKind.InnerUdp,
      ]) {
        assert.deepEqual(counts(table, kind), GOOD);
      }
    }
  });

  test('over an IPv6 underlay', () => {
    const table = look(overlay(6), FRAME_AT + 20);
    assert.deepEqual(counts(table, ChecksumKind.OuterUdp), GOOD);
    assert.deepEqual(counts(table, ChecksumKind.OuterIpv4), [0, 0, 0, 0]);
  });

  test('zero is absent over IPv4 (RFC 768), wrong over IPv6 (RFC 8200 section 8.1)', () => {
    assert.deepEqual(counts(look(overlay(4, 1, FRAME, 0)), ChecksumKind.OuterUdp), ABSENT);
    assert.deepEqual(counts(look(overlay(6, 1, FRAME, 0), FRAME_AT + 20), ChecksumKind.OuterUdp), BAD);
    const inner = ethernet(udpIp(4, 80, new Uint8Array(9), 0), EtherType.Ipv4);
    assert.deepEqual(counts(look(overlay(4, 1, inner)), ChecksumKind.InnerUdp), ABSENT);
  });

  test('a changed byte invalidates only the checksums that cover it', () => {
    const packet = overlay();
    packet[packet.length - 1] ^= 0x40;
    const table = look(packet);
    assert.deepEqual(counts(table, ChecksumKind.InnerUdp), BAD);
    assert.deepEqual(counts(table, ChecksumKind.OuterUdp), BAD);
    assert.deepEqual(counts(table, ChecksumKind.InnerIpv4), GOOD);
    const header = overlay();
    header[14 + 8] ^= 1;
    assert.deepEqual(counts(look(header), ChecksumKind.OuterIpv4), BAD);
    assert.deepEqual(counts(look(header), ChecksumKind.OuterUdp), GOOD);
  });

  test('a partial inner checksum under an outer one that assumes its completion is not an error', () => {
    const packet = overlay();
    const length = packet.length - INNER_UDP;
    const pseudo = pseudoHeaderSum(4, packet, FRAME_AT + 14 + 12, 17, length);
    packet.set([pseudo >>> 8, pseudo & 0xff], INNER_UDP + 6);
    const table = look(packet);
    assert.equal(table.partial, true);
    assert.deepEqual(counts(table, ChecksumKind.InnerUdp), PARTIAL);
    assert.deepEqual(counts(table, ChecksumKind.OuterUdp), GOOD);
  });

  test('distinguishes a partial outer checksum from a wrong one', () => {
    const packet = overlay();
    const pseudo = pseudoHeaderSum(4, packet, 14 + 12, 17, packet.length - 34);
    packet.set([pseudo >>> 8, pseudo & 0xff], 34 + 6);
    assert.deepEqual(counts(look(packet), ChecksumKind.OuterUdp), PARTIAL);
    packet[34 + 6] ^= 0x11;
    assert.deepEqual(counts(look(packet), ChecksumKind.OuterUdp), BAD);
  });

  test('ICMP and ICMPv6', () => {
    const echo = Uint8Array.of(8, 0, 0, 0, 0, 1, 0, 2, 9);
    const sum = ~onesSum(echo, 0, echo.length) & 0xffff;
    echo.set([sum >>> 8, sum & 0xff], 2);
    const inner = (bytes: Uint8Array): Uint8Array => overlay(4, 1, ethernet(ip(4, 1, bytes), EtherType.Ipv4));
    assert.deepEqual(counts(look(inner(echo)), ChecksumKind.InnerIcmp), GOOD);
    assert.deepEqual(counts(look(inner(echo.map((byte) => byte ^ 1))), ChecksumKind.InnerIcmp), BAD);
    const packet = ip(6, 58, Uint8Array.of(128, 0, 0, 0, 0, 1, 0, 2));
    const pseudo = pseudoHeaderSum(6, packet, 8, 58, 8);
    const sum6 = ~onesSum(packet, 40, 48, pseudo) & 0xffff;
    packet.set([sum6 >>> 8, sum6 & 0xff], 42);
    const table = look(overlay(4, 1, ethernet(packet, EtherType.Ipv6)));
    assert.deepEqual(counts(table, ChecksumKind.InnerIcmpv6), GOOD);
  });
});
