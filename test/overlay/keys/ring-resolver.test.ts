/** SAs created on demand as packets arrive. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256, nodeBackend } from '../../../src/aead/index.js';
import { EspDrop, InboundEsp, type InboundSa, OutboundEsp, OutboundSa, Sad } from '../../../src/ipsec/index.js';
import {
  ClusterKey,
  deriveSa,
  deriveSpi,
  KeyRing,
  Profile,
  RingResolver,
  type RingResolverOptions,
  SpiForm,
} from '../../../src/overlay/index.js';
import { EtherType, HeaderError, Layers, parseIpv4, parseIpv6 } from '../../../src/wire/index.js';
import { FRAME, udpIp, vxlan } from '../../dataplane/build.js';

const aead = nodeBackend.create();
const KEYS = [29_943, 29_944, 29_945].map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag & 0xff)));
const RING = new KeyRing(KEYS);

function addressBytes(address: string): Uint8Array {
  return address.includes(':') ? parseIpv6(address) : parseIpv4(address);
}

interface Setup {
  readonly sad: Sad;
  readonly resolver: RingResolver;
  readonly ask: (source: string, destination: string, spi: number) => InboundSa | undefined;
}

function setup(options: RingResolverOptions = {}, ring = RING): Setup {
  const sad = new Sad<InboundSa>();
  const resolver = new RingResolver(ring, aead, sad, hkdfSha256, options);
  const ask = (source: string, destination: string, spi: number): InboundSa | undefined => {
    // The addresses are anywhere in a packet.
    const bytes = Uint8Array.from([1, 2, 3, ...addressBytes(source), ...addressBytes(destination), 9]);
    return resolver.resolve(spi, source.includes(':') ? 6 : 4, bytes, 3);
  };
  return { sad, resolver, ask };
}

function spiOf(source: string, destination: string, tag: number, form?: SpiForm): number {
  return deriveSpi(addressBytes(source), addressBytes(destination), tag, form);
}

const ONE = '192.168.50.1';
const TWO = '192.168.50.2';

/** Destinations and tags whose hash from node 1 is 0, found by running FNV backwards. */
const ZERO: [destination: string, tag: number, form: SpiForm][] = [
  ['10.1.221.211', 27988, SpiForm.Mapped],
  ['10.0.239.130', 57939, SpiForm.Short],
];

describe('which SAs are created', () => {
  test('one per tag, direction and form of the SPI', () => {
    const { sad, resolver, ask } = setup();
    const asked: [string, string, number, SpiForm][] = [];
    for (const form of Object.values(SpiForm)) {
      for (const { tag } of KEYS) {
        for (const [from, to] of [
          [ONE, TWO],
          [TWO, ONE],
        ]) {
          const spi = spiOf(from, to, tag, form);
          const sa = ask(from, to, spi);
          assert.ok(sa !== undefined);
          assert.deepEqual(
            [sa.spi, sa.family, sa.icvLength, sa.esn, sa.tunnel, sa.encap],
            [spi, 4, 8, false, false, false],
          );
          assert.deepEqual([sa.source, sa.destination], [addressBytes(from), addressBytes(to)]);
          assert.equal(sa.salt >>> 0, spi);
          assert.equal(sad.find(spi, 4, sa.destination, 0), sa);
          asked.push([from, to, tag, form]);
        }
      }
    }
    assert.deepEqual([sad.size, resolver.created.length, resolver.refused], [12, 12, 0]);
    assert.deepEqual(
      resolver.created.map(({ tag, form }) => [tag, form]),
      asked.map(([, , tag, form]) => [tag, form]),
    );
  });

  test('for IPv6 both forms are the same, called mapped', () => {
    const { resolver, ask } = setup();
    const sa = ask('fd50::1', 'fd50::2', spiOf('fd50::1', 'fd50::2', 29_944));
    assert.deepEqual([sa?.family, sa?.source.length], [6, 16]);
    assert.deepEqual(
      resolver.created.map(({ tag, form }) => [tag, form]),
      [[29_944, 'mapped']],
    );
  });

  test('none for an SPI of other addresses, of the other direction, of another tag, or 0', () => {
    const { sad, resolver, ask } = setup();
    const spi = spiOf(ONE, TWO, 29_944);
    for (const [from, to, asked] of [
      [TWO, ONE, spi],
      [ONE, '192.168.50.3', spi],
      ['192.168.50.3', TWO, spi],
      [ONE, TWO, spi ^ 1],
      [ONE, TWO, spiOf(ONE, TWO, 29_946)],
      ['fd50::1', 'fd50::2', spi],
    ] as const) {
      assert.equal(ask(from, to, asked), undefined);
    }
    assert.deepEqual([sad.size, resolver.created.length, resolver.refused], [0, 0, 0]);
  });

  test("none with an SPI of 0, which Swarm's hash yields for one pair in 2^32", () => {
    for (const [destination, tag, form] of ZERO) {
      assert.equal(spiOf(ONE, destination, tag, form), 0);
      const { sad, resolver, ask } = setup({}, new KeyRing([new ClusterKey(tag, new Uint8Array(16))]));
      assert.equal(ask(ONE, destination, 0), undefined);
      assert.deepEqual([sad.size, resolver.created.length, resolver.refused], [0, 0, 0]);
    }
  });

  test("the profile's kind of SA", () => {
    const { ask } = setup({ profile: Profile.Strict });
    const sa = ask(ONE, TWO, spiOf(ONE, TWO, 29_944));
    assert.deepEqual([sa?.icvLength, sa?.esn, sa?.window.size], [16, true, 1024]);
  });

  test('up to a limit; packets that need more are counted, and existing SAs stay', () => {
    const { sad, resolver, ask } = setup({ limit: 2 });
    const first = ask(ONE, TWO, spiOf(ONE, TWO, 29_943));
    ask(ONE, TWO, spiOf(ONE, TWO, 29_944));
    assert.equal(ask(ONE, TWO, spiOf(ONE, TWO, 29_945)), undefined);
    assert.equal(ask(TWO, ONE, spiOf(TWO, ONE, 29_943)), undefined);
    assert.equal(ask(TWO, ONE, 4711), undefined);
    assert.deepEqual([sad.size, resolver.created.length, resolver.refused], [2, 2, 2]);
    assert.equal(sad.find(spiOf(ONE, TWO, 29_943), 4, parseIpv4(TWO), 0), first);
  });
});

