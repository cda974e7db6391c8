import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Aead, nodeBackend } from '../../src/aead/index.js';
import {
  EspDrop,
  EspMode,
  InboundEsp,
  InboundSa,
  type InboundSaOptions,
  OutboundEsp,
  outboundHeadroom,
  OutboundSa,
  outboundTailroom,
  Sad,
  type SaResolver,
  type SecurityAssociation,
} from '../../src/ipsec/index.js';
import { EtherType, HeaderError, Layers, writeIpv4Checksum } from '../../src/wire/index.js';
import { ip, join, udpIp } from '../dataplane/build.js';
import {
  aesKey,
  anyBytes,
  anyIpv4,
  anyIpv6,
  association,
  ciphers,
  dice,
  hex,
  keymat,
  MASK,
  sealByHand,
  withTrailer,
} from './build.js';

const ENCAP = { sourcePort: 4500, destinationPort: 4500 };
const V6 = { source: 'fd50::1', destination: 'fd50::2' };
const { None } = EspDrop;

/** An ESP packet surrounded by other bytes, and its offsets. */
interface Sealed {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

function sealed(aead: Aead, sa: OutboundSa, packet: Uint8Array): Sealed {
  const head = outboundHeadroom(sa) + 3;
  const bytes = join(new Uint8Array(head), packet, new Uint8Array(outboundTailroom(sa) + 5));
  const esp = new OutboundEsp(aead);
  assert.equal(esp.push(sa, bytes, head, head + packet.length, 0), None);
  esp.flush();
  return { bytes, start: esp.start, end: esp.end };
}

/** Sets the ECN field of an IP header. */
function putEcn(bytes: Uint8Array, at: number, mark: number): void {
  if (bytes[at] >>> 4 === 6) {
    bytes[at + 1] = (bytes[at + 1] & ~0x30) | (mark << 4);
  } else {
    bytes[at + 1] = (bytes[at + 1] & ~3) | mark;
    writeIpv4Checksum(bytes, at);
  }
}

/** Walks over the outer headers and opens, as the decoder does. */
function open(esp: InboundEsp, { bytes, start, end }: Sealed, seconds = 0): EspDrop {
  const outer = new Layers();
  const etherType = bytes[start] >>> 4 === 6 ? EtherType.Ipv6 : EtherType.Ipv4;
  assert.equal(outer.walkNetwork(bytes, etherType, start, end), HeaderError.None);
  const inUdp = outer.protocol === 17;
  const espEnd = inUdp ? outer.payloadEnd : outer.networkEnd;
  return esp.open(bytes, outer, inUdp ? outer.payloadOffset : outer.transportOffset, espEnd, seconds);
}

class Ends {
  readonly sad = new Sad<InboundSa>();
  readonly outbound: OutboundSa;
  readonly inbound: InboundSa;
  readonly esp: InboundEsp;
  readonly #aead: Aead;

  constructor(
    sender: SecurityAssociation,
    receiver: SecurityAssociation = sender,
    options: InboundSaOptions = {},
    aead: Aead = nodeBackend.create(),
  ) {
    this.#aead = aead;
    this.outbound = new OutboundSa(sender, aead, { ivMask: MASK });
    this.inbound = new InboundSa(receiver, aead, options);
    this.sad.add(this.inbound);
    this.esp = new InboundEsp(aead, this.sad);
  }

