import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isLinkTypeKnown, LinkType, linkTypeName, walkLink } from '../../src/capture/index.js';
import { EtherType, Fault, Layers } from '../../src/wire/index.js';
import { bytesOf, ECHO_IN_VXLAN } from '../wire/golden.js';

const layers = new Layers();
const inIp = ECHO_IN_VXLAN.slice(64);

/** A packet after a link-layer header; the echo's data is truncated as by a snaplen. */
function walk(linkType: number, link: string): Fault {
  const bytes = Uint8Array.from([...bytesOf(link), ...inIp]);
  return walkLink(layers, linkType, bytes, 0, bytes.length, bytes.length + 56);
}

describe('link types', () => {
  test('finds the packet after each kind of link layer', () => {
    const CASES: [number, string][] = [
      [LinkType.Ethernet, '02420a000904 02420a000903 0800'],
      [LinkType.Raw, ''],
      [LinkType.Ipv4, ''],
      [LinkType.RawBsd, ''],
      [LinkType.RawOpenBsd, ''],
      [LinkType.Null, '02000000'],
      [LinkType.Null, '00000002'],
      [LinkType.Loop, '00000002'],
      [LinkType.LinuxSll, '0004 0001 0006 02420a000903 0000 0800'],
      [LinkType.LinuxSll2, '0800 0000 00000002 0001 04 06 02420a000903 0000'],
    ];
    for (const [linkType, link] of CASES) {
      assert.equal(walk(linkType, link), Fault.None, linkTypeName(linkType));
      assert.equal(layers.etherType, EtherType.Ipv4);
      assert.equal(layers.networkOffset, bytesOf(link).length);
      assert.equal(layers.protocol, 1);
    }
  });

  test('a missing header is short, or truncated by the capture', () => {
    for (const linkType of [LinkType.Null, LinkType.LinuxSll, LinkType.LinuxSll2, LinkType.Raw, LinkType.Ethernet]) {
      assert.equal(walkLink(layers, linkType, new Uint8Array(3), 0, 0, 0), Fault.Short);
      assert.equal(walkLink(layers, linkType, new Uint8Array(3), 0, 0, 60), Fault.Truncated);
    }
  });

  test('rejects an unknown link type', () => {
    assert.equal(isLinkTypeKnown(147), false);
    assert.equal(walk(147, ''), Fault.BadValue);
    assert.equal(linkTypeName(147), 'USER0');
  });

  test('names are those of tcpdump.org, and a number without one never reads "link type link type"', () => {
    assert.deepEqual([9, 104, 107, 192, 239, 253, 258].map(linkTypeName), [
      ...['PPP', 'C_HDLC', 'FRELAY', 'PPI', 'NFLOG', 'NETLINK', 'PKTAP'],
    ]);
    assert.deepEqual([147, 149, 162].map(linkTypeName), ['USER0', 'USER2', 'USER15']);
    assert.equal(linkTypeName(9999), 'LINKTYPE_9999');
  });
});