describe('used by the receiver', () => {
  const walk = new Layers();

  /** A packet sealed like a node of the cluster does, and the receiver's verdict. */
  function sealed(outbound: OutboundSa): { bytes: Uint8Array; end: number } {
    const packet = udpIp(4, 4789, vxlan(4097, FRAME), 'right', ONE, TWO);
    const bytes = new Uint8Array(64 + packet.length + 64);
    bytes.set(packet, 64);
    const esp = new OutboundEsp(aead, 1);
    assert.equal(esp.push(outbound, bytes, 64, 64 + packet.length, 0), EspDrop.None);
    esp.flush();
    return { bytes: bytes.slice(esp.start, esp.end), end: esp.end - esp.start };
  }

  function open(inbound: InboundEsp, { bytes, end }: { bytes: Uint8Array; end: number }): EspDrop {
    assert.equal(walk.walkNetwork(bytes, EtherType.Ipv4, 0, end), HeaderError.None);
    return inbound.open(bytes, walk, walk.transportOffset, end, 0);
  }

  test('packets of an SPI create its SA once, for each profile and form, and are decrypted', () => {
    for (const profile of Object.values(Profile)) {
      for (const spiForm of Object.values(SpiForm)) {
        const { sad, resolver } = setup({ profile });
        const inbound = new InboundEsp(aead, sad, resolver);
        const pair = { key: KEYS[1], source: parseIpv4(ONE), destination: parseIpv4(TWO), spiForm };
        const outbound = new OutboundSa(deriveSa(profile, pair, hkdfSha256), aead, { ivMask: new Uint8Array(8) });
        for (let i = 0; i < 5; i++) assert.equal(open(inbound, sealed(outbound)), EspDrop.None);
        assert.deepEqual([sad.size, resolver.created.length], [1, 1]);
        assert.deepEqual([resolver.created[0].tag, resolver.created[0].form], [29_944, spiForm]);
        assert.equal(resolver.created[0].sa.verified, 5);
      }
    }
  });

  test('a forged packet with a valid SPI creates the SA, and is rejected by its ICV', () => {
    const { sad, resolver } = setup();
    const inbound = new InboundEsp(aead, sad, resolver);
    const pair = {
      key: new ClusterKey(29_944, new Uint8Array(16)),
      source: parseIpv4(ONE),
      destination: parseIpv4(TWO),
    };
    const forger = new OutboundSa(deriveSa(Profile.Swarm, pair, hkdfSha256), aead, { ivMask: new Uint8Array(8) });
    assert.equal(open(inbound, sealed(forger)), EspDrop.WrongIcv);
    assert.equal(open(inbound, sealed(forger)), EspDrop.WrongIcv);
    assert.deepEqual([sad.size, resolver.created.length, resolver.created[0].sa.verified], [1, 1, 0]);
  });

  test('a packet whose SPI matches no tag finds no SA', () => {
    const { sad, resolver } = setup();
    const inbound = new InboundEsp(aead, sad, resolver);
    const pair = { key: new ClusterKey(1, new Uint8Array(16)), source: parseIpv4(ONE), destination: parseIpv4(TWO) };
    const stranger = new OutboundSa(deriveSa(Profile.Swarm, pair, hkdfSha256), aead, { ivMask: new Uint8Array(8) });
    assert.equal(open(inbound, sealed(stranger)), EspDrop.NoSa);
    assert.deepEqual([sad.size, resolver.created.length, resolver.refused], [0, 0, 0]);
  });
});
