import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Aead, hkdfSha256, nodeBackend } from '../../../src/aead/index.js';
import { EspDrop, EspOpener, EspSealer, type InboundSa, type OutboundSa } from '../../../src/ipsec/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import {
  ClusterKey,
  deriveSpi,
  KeyRing,
  NodeSas,
  Profile,
  SpiForm,
  type Topology,
} from '../../../src/overlay/index.js';
import { SeededRandom } from '../../../src/replay/random.js';
import { open, openBatch, seal } from '../../ipsec/build.js';
import { watchedCipher } from '../test-nodes.js';

const TAGS = [4, 5, 6] as const;

function topology(profile: Profile = Profile.Swarm, tags: readonly number[] = TAGS): Topology {
  const keys = tags.map((tag) => ({ tag, key: tag.toString(16).padStart(2, '0').repeat(15) + 'ff' }));
  return parseConfig(
    JSON.stringify({
      profile,
      nodes: {
        a: { vtep: '192.168.50.1' },
        b: { vtep: '192.168.50.2' },
        c: { vtep: '192.168.50.3' },
        six: { vtep: 'fd50::4' },
        seven: { vtep: 'fd50::5' },
      },
      networks: {},
      ...(tags.length > 0 ? { keys } : {}),
    }),
  );
}

const [A, B, C, SIX, SEVEN] = [0, 1, 2, 3, 4];
const PAIRS = [
  [A, B],
  [B, A],
  [C, A],
  [B, C],
  [SIX, SEVEN],
  [SEVEN, SIX],
] as const;

function sasOf(network: Topology, node: number, aead: Aead, seed = node, spiForm?: SpiForm): NodeSas {
  const random = new SeededRandom(seed);
  const options = { hkdf: hkdfSha256, random: (bytes: Uint8Array) => random.fill(bytes) };
  return NodeSas.ofTopology(network, node, aead, spiForm === undefined ? options : { ...options, spiForm });
}

/** A node's inbound SA for what another one sends to it. */
function counterpart(network: Topology, from: number, to: number, sas: readonly NodeSas[]): [OutboundSa, InboundSa] {
  const outbound = sas[from].outbound(to);
  assert.ok(outbound !== undefined);
  const { vtep } = network.nodes[to];
  const inbound = sas[to].inbound.find(outbound.spi, vtep.length === 4 ? 4 : 6, vtep, 0);
  assert.ok(inbound !== undefined, 'the other end does not know the SPI');
  return [outbound, inbound];
}