  seal(packet: Uint8Array): Sealed {
    return sealed(this.#aead, this.outbound, packet);
  }

  close(): void {
    this.outbound.close();
    this.inbound.close();
  }
}

const sealedByHand = (family: 4 | 6, esp: Uint8Array): Sealed => {
  const bytes = ip(family, 50, esp);
  return { bytes, start: 0, end: bytes.length };
};

for (const aead of ciphers()) {
  describe(`OutboundEsp to InboundEsp, ${aead.name}: packets are restored byte for byte`, () => {
    for (const family of [4, 6] as const) {
      for (const mode of [EspMode.Transport, EspMode.Tunnel]) {
        for (const encap of [false, true]) {
          test(`${mode} mode over IPv${family}${encap ? ' in UDP (RFC 3948)' : ''}`, () => {
            const roll = dice(family + (encap ? 100 : 0));
            for (const keyLength of [16, 24, 32] as const) {
              for (const icvLength of [8, 12, 16]) {
                for (const esn of [false, true]) {
                  const sa = association({
                    ...(family === 6 ? V6 : {}),
                    ...(encap ? { encap: ENCAP } : {}),
                    mode,
                    keymat: keymat(aesKey(keyLength)),
                    icvLength,
                    esn,
                    replayWindow: 64,
                  });
                  const ends = new Ends(sa, sa, {}, aead);
                  for (let i = 0; i < 40; i++) {
                    const payload = anyBytes(roll, roll(10) === 0 ? roll(3000) : roll(200));
                    const six = mode === EspMode.Transport ? family === 6 : i % 2 === 0;
                    const protocol = [6, 17, 58, 132, 47, 50, 4, 41][roll(8)];
                    const chain = [[], [0], [43], [60], [0, 43], [0, 60], [43, 60], [0, 43, 60]][roll(8)];
                    const packet = six ? anyIpv6(roll, payload, protocol, chain) : anyIpv4(roll, payload, protocol);
                    if (mode === EspMode.Transport) {
                      // The SA is found by the packet's own destination.
                      packet.set(ends.inbound.destination, six ? 24 : 16);
                      packet.set(ends.inbound.source, six ? 8 : 12);
                      if (!six) rewriteChecksum(packet);
                    }
                    const wire = ends.seal(packet);
                    assert.equal(open(ends.esp, wire), None);
                    assert.equal(hex(wire.bytes.subarray(ends.esp.start, ends.esp.end)), hex(packet));
                    assert.equal(ends.esp.etherType, six ? EtherType.Ipv6 : EtherType.Ipv4);
                    assert.equal(ends.esp.sa, ends.inbound);
                  }
                  assert.equal(ends.inbound.verified, 40);
                  ends.close();
                }
              }
            }
          });
        }
      }
    }

    test('RFC 4303 section 2.2.1: with ESN the sequence number continues past the wrap', () => {
      const sa = association({ esn: true, replayWindow: 64, sequence: { high: 2, low: 0xfffffff0 } });
      const inbound = new InboundSa(sa, aead, { midStream: true });
      const outbound = new OutboundSa(sa, aead, { ivMask: MASK, sequence: { high: 2, low: 0xfffffff0 } });
      const sad = new Sad<InboundSa>();
      sad.add(inbound);
      const esp = new InboundEsp(aead, sad);
      const packet = udpIp(4, 4789, new Uint8Array(50));
      for (let i = 0; i < 40; i++) {
        const wire = sealed(aead, outbound, packet);
        assert.equal(open(esp, wire), None);
        assert.equal(esp.sequenceHigh, i < 15 ? 2 : 3);
        assert.equal(hex(wire.bytes.subarray(esp.start, esp.end)), hex(packet));
      }
    });
  });
}

function rewriteChecksum(packet: Uint8Array): void {
  const span = (packet[0] & 0xf) * 4;
  let sum = 0;
  packet[10] = packet[11] = 0;
  for (let i = 0; i < span; i += 2) sum += packet[i] * 256 + packet[i + 1];
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  packet[10] = (~sum >>> 8) & 0xff;
  packet[11] = ~sum & 0xff;
}

describe('InboundEsp', () => {
  const PACKET = udpIp(4, 4789, new Uint8Array(60).fill(0x77));

  test('RFC 4301 section 5.2: an unknown SPI and destination is NoSa', () => {
    const ends = new Ends(association(), association({ spi: 4 }));
    assert.equal(open(ends.esp, ends.seal(PACKET)), EspDrop.NoSa);
    assert.equal(ends.esp.sa, undefined);
    const elsewhere = new Ends(association(), association({ destination: '192.168.50.3' }));
    assert.equal(open(elsewhere.esp, elsewhere.seal(PACKET)), EspDrop.NoSa);
    const otherFamily = new Ends(association(), association(V6));
    assert.equal(open(otherFamily.esp, otherFamily.seal(PACKET)), EspDrop.NoSa);
  });

  test('RFC 4301 section 5.2: a packet from an address other than its SA’s is SourceMismatch, before its number counts', () => {
    for (const family of [4, 6] as const) {
      const sa = association({ replayWindow: 64, ...(family === 6 ? V6 : {}) });
      const [from, to] = [sa.source, sa.destination];
      const packet = (source: string): Uint8Array => udpIp(family, 4789, new Uint8Array(9), 'right', source, to);
      const others =
        family === 4 ? ['1.2.3.4', '192.168.50.3', '193.168.50.1'] : ['fd50::', 'fd51::1', 'fd50:0:0:1::1'];
      const ends = new Ends(sa);
      for (const other of others) assert.equal(open(ends.esp, ends.seal(packet(other))), EspDrop.SourceMismatch);
      assert.equal(open(ends.esp, ends.seal(packet(from))), None);
      assert.deepEqual([ends.inbound.verified, ends.inbound.drops[EspDrop.SourceMismatch]], [1, 3]);
      const anywhere = new Ends(sa, sa, { anySource: true });
      assert.equal(open(anywhere.esp, anywhere.seal(packet(others[0]))), None);
      const unnamed = new Ends(sa, { ...sa, source: family === 4 ? '0.0.0.0' : '::' });
      assert.equal(open(unnamed.esp, unnamed.seal(packet(others[0]))), None);
    }
  });

  test('behind a NAT the address may change: an SA with UDP encapsulation accepts any, unless configured otherwise', () => {
    const sa = association({ encap: ENCAP });
    const packet = udpIp(4, 4789, new Uint8Array(9), 'right', '1.2.3.4', '192.168.50.2');
    const ends = new Ends(sa);
    assert.equal(open(ends.esp, ends.seal(packet)), None);
    const strict = new Ends(sa, sa, { anySource: false });
    assert.equal(open(strict.esp, strict.seal(packet)), EspDrop.SourceMismatch);
  });

  test('RFC 4301 section 5.1.2.1, RFC 6040 section 4.2: tunnel mode propagates the outer ECN mark, or drops the packet', () => {
    const DROPPED = -1;
    // Result by inner mark (Not-ECT, ECT(1), ECT(0), CE), then by outer mark.
    const table = [
      [0, 0, 0, DROPPED],
      [1, 1, 1, 3],
      [2, 1, 2, 3],
      [3, 3, 3, 3],
    ];
    for (const outside of [4, 6] as const) {
      for (const inside of [4, 6] as const) {
        for (const encap of [false, true]) {
          const ends = new Ends(
            association({
              mode: EspMode.Tunnel,
              ...(outside === 6 ? V6 : {}),
              ...(encap ? { encap: ENCAP } : {}),
            }),
          );
          let dropped = 0;
          table.forEach((row, inner) => {
            row.forEach((expected, outer) => {
              const packet = udpIp(inside, 4789, new Uint8Array(40), 'right');
              putEcn(packet, 0, inner);
              const wire = ends.seal(packet);
              putEcn(wire.bytes, wire.start, outer);
              const drop = open(ends.esp, wire);
              if (expected === DROPPED) dropped++;
              assert.equal(drop, expected === DROPPED ? EspDrop.EcnLost : None, `${inner} in ${outer}`);
              if (expected === DROPPED) return;
              putEcn(packet, 0, expected);
              assert.equal(hex(wire.bytes.subarray(ends.esp.start, ends.esp.end)), hex(packet));
            });
          });
          assert.deepEqual([ends.inbound.verified, ends.inbound.drops[EspDrop.EcnLost]], [16 - dropped, dropped]);
        }
      }
    }
  });

  test('a failed lookup leaves the bytes unchanged', () => {
    const ends = new Ends(association(), association({ spi: 4 }));
    const wire = ends.seal(PACKET);
    const before = hex(wire.bytes);
    open(ends.esp, wire);
    assert.equal(hex(wire.bytes), before);
  });

  test('RFC 3948: ESP in UDP for an SA without encapsulation, and the reverse, are EncapMismatch', () => {
    for (const mode of [EspMode.Transport, EspMode.Tunnel]) {
      const plain = new Ends(association({ mode }), association({ mode, encap: ENCAP }));
      assert.equal(open(plain.esp, plain.seal(PACKET)), EspDrop.EncapMismatch);
      const inUdp = new Ends(association({ mode, encap: ENCAP }), association({ mode }));
      assert.equal(open(inUdp.esp, inUdp.seal(PACKET)), EspDrop.EncapMismatch);
      for (const ends of [plain, inUdp]) {
        assert.deepEqual([ends.inbound.verified, ends.inbound.drops[EspDrop.EncapMismatch]], [0, 1]);
        assert.equal(ends.esp.sa, ends.inbound);
      }
    }
  });

  test('an SA with inferMode infers encapsulation and mode from the packet', () => {
    for (const mode of [EspMode.Transport, EspMode.Tunnel]) {
      for (const encap of [{}, { encap: ENCAP }]) {
        const ends = new Ends(association({ mode, ...encap }), association(), { inferMode: true });
        const wire = ends.seal(PACKET);
        assert.equal(open(ends.esp, wire), None);
        assert.equal(hex(wire.bytes.subarray(ends.esp.start, ends.esp.end)), hex(PACKET));
      }
    }
  });

  test('RFC 4303 section 3.1.1: transport mode leaves IP in IP unchanged, after the outer header', () => {
    const ends = new Ends(association());
    const packet = ip(4, 4, PACKET);
    const wire = ends.seal(packet);
    assert.equal(open(ends.esp, wire), None);
    assert.equal(hex(wire.bytes.subarray(ends.esp.start, ends.esp.end)), hex(packet));
  });

  test('RFC 4303 section 3.1.2: tunnel mode with a payload other than IP is ModeMismatch', () => {
    const ends = new Ends(association(), association({ mode: EspMode.Tunnel }));
    assert.equal(open(ends.esp, ends.seal(PACKET)), EspDrop.ModeMismatch);
    assert.equal(ends.inbound.drops[EspDrop.ModeMismatch], 1);
  });

  test('RFC 4303 section 3.4.1: a fragment is not opened, it must be reassembled first', () => {
    for (const word of [0x2000, 0x0003]) {
      const ends = new Ends(association());
      const wire = ends.seal(PACKET);
      wire.bytes[wire.start + 6] = word >>> 8;
      wire.bytes[wire.start + 7] = word & 0xff;
      assert.equal(open(ends.esp, wire), EspDrop.Fragment);
      assert.equal(ends.inbound.drops[EspDrop.Fragment], 1);
    }
  });

  test('reports the opener’s reasons: WrongIcv, Replayed, OutsideWindow, TooShort, Expired, Dummy, BadPadding', () => {
    const sa = association({ replayWindow: 32, limits: { hard: { seconds: 100 } } });
    const ends = new Ends(sa);
    const packet = (sequence: bigint, plain = withTrailer(new Uint8Array(20), 17)): Sealed =>
      sealedByHand(4, sealByHand({ sequence }, plain));
    assert.equal(open(ends.esp, packet(50n)), None);
    const forged = packet(51n);
    forged.bytes[forged.end - 1] ^= 1;
    assert.equal(open(ends.esp, forged), EspDrop.WrongIcv);
    assert.equal(open(ends.esp, packet(50n)), EspDrop.Replayed);
    assert.equal(open(ends.esp, packet(18n)), EspDrop.OutsideWindow);
    assert.equal(open(ends.esp, packet(51n, withTrailer(new Uint8Array(8), 59))), EspDrop.Dummy);
    assert.equal(open(ends.esp, packet(52n, Uint8Array.of(0, 0, 9, 17))), EspDrop.BadPadding);
    assert.equal(open(ends.esp, sealedByHand(4, sealByHand({ sequence: 53n }, new Uint8Array(1)))), EspDrop.TooShort);
    assert.equal(open(ends.esp, packet(53n), 100), EspDrop.Expired);
    // A hard limit is final, even if the clock goes backwards.
    assert.equal(open(ends.esp, packet(53n), 99), EspDrop.Expired);
    assert.equal(ends.inbound.verified, 1);
    assert.equal(
      ends.inbound.drops.reduce((sum, count) => sum + count, 0),
      8,
    );
  });

  test('a failed packet does not affect the next one', () => {
    const ends = new Ends(association({ replayWindow: 64 }));
    for (let i = 0; i < 20; i++) {
      const wire = ends.seal(PACKET);
      const forged = { ...wire, bytes: wire.bytes.slice() };
      forged.bytes[wire.end - 1 - i] ^= 0x10;
      assert.equal(open(ends.esp, forged), EspDrop.WrongIcv);
      assert.equal(open(ends.esp, { ...wire, end: wire.end }), None);
      assert.equal(hex(wire.bytes.subarray(ends.esp.start, ends.esp.end)), hex(PACKET));
    }
  });

  test('a wrong IPv4 header checksum on the wire is corrected with the header', () => {
    const ends = new Ends(association());
    const wire = ends.seal(PACKET);
    wire.bytes[wire.start + 10] ^= 0xff;
    assert.equal(open(ends.esp, wire), None);
    assert.equal(hex(wire.bytes.subarray(ends.esp.start, ends.esp.end)), hex(PACKET));
  });

  test('a header changed en route (TTL, TOS) is restored as it arrived', () => {
    const ends = new Ends(association());
    const wire = ends.seal(PACKET);
    wire.bytes[wire.start + 8] = 60;
    wire.bytes[wire.start + 1] = 0x03;
    assert.equal(open(ends.esp, wire), None);
    const expected = PACKET.slice();
    expected[8] = 60;
    expected[1] = 0x03;
    rewriteChecksum(expected);
    assert.equal(hex(wire.bytes.subarray(ends.esp.start, ends.esp.end)), hex(expected));
  });

  test('the high-order half of the sequence number is inferred with ESN and 0 without', () => {
    const extended = association({ esn: true, replayWindow: 64, sequence: { high: 9, low: 100 } });
    const ends = new Ends(extended, extended, { midStream: true });
    const esp = sealByHand({ sequence: (9n << 32n) + 101n, esn: true }, withTrailer(new Uint8Array(8), 17));
    assert.equal(open(ends.esp, sealedByHand(4, esp)), None);
    assert.equal(ends.esp.sequenceHigh, 9);
    const plain = new Ends(association());
    assert.equal(open(plain.esp, plain.seal(PACKET)), None);
    assert.equal(plain.esp.sequenceHigh, 0);
  });
});

describe('InboundEsp with a resolver', () => {
  interface Asked {
    readonly spi: number;
    readonly family: number;
    readonly source: string;
    readonly destination: string;
  }

  class Resolver implements SaResolver {
    readonly asked: Asked[] = [];
    readonly #give: (asked: Asked) => InboundSa | undefined;

    constructor(give: (asked: Asked) => InboundSa | undefined) {
      this.#give = give;
    }

    resolve(spi: number, family: number, bytes: Uint8Array, addressOffset: number): InboundSa | undefined {
      const span = family === 4 ? 4 : 16;
      const asked = {
        spi,
        family,
        source: hex(bytes.subarray(addressOffset, addressOffset + span)),
        destination: hex(bytes.subarray(addressOffset + span, addressOffset + 2 * span)),
      };
      this.asked.push(asked);
      return this.#give(asked);
    }
  }

  for (const family of [4, 6] as const) {
    for (const spi of [1, 0x1f279ba7, 0xfedcba98]) {
      test(`is called once for SPI ${spi} over IPv${family}, with the packet's addresses`, () => {
        const aead = nodeBackend.create();
        const sad = new Sad<InboundSa>();
        const sa = association({ spi, ...(family === 6 ? V6 : {}) });
        const resolver = new Resolver(() => {
          const made = new InboundSa(sa, aead);
          sad.add(made);
          return made;
        });
        const esp = new InboundEsp(aead, sad, resolver);
        const outbound = new OutboundSa(sa, aead, { ivMask: MASK });
        const packet = udpIp(family, 4789, new Uint8Array(40));
        for (let i = 0; i < 5; i++) {
          const wire = sealed(aead, outbound, packet);
          assert.equal(open(esp, wire), None);
          assert.equal(hex(wire.bytes.subarray(esp.start, esp.end)), hex(packet));
        }
        const source = family === 4 ? 'c0a83201' : `fd50${'0'.repeat(27)}1`;
        const destination = family === 4 ? 'c0a83202' : `fd50${'0'.repeat(27)}2`;
        assert.deepEqual(resolver.asked, [{ spi, family, source, destination }]);
      });
    }
  }

  test('a resolver without an SA is called for each packet, and the packet is NoSa', () => {
    const aead = nodeBackend.create();
    const resolver = new Resolver(() => undefined);
    const esp = new InboundEsp(aead, new Sad<InboundSa>(), resolver);
    const outbound = new OutboundSa(association(), aead, { ivMask: MASK });
    for (let i = 1; i <= 3; i++) {
      assert.equal(open(esp, sealed(aead, outbound, udpIp(4, 4789, new Uint8Array(4)))), EspDrop.NoSa);
      assert.equal(resolver.asked.length, i);
    }
  });

  test('is not called for an SA in the SAD', () => {
    const aead = nodeBackend.create();
    const sad = new Sad<InboundSa>();
    sad.add(new InboundSa(association(), aead));
    const resolver = new Resolver(() => assert.fail('asked'));
    const esp = new InboundEsp(aead, sad, resolver);
    const outbound = new OutboundSa(association(), aead, { ivMask: MASK });
    assert.equal(open(esp, sealed(aead, outbound, udpIp(4, 4789, new Uint8Array(4)))), None);
    assert.deepEqual(resolver.asked, []);
  });
});
