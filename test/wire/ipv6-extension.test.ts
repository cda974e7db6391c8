import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { HeaderError, IpProtocol, Ipv6ExtensionWalk } from '../../src/wire/index.js';
import { bytesOf } from './golden.js';

const walk = new Ipv6ExtensionWalk();
const OPTIONS = '00 010400000000';

describe('walk over IPv6 extension headers (RFC 8200 section 4)', () => {
  test('passes hop-by-hop, routing and destination options to reach the transport', () => {
    const chain = bytesOf(`2b ${OPTIONS} 3c ${OPTIONS} 11 ${OPTIONS} 0001`);
    assert.equal(walk.run(chain, IpProtocol.HopByHop, 99, 0, chain.length), HeaderError.None);
    assert.deepEqual([walk.protocol, walk.payloadOffset, walk.fragmentHeaderOffset], [17, 24, -1]);
  });

  test('RFC 4302 section 2.2: AH counts words of 4 bytes', () => {
    const ah = bytesOf('32 04 0000 00000001 00000001 000000000000000000000000');
    assert.equal(walk.run(ah, IpProtocol.Ah, 0, 0, ah.length), HeaderError.None);
    assert.deepEqual([walk.protocol, walk.payloadOffset], [50, 24]);
  });

  test('stops at ESP, whose payload is encrypted', () => {
    assert.equal(walk.run(new Uint8Array(8), IpProtocol.Esp, 0, 0, 8), HeaderError.None);
    assert.deepEqual([walk.protocol, walk.payloadOffset], [50, 0]);
  });

  test('stops after the fragment header of a fragment, and reports which field announced it', () => {
    const chain = bytesOf(`2c ${OPTIONS} 11 00 05a9 12345678 ffff`);
    assert.equal(walk.run(chain, IpProtocol.HopByHop, 6, 0, chain.length), HeaderError.None);
    assert.deepEqual([walk.fragmentHeaderOffset, walk.fragmentAnnouncedAt, walk.payloadOffset], [8, 0, 16]);
    assert.deepEqual([walk.fragmentOffset, walk.moreFragments, walk.identification], [0x5a8, true, 0x12345678]);
  });

  test('RFC 6946: walks through an atomic fragment', () => {
    const chain = bytesOf(`3c 00 0000 00000001 11 ${OPTIONS} 0001`);
    assert.equal(walk.run(chain, IpProtocol.Fragment, 6, 0, chain.length), HeaderError.None);
    assert.deepEqual([walk.protocol, walk.payloadOffset], [17, 16]);
  });

  test('a chain that ends within a header is too short, at every byte', () => {
    const chain = bytesOf(`2b ${OPTIONS} 3c ${OPTIONS} 2c ${OPTIONS} 11 00 0001 00000001`);
    for (let end = 0; end < chain.length; end++) {
      assert.equal(walk.run(chain, IpProtocol.HopByHop, 6, 0, end), HeaderError.Short, `end ${end}`);
    }
    assert.equal(walk.run(chain, IpProtocol.HopByHop, 6, 0, chain.length), HeaderError.None);
  });

  test('RFC 8504 section 5.3: more than eight headers are too deep', () => {
    const chain = bytesOf(`3c ${OPTIONS}`.repeat(9));
    assert.equal(walk.run(chain, IpProtocol.DestinationOptions, 6, 0, chain.length), HeaderError.TooDeep);
  });
});