describe('the SAs of nodes', () => {
  for (const profile of Object.values(Profile)) {
    test(`${profile}: what one node seals its peer can open, and no third node`, () => {
      const network = topology(profile);
      const aead = nodeBackend.create();
      const sealer = new EspSealer(aead);
      const opener = new EspOpener(aead);
      for (const [from, to] of PAIRS) {
        const sas = network.nodes.map((_, node) => sasOf(network, node, aead));
        const [outbound, inbound] = counterpart(network, from, to, sas);
        const payload = Uint8Array.from({ length: 61 }, (_, i) => i + from);
        const { drop, packet } = seal(sealer, outbound, payload);
        assert.equal(drop, EspDrop.None);
        const changed = packet.slice();
        changed[20] ^= 1;
        assert.equal(open(opener, inbound, changed), EspDrop.WrongIcv);
        const [opened] = openBatch(opener, inbound, [packet]);
        assert.deepEqual(opened, { drop: EspDrop.None, payload, nextHeader: 17 });
        for (const other of sas[to].inbound) {
          if (other !== inbound) assert.equal(open(opener, other, packet), EspDrop.WrongIcv);
        }
        assert.deepEqual([inbound.source, inbound.destination], [network.nodes[from].vtep, network.nodes[to].vtep]);
        assert.equal(outbound.icvLength, profile === Profile.Strict ? 16 : 8);
      }
    });
  }

  test('are one inbound SA per key and one outbound SA, for each other node of its IP version', () => {
    const network = topology();
    const aead = nodeBackend.create();
    const sas = sasOf(network, A, aead);
    assert.equal(sas.inbound.size, 2 * TAGS.length);
    assert.deepEqual(
      network.nodes.map((_, node) => sas.outbound(node) !== undefined),
      [false, true, true, false, false],
    );
    assert.equal(sas.outbound(99), undefined);
    for (const node of [B, C]) {
      for (const tag of TAGS) {
        const spi = deriveSpi(network.nodes[node].vtep, network.nodes[A].vtep, tag);
        assert.ok(sas.inbound.find(spi, 4, network.nodes[A].vtep, 0) !== undefined);
      }
    }
  });

  test('send with the middle key of three, so that nodes one rotation apart understand each other', () => {
    const ringOf = (...tags: readonly number[]): KeyRing =>
      new KeyRing(tags.map((tag) => new ClusterKey(tag, new Uint8Array(16))));
    assert.equal(ringOf(4, 5, 6).transmit.tag, 5);
    assert.equal(ringOf(4, 5).transmit.tag, 4);
    assert.equal(ringOf(4).transmit.tag, 4);
    const aead = nodeBackend.create();
    const older = topology(Profile.Swarm, [4, 5, 6]);
    const newer = topology(Profile.Swarm, [5, 6, 7]);
    const sealer = new EspSealer(aead);
    const opener = new EspOpener(aead);
    for (const [here, there, tag] of [
      [older, newer, 5],
      [newer, older, 6],
    ] as const) {
      const sender = sasOf(here, A, aead).outbound(B);
      assert.ok(sender !== undefined);
      assert.equal(sender.spi, deriveSpi(here.nodes[A].vtep, here.nodes[B].vtep, tag));
      const receiver = sasOf(there, B, aead).inbound.find(sender.spi, 4, there.nodes[B].vtep, 0);
      assert.ok(receiver !== undefined);
      assert.equal(open(opener, receiver, seal(sealer, sender, new Uint8Array(20)).packet), EspDrop.None);
    }
  });

  test('have SPIs of the given form', () => {
    const network = topology();
    const [a, b] = network.nodes.map(({ vtep }) => vtep);
    const aead = nodeBackend.create();
    const short = sasOf(network, A, aead, 0, SpiForm.Short);
    assert.equal(short.outbound(B)?.spi, deriveSpi(a, b, 5, SpiForm.Short));
    assert.ok(short.inbound.find(deriveSpi(b, a, 4, SpiForm.Short), 4, a, 0) !== undefined);
    assert.equal(short.inbound.find(deriveSpi(b, a, 4, SpiForm.Mapped), 4, a, 0), undefined);
  });

  test('have masks from the random source, different for each node, so that no nonce is reused', () => {
    const network = topology();
    const aead = nodeBackend.create();
    const masksOf = (seed: number): string[] => {
      const sas = sasOf(network, A, aead, seed);
      return [B, C].map((node) => `${sas.outbound(node)?.ivMaskHigh} ${sas.outbound(node)?.ivMaskLow}`);
    };
    assert.equal(new Set([...masksOf(1), ...masksOf(2)]).size, 4);
    assert.deepEqual(masksOf(1), masksOf(1));
  });

  test('are none without a key ring', () => {
    const sas = sasOf(topology(Profile.Swarm, []), A, nodeBackend.create());
    assert.equal(sas.inbound.size, 0);
    assert.equal(sas.outbound(B), undefined);
    sas.close();
  });

  test('are gone after close, and the cipher holds none of their keys', () => {
    const network = topology();
    const { aead, held } = watchedCipher();
    const sas = sasOf(network, A, aead);
    const outbound = sas.outbound(B);
    const inbound = [...sas.inbound];
    assert.equal(held.size, 8);
    assert.ok(outbound !== undefined);
    sas.close();
    assert.deepEqual([held.size, sas.inbound.size, sas.outbound(B), sas.outbound(C)], [0, 0, undefined, undefined]);
    for (const sa of [outbound, ...inbound]) assert.deepEqual([sa.key, sa.salt], [-1, 0]);
    assert.equal(seal(new EspSealer(aead), outbound, new Uint8Array(20)).drop, EspDrop.Expired);
    assert.equal(open(new EspOpener(aead), inbound[0], new Uint8Array(60)), EspDrop.Expired);
    sas.close();
  });

  test('leave the key ring unchanged', () => {
    const network = topology();
    const aead = nodeBackend.create();
    sasOf(network, A, aead).close();
    const sas = network.nodes.map((_, node) => sasOf(network, node, aead));
    const [outbound, inbound] = counterpart(network, A, B, sas);
    const { packet } = seal(new EspSealer(aead), outbound, new Uint8Array(20));
    assert.equal(open(new EspOpener(aead), inbound, packet), EspDrop.None);
    const bytes = network.ring?.keys.map((key) => key.use((own) => own[0]));
    assert.deepEqual(bytes, [...TAGS]);
  });
});
