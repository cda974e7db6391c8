/**
 * Fragment cases of Open vSwitch (tests/system-traffic.at: overlap by one octet in and out of order, expiry, VLAN and
 * QinQ, fragments over vxlan), run against the reassembler and the chain before it.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { LinkType } from '../../src/capture/index.js';
import { UnderlayDecoder, Verdict } from '../../src/dataplane/index.js';
import { Reassembler } from '../../src/fragment/index.js';
import { ethernet, FRAME, udpIp, vxlan } from '../dataplane/build.js';
import { fromHex, pairOf } from '../dataplane/topology.js';
import {
  dropped,
  give,
  ipv4Packet,
  ipv6Packet,
  noise,
  type Packet,
  partOf,
  result,
  split,
  unaccounted,
} from './split.js';

for (const family of [4, 6] as const) {
  const packet: Packet = family === 4 ? ipv4Packet(noise(1600, 1)) : ipv6Packet(noise(1600, 1));
  const limit = family === 4 ? 30 : 60;
  const middle = partOf(packet, 400, 800);

  describe(`OVS conntrack, IPv${family} fragments`, () => {
    const OVERLAPS: readonly (readonly [what: string, from: number, to: number])[] = [
      ['begins one unit of 8 octets before the end of the previous one', 792, 1600],
      ['ends one unit of 8 octets after the start of the next', 0, 408],
    ];
    for (const [what, from, to] of OVERLAPS) {
      for (const order of ['in order', 'out of order']) {
        test(`RFC 5722: a fragment that ${what}, ${order}, drops the datagram`, () => {
          const reassembler = new Reassembler();
          const parts = [middle, partOf(packet, from, to)];
          const inOrder = from > 400 ? parts : [...parts].reverse();
          if (order === 'out of order') inOrder.reverse();
          assert.equal(give(reassembler, inOrder[0]), 'Held');
          assert.equal(give(reassembler, inOrder[1]), 'Overlap');
          const rest = from > 400 ? partOf(packet, 0, 400) : partOf(packet, 800, 1600);
          assert.equal(give(reassembler, rest), 'Overlap');
          assert.deepEqual([reassembler.datagrams, dropped(reassembler, 'Overlap')], [0, 3]);
        });
      }
    }

    for (const order of ['in order', 'out of order']) {
      test(`overlap by one octet, possible only for a last fragment, ${order}, drops the datagram`, () => {
        // The last fragment ends one octet after another one's start.
        const last = partOf(packet, 400, 801, { more: false });
        const next = partOf(packet, 800, 1200, { more: true });
        const reassembler = new Reassembler();
        const parts = order === 'in order' ? [last, next] : [next, last];
        assert.equal(give(reassembler, parts[0]), 'Held');
        assert.equal(give(reassembler, parts[1]), 'Inconsistent');
        assert.equal(give(reassembler, partOf(packet, 0, 400)), 'Inconsistent');
        assert.equal(reassembler.datagrams, 0);
      });
    }

    test('overlap of many: each fragment once shifted by a unit, none completes a packet', () => {
      for (const shift of [-8, 8]) {
        const reassembler = new Reassembler();
        for (let at = 0; at < 1600; at += 200) {
          const from = Math.max(0, at + (at === 800 ? shift : 0));
          give(reassembler, partOf(packet, from, Math.min(1600, from + 200)));
        }
        assert.equal(reassembler.datagrams, 0);
        assert.equal(unaccounted(reassembler), 0);
      }
    });

    test('expiry: held fragments are dropped to the second, and later ones begin a new datagram', () => {
      const reassembler = new Reassembler();
      const [first, ...rest] = split(packet, [50, 100]);
      assert.equal(give(reassembler, first, 100), 'Held');
      assert.equal(give(reassembler, rest[0], 100 + limit), 'Held');
      assert.equal(give(reassembler, rest[1], 101 + limit), 'Held');
      assert.deepEqual([dropped(reassembler, 'Timeout'), reassembler.heldFragments], [2, 1]);
      assert.equal(give(reassembler, first, 102 + limit), 'Held');
      assert.equal(give(reassembler, rest[0], 102 + limit), 'Complete');
      assert.deepEqual(result(reassembler), packet.bytes);
    });

    test('incomplete: no packet without one of its fragments', () => {
      const parts = split(packet, [50, 100, 150]);
      for (const missing of parts) {
        const reassembler = new Reassembler();
        for (const part of parts) if (part !== missing) assert.equal(give(reassembler, part), 'Held');
        reassembler.expire(1000);
        assert.deepEqual([reassembler.datagrams, dropped(reassembler, 'Timeout')], [0, 3]);
      }
    });

    test('two senders with one identification don’t mix', () => {
      const reassembler = new Reassembler();
      const packets = [1, 2].map((host) => {
        const payload = noise(800, host);
        return family === 4 ? ipv4Packet(payload, { host }) : ipv6Packet(payload, { host });
      });
      for (const other of packets) assert.equal(give(reassembler, partOf(other, 400, 800)), 'Held');
      for (const other of packets) {
        assert.equal(give(reassembler, partOf(other, 0, 400)), 'Complete');
        assert.deepEqual(result(reassembler), other.bytes);
      }
    });

    for (const [what, tags] of [
      ['VLAN', '81000064'],
      ['QinQ', '88a8006481000065'],
    ] as const) {
      test(`${what}: tagged underlay fragments are reassembled, and the frame is complete`, () => {
        const whole = udpIp(family, 4789, vxlan(4097, FRAME));
        const cuttable = { bytes: whole, headerLength: family === 4 ? 20 : 40, announcedAt: family === 4 ? -1 : 6 };
        const type = family === 4 ? '0800' : '86dd';
        const parts = split(cuttable, [3, 7]).reverse();
        const decoder = new UnderlayDecoder();
        const verdicts = parts.map((part) => {
          const head = fromHex(`020000005002020000005001${tags}${type}`);
          const bytes = Uint8Array.from([...head, ...part]);
          return decoder.receive(LinkType.Ethernet, bytes, 0, bytes.length, bytes.length, 0);
        });
        assert.deepEqual(verdicts, [Verdict.Held, Verdict.Held, Verdict.Frame]);
        assert.deepEqual(decoder.outerBytes.slice(decoder.frameOffset, decoder.frameEnd), FRAME);
      });
    }
  });

  describe(`OVS: fragments over vxlan, IPv${family} inside`, () => {
    for (const encrypted of [false, true]) {
      test(`inner fragments cross unchanged${encrypted ? ', encrypted' : ''}, and outer ones are reassembled`, () => {
        const [one, two] = pairOf({ mtu: 576, encrypted });
        const parts = split(packet, [100]).map((part) => ethernet(part, family === 4 ? 0x0800 : 0x86dd));
        one.send(parts);
        assert.ok(one.wire.length > 2 * parts.length - 1);
        two.receive(one.wire.map(({ bytes }) => bytes).reverse());
        const got = two.delivered.map(({ bytes }) => bytes);
        assert.equal(got.length, parts.length);
        const reassembler = new Reassembler();
        const outcomes = got.map((frame) => give(reassembler, frame.subarray(14)));
        assert.deepEqual(outcomes, ['Held', 'Complete']);
        assert.deepEqual(result(reassembler), packet.bytes);
        two.balanced();
      });
    }
  });
}
