/**
 * The rules of VPP's test_reassembly.py, by title, for the reassembler. Where VPP is laxer than RFC 5722 and RFC 8900
 * (it accepts IPv4 overlaps), the stricter rule applies.
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { UnderlayDecoder, Verdict } from '../../src/dataplane/index.js';
import { LinkType } from '../../src/capture/index.js';
import { Reassembler } from '../../src/fragment/index.js';
import { EtherType } from '../../src/wire/index.js';
import { ethernet, FRAME, ip, udpIp, vxlan } from '../dataplane/build.js';
import {
  dropped,
  give,
  ipv4Packet,
  ipv6Packet,
  noise,
  type Packet,
  type PartOptions,
  partOf,
  result,
  split,
  unaccounted,
} from './split.js';

const COUNT = 40;

/** The fragments of many datagrams, of the sizes in VPP's suite. */
class Stream {
  readonly packets: Packet[];
  readonly parts: Uint8Array[];

  constructor(family: 4 | 6, unit: number) {
    this.packets = Array.from({ length: COUNT }, (_, id) => {
      const payload = noise([512, 808, 1518, 9018][id % 4], id);
      // Ports first, so that a UDP header is where one is expected.
      return family === 4 ? ipv4Packet(payload, { id }) : ipv6Packet(payload, { host: id });
    });
    const units = Array.from({ length: 1200 }, (_, i) => (i + 1) * unit);
    this.parts = this.packets.flatMap((packet, id) => split(packet, units, { id }));
  }
}

/** The number of completed packets, each of which must be one of the stream, once. */
function collected(reassembler: Reassembler, parts: readonly Uint8Array[], stream: Stream): number {
  const left = new Set(stream.packets.map(({ bytes }) => Buffer.from(bytes).toString('hex')));
  let complete = 0;
  for (const part of parts) {
    if (give(reassembler, part) !== 'Complete') continue;
    complete++;
    assert.ok(left.delete(Buffer.from(result(reassembler)).toString('hex')), 'not a packet, or a repeated one');
  }
  return complete;
}

