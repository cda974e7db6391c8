import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  EthernetHeaders,
  EtherType,
  HeaderError,
  isLinkTypeKnown,
  Layers,
  LinkType,
  walkLink,
} from '../../src/wire/index.js';
import { bytesOf, ECHO_IN_VXLAN } from './golden.js';

const layers = new Layers();
const inIp = ECHO_IN_VXLAN.slice(64);

/** A packet after a link-layer header; the echo's data is truncated as by a snaplen. */
function walk(linkType: number, link: string): HeaderError {
  const bytes = Uint8Array.from([...bytesOf(link), ...inIp]);
  return walkLink(layers, linkType, bytes, 0, bytes.length, bytes.length + 56);
}

describe('link layers', () => {
  test('the packet is found after each kind of link layer', () => {
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
      assert.equal(walk(linkType, link), HeaderError.None, `link type ${linkType}`);
      assert.equal(layers.etherType, EtherType.Ipv4);
      assert.equal(layers.networkOffset, bytesOf(link).length);
      assert.equal(layers.protocol, 1);
    }
  });

  test('a missing header is short, or truncated by the capture', () => {
    for (const linkType of [LinkType.Null, LinkType.LinuxSll, LinkType.LinuxSll2, LinkType.Raw, LinkType.Ethernet]) {
      assert.equal(walkLink(layers, linkType, new Uint8Array(3), 0, 0, 0), HeaderError.Short);
      assert.equal(walkLink(layers, linkType, new Uint8Array(3), 0, 0, 60), HeaderError.Truncated);
    }
  });

  test('an unknown link type is refused', () => {
    assert.equal(isLinkTypeKnown(147), false);
    assert.equal(walk(147, ''), HeaderError.BadValue);
  });
});

describe('Ethernet headers in front of IP packets', () => {
  const [a, b] = ['020000005001', '020000005002'].map(bytesOf);

  for (const [family, etherType] of [
    [4, '0800'],
    [6, '86dd'],
  ] as const) {
    test(`have the MACs of both hosts and the EtherType of IPv${family}, and change nothing else; an unknown MAC is zero`, () => {
      const headers = new EthernetHeaders(family, a, [b, undefined]);
      const bytes = new Uint8Array(40).fill(0xee);
      for (const [destination, mac] of ['020000005002', '000000000000'].entries()) {
        assert.equal(headers.prepend(bytes, 20, destination), 6);
        assert.equal(Buffer.from(bytes.subarray(6, 20)).toString('hex'), `${mac}020000005001${etherType}`);
        assert.ok([...bytes.subarray(0, 6), ...bytes.subarray(20)].every((byte) => byte === 0xee));
      }
      assert.equal(new EthernetHeaders(family, undefined, [b]).prepend(bytes, 20, 0), 6);
      assert.equal(Buffer.from(bytes.subarray(6, 20)).toString('hex'), `020000005002000000000000${etherType}`);
    });
  }
});
