/** Headers of any bytes are read without an error, and never beyond the bytes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { openFrames } from '../../src/frames/open-overlay.js';
import { PacketHeaders } from '../../src/frames/packet-headers.js';
import { LinkType } from '../../src/wire/index.js';
import { fixture } from '../repository.js';

const packets: Uint8Array[] = [];
for (const name of ['01-icmp', '09-ipv6-inner-proxy', '20-learning-arp-icmp', '03-http-200k']) {
  for await (const { bytes } of openFrames(fixture(`vxlan/${name}.c1.pcap`))) packets.push(bytes);
}

describe('PacketHeaders', () => {
  test('reads any bytes of any link type', () => {
    const linkTypes = fc.constantFrom<number>(...Object.values(LinkType), 147);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), linkTypes, fc.nat(200), (bytes, linkType, more) => {
        const headers = new PacketHeaders(bytes, linkType, bytes.length + more);
        assert.equal(typeof headers.protocol, 'string');
        assert.ok(headers.payload.length <= bytes.length);
      }),
    );
  });

  test('reads whole packets with any bytes changed, and cut anywhere', () => {
    const changes = fc.array(fc.tuple(fc.nat(80), fc.nat(255)), { maxLength: 4 });
    fc.assert(
      fc.property(fc.nat(packets.length - 1), changes, fc.nat(120), (index, list, cut) => {
        const bytes = packets[index].slice();
        for (const [at, value] of list) if (at < bytes.length) bytes[at] = value;
        const { payload, payloadLength } = new PacketHeaders(bytes.subarray(0, cut), LinkType.Ethernet, bytes.length);
        assert.ok(payload.length <= Math.min(cut, payloadLength), `${payload.length} ${payloadLength}`);
      }),
    );
  });

  test('names ARP, ICMP and IPv6', () => {
    const protocols = new Set(packets.map((bytes) => new PacketHeaders(bytes).protocol));
    for (const protocol of ['ARP', 'ICMP', 'ICMPv6', 'TCP']) assert.ok(protocols.has(protocol), protocol);
    const echo = packets.map((bytes) => new PacketHeaders(bytes)).find(({ icmp }) => icmp?.type === 8);
    assert.equal(echo?.icmp?.code, 0);
    assert.equal(echo.ttl, 64);
  });

  test('says what is wrong with a damaged header', () => {
    const bytes = packets[0].slice();
    const ip = packets.find((packet) => packet[12] === 8 && packet[13] === 0)?.slice() ?? bytes;
    ip[14] = 0x41;
    const { headerError, source, protocol } = new PacketHeaders(ip);
    assert.deepEqual([headerError, source, protocol], ['bad header length', undefined, 'IPv4']);
    assert.equal(new PacketHeaders(new Uint8Array(5)).headerError, 'truncated header');
  });
});