/** Shuffles in a pseudo-random order, the same every time. */
function shuffled<T>(items: readonly T[], seed: number): T[] {
  const keys = noise(items.length * 4, seed);
  const view = new DataView(keys.buffer);
  return items
    .map((item, i) => ({ item, key: view.getUint32(4 * i) }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item);
}

for (const family of [4, 6] as const) {
  const packetOf = (payload: Uint8Array): Packet => (family === 4 ? ipv4Packet(payload) : ipv6Packet(payload));

  describe(`VPP test_reassembly.py, IPv${family}`, () => {
    for (const unit of [5, 25, 50]) {
      const stream = new Stream(family, unit);
      const orders = [
        ['basic reassembly', stream.parts],
        ['reverse order reassembly', [...stream.parts].reverse()],
        ['random order reassembly', shuffled(stream.parts, unit)],
      ] as const;
      for (const [title, parts] of orders) {
        test(`${title}, fragments of ${unit * 8} bytes`, () => {
          const reassembler = new Reassembler();
          assert.equal(collected(reassembler, parts, stream), COUNT);
          assert.deepEqual([reassembler.heldFragments, reassembler.heldDatagrams, unaccounted(reassembler)], [0, 0, 0]);
        });
      }
    }

    test('duplicate fragments: every one twice does not inflate the held count', () => {
      const packet = packetOf(noise(1000, 1));
      const parts = split(packet, [25, 50, 75]);
      const reassembler = new Reassembler({ maxParts: parts.length });
      parts.forEach((part, i) => {
        if (i === parts.length - 1) return;
        assert.equal(give(reassembler, part), 'Held');
        assert.equal(give(reassembler, part), 'Duplicate');
        assert.equal(reassembler.heldFragments, i + 1);
      });
      assert.equal(give(reassembler, parts[parts.length - 1]), 'Complete');
      assert.deepEqual(result(reassembler), packet.bytes);
      assert.deepEqual([reassembler.parts, dropped(reassembler, 'Duplicate')], [parts.length, parts.length - 1]);
    });

    test('overlapping fragments case #1 (RFC 5722): each but the first begins before the previous one ends', () => {
      const packet = packetOf(noise(1000, 2));
      const reassembler = new Reassembler();
      assert.equal(give(reassembler, partOf(packet, 0, 400)), 'Held');
      assert.equal(give(reassembler, partOf(packet, 200, 600)), 'Overlap');
      assert.equal(give(reassembler, partOf(packet, 400, 1000)), 'Overlap');
      assert.equal(reassembler.datagrams, 0);
    });

    test('overlapping fragments case #2 (RFC 5722): small fragments, then others across their borders', () => {
      const packet = packetOf(noise(1000, 3));
      const reassembler = new Reassembler();
      for (const part of split(packet, [20, 40, 60]).slice(0, 3)) assert.equal(give(reassembler, part), 'Held');
      assert.equal(give(reassembler, partOf(packet, 80, 240)), 'Overlap');
      for (const part of split(packet, [20, 40, 60])) assert.equal(give(reassembler, part), 'Overlap');
      assert.equal(dropped(reassembler, 'Overlap'), 8);
      assert.equal(reassembler.heldBytes, 0);
    });

    test('overlap: one fragment covers all the others', () => {
      const packet = packetOf(noise(1000, 4));
      const reassembler = new Reassembler();
      give(reassembler, partOf(packet, 80, 160));
      give(reassembler, partOf(packet, 240, 320));
      assert.equal(give(reassembler, partOf(packet, 0, 400)), 'Overlap');
    });

    test('invalid overlap: the last fragment begins within the received data and ends before its end', () => {
      const packet = packetOf(noise(1000, 5));
      const reassembler = new Reassembler();
      assert.equal(give(reassembler, partOf(packet, 0, 800)), 'Held');
      assert.equal(give(reassembler, partOf(packet, 400, 600, { more: false })), 'Inconsistent');
      assert.equal(give(reassembler, partOf(packet, 800, 1000)), 'Inconsistent');
      assert.equal(reassembler.datagrams, 0);
    });

    test('fragment of size 1: only the last fragment may be one byte', () => {
      const packet = packetOf(noise(801, 6));
      const reassembler = new Reassembler();
      assert.equal(give(reassembler, partOf(packet, 800, 801, { more: true })), 'BadLength');
      assert.equal(give(reassembler, partOf(packet, 800, 801)), 'Held');
      assert.equal(give(reassembler, partOf(packet, 0, 800)), 'Complete');
      assert.deepEqual(result(reassembler), packet.bytes);
    });

    test('fragment length not a multiple of 8: its neighbours are unaffected', () => {
      const packet = packetOf(noise(1000, 7));
      for (const length of [1, 2, 3, 4, 5, 6, 7]) {
        const reassembler = new Reassembler();
        assert.equal(give(reassembler, partOf(packet, 0, 400 + length)), 'BadLength');
        for (const part of split(packet, [50]).slice(0, 1)) assert.equal(give(reassembler, part), 'Held');
        assert.equal(give(reassembler, partOf(packet, 400, 1000)), 'Complete');
      }
    });

    test('truncated fragment: refused wherever its payload is truncated', () => {
      const packet = packetOf(noise(1000, 8));
      const [first, rest] = split(packet, [50]);
      const reassembler = new Reassembler();
      assert.equal(give(reassembler, first), 'Held');
      const header = rest.length - 600;
      for (let captured = header + 1; captured < rest.length; captured += 13) {
        assert.equal(give(reassembler, rest, 0, captured), 'Truncated');
      }
      assert.equal(give(reassembler, rest), 'Complete');
    });

    test('sum of lengths > 65,535: the datagram is dropped', () => {
      const head = packetOf(noise(64, 9)).bytes;
      const huge = { ...packetOf(new Uint8Array(0)), bytes: new Uint8Array(head.length - 64 + 65_600) };
      huge.bytes.set(head);
      const reassembler = new Reassembler();
      for (let at = 0; at < 65_000; at += 1000) assert.equal(give(reassembler, partOf(huge, at, at + 1000)), 'Held');
      assert.equal(give(reassembler, partOf(huge, 65_000, 65_560, { more: true })), 'TooLong');
      assert.equal(give(reassembler, partOf(huge, 65_000, 65_530, { more: false })), 'TooLong');
      assert.deepEqual([reassembler.heldBytes, reassembler.datagrams], [0, 0]);
      assert.equal(dropped(reassembler, 'TooLong'), 67);
    });

    test('timeout (inline): the next fragment of any datagram expires those that are due', () => {
      const reassembler = new Reassembler();
      const stream = new Stream(family, 25);
      const firsts = stream.packets.map((packet, id) => partOf(packet, 0, 40, { id }));
      for (const part of firsts) assert.equal(give(reassembler, part, 100), 'Held');
      const late = (family === 4 ? 30 : 60) + 101;
      give(reassembler, partOf(packetOf(noise(400, 1)), 0, 40, { id: 9999, more: true }), late);
      assert.equal(dropped(reassembler, 'Timeout'), COUNT);
      assert.equal(reassembler.heldFragments, 1);
    });

    test('timeout (cleanup by the caller): nothing is held afterwards, and late fragments begin a new datagram', () => {
      const reassembler = new Reassembler();
      const packet = packetOf(noise(1000, 1));
      const [first, rest] = split(packet, [50]);
      give(reassembler, first, 0);
      reassembler.expire(1000);
      assert.deepEqual([reassembler.heldFragments, reassembler.heldDatagrams, reassembler.heldBytes], [0, 0, 0]);
      assert.equal(give(reassembler, rest, 1000), 'Held');
      assert.equal(give(reassembler, first, 1001), 'Complete');
      assert.deepEqual(result(reassembler), packet.bytes);
    });

    test('LRU reuse: a full table evicts the oldest for each new datagram', () => {
      const reassembler = new Reassembler({ maxDatagrams: 10 });
      const stream = new Stream(family, 5);
      const cut = stream.packets.map((packet, id) => split(packet, [5], { id }));
      for (const [first] of cut) give(reassembler, first);
      assert.deepEqual([reassembler.heldDatagrams, dropped(reassembler, 'Evicted')], [10, COUNT - 10]);
      const whole = cut.slice(-10).map(([, rest]) => give(reassembler, rest));
      assert.ok(whole.every((outcome) => outcome === 'Complete'));
    });

    test('concurrent reassemblies: fragments of all datagrams interleaved', () => {
      const stream = new Stream(family, 25);
      const rounds = stream.packets.map((packet, id) => split(packet, [4, 8, 16, 32, 64], { id }));
      const parts = Array.from({ length: 6 }, (_, i) => rounds.flatMap((all) => all.slice(i, i + 1))).flat();
      assert.equal(collected(new Reassembler(), parts, stream), COUNT);
    });

    test('tiny fragments: 8 bytes each, as many as the longest of VPP’s packets needs', () => {
      const packet = packetOf(noise(9000, 1));
      const units = Array.from({ length: 1125 }, (_, i) => i);
      const reassembler = new Reassembler();
      const parts = split(packet, units);
      assert.equal(parts.length, 1125);
      for (const part of [...parts.slice(1).reverse(), parts[0]]) give(reassembler, part);
      assert.deepEqual(result(reassembler), packet.bytes);
    });
  });
}

describe('VPP test_reassembly.py, nested and tunnelled fragments', () => {
  const pieces = (
    packet: Uint8Array,
    family: 4 | 6,
    units: readonly number[],
    options: PartOptions = {},
  ): Uint8Array[] =>
    split({ bytes: packet, headerLength: family === 4 ? 20 : 40, announcedAt: family === 4 ? -1 : 6 }, units, options);

  test('fragments in fragments, 4o4: outer fragments give an inner one, inner fragments the packet', () => {
    const packet = ipv4Packet(noise(1200, 1), { id: 7 });
    const outer = new Reassembler();
    const inner = new Reassembler();
    const outcomes: string[] = [];
    for (const part of split(packet, [50, 100])) {
      const tunnelled = ip(4, 4, part);
      for (const piece of pieces(tunnelled, 4, [10, 20, 30]).reverse()) {
        if (give(outer, piece) !== 'Complete') continue;
        assert.deepEqual(result(outer), tunnelled);
        outcomes.push(give(inner, result(outer).subarray(20)));
      }
    }
    assert.deepEqual(outcomes, ['Held', 'Held', 'Complete']);
    assert.deepEqual(result(inner), packet.bytes);
  });

  test('fragments in fragments, 6o6', () => {
    const packet = ipv6Packet(noise(1200, 1));
    const outer = new Reassembler();
    const inner = new Reassembler();
    const outcomes: string[] = [];
    split(packet, [50, 100]).forEach((part, id) => {
      const tunnelled = ip(6, 41, part);
      for (const piece of pieces(tunnelled, 6, [10, 20, 30], { id }).reverse()) {
        if (give(outer, piece) === 'Complete') outcomes.push(give(inner, result(outer).subarray(40)));
      }
    });
    assert.deepEqual(outcomes, ['Held', 'Held', 'Complete']);
    assert.deepEqual(result(inner), packet.bytes);
  });

  test('atomic fragment (RFC 6946, RFC 8200 section 4.5): a packet with a fragment header is complete by itself', () => {
    const packet = ipv6Packet(noise(400, 1));
    const reassembler = new Reassembler();
    assert.equal(give(reassembler, partOf(packet, 8, 400)), 'Held');
    const decoder = new UnderlayDecoder();
    const whole = udpIp(6, 4789, vxlan(4097, FRAME));
    const [atomic] = pieces(whole, 6, []);
    const bytes = ethernet(atomic, EtherType.Ipv6);
    assert.equal(decoder.receive(LinkType.Ethernet, bytes, 0, bytes.length, bytes.length, 0), Verdict.Frame);
    assert.deepEqual(decoder.outerBytes.slice(decoder.frameOffset, decoder.frameEnd), FRAME);
    assert.equal(decoder.held, 0);
  });

  for (const [what, protocol, header] of [
    ['TCP', 6, 20],
    ['UDP', 17, 8],
    ['ICMPv6', 58, 8],
    ['destination options', 60, 8],
  ] as const) {
    test(`missing upper layer (RFC 7112 section 5): a first fragment that ends within ${what} is refused`, () => {
      const payload = noise(400, 1);
      payload.set([17, 2]);
      const packet = ipv6Packet(payload, { protocol });
      const reassembler = new Reassembler();
      const end = Math.floor((header - 1) / 8) * 8;
      if (end > 0) assert.equal(give(reassembler, partOf(packet, 0, end)), 'HeaderChain');
      else assert.equal(give(reassembler, partOf(packet, 0, 8)), protocol === 60 ? 'HeaderChain' : 'Held');
    });
  }

  test('RFC 791 section 3.2: IPv4 datagrams of different protocols with one identification don’t mix', () => {
    const reassembler = new Reassembler();
    const packets = [1, 6, 17, 50].map((protocol) => ipv4Packet(noise(400, protocol), { id: 5, protocol }));
    for (const packet of packets) assert.equal(give(reassembler, partOf(packet, 0, 200)), 'Held');
    for (const packet of packets) {
      assert.equal(give(reassembler, partOf(packet, 200, 400)), 'Complete');
      assert.deepEqual(result(reassembler), packet.bytes);
    }
  });
});
