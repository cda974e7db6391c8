import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { LinkType, openCaptureFile } from '../../src/capture/index.js';
import { FragmentSource, UnderlayDecoder, type UnderlayDecoderOptions, Verdict } from '../../src/dataplane/index.js';
import { VxlanReserved } from '../../src/wire/index.js';
import { ipv4Packet, ipv6Packet, noise, partOf } from '../fragment/split.js';
import { fixture } from '../repository.js';
import { esp, ethernet, FRAME, ip, join, udpIp, vxlan } from './build.js';

const SEED = 20261121;

/** Encapsulations, which the slow reader doesn't decode. */
const CARRIERS = [4, 41, 47, 137];
const CARRIER_PORTS = [4754, 4790, 6081, 6635];

/** The payload length of IPv6's jumbo option (RFC 2675), or -1. */
function jumbo(bytes: Uint8Array, at: number, readable: number): number {
  if (at + 8 > readable) return -1;
  const stop = Math.min(readable, at + (bytes[at + 1] + 1) * 8);
  for (let option = at + 2; option + 2 <= stop; option += bytes[option] === 0 ? 1 : 2 + bytes[option + 1]) {
    if (bytes[option] !== 0xc2 || bytes[option + 1] !== 4 || option + 6 > stop) continue;
    return Number(`0x${Buffer.from(bytes.subarray(option + 2, option + 6)).toString('hex')}`);
  }
  return -1;
}

/**
 * The expected result of an Ethernet packet, computed slowly and without the library; undefined for fragments and
 * encapsulations.
 */
function expected(
  bytes: Uint8Array,
  captured: number,
  limit: number,
  options: UnderlayDecoderOptions = {},
): { verdict: Verdict; vni: number; frame?: readonly [number, number]; spi?: number } | undefined {
  const u16 = (at: number): number => bytes[at] * 256 + bytes[at + 1];
  const DROPPED = { verdict: Verdict.Dropped, vni: -1 };
  const OTHER = { verdict: Verdict.Other, vni: -1 };
  if (captured < 14) return DROPPED;
  let type = u16(12);
  let at = 14;
  for (let tags = 0; type === 0x8100 || type === 0x88a8 || type === 0x9100; tags++) {
    if (tags === 4 || at + 4 > captured) return DROPPED;
    type = u16(at + 2);
    at += 4;
  }
  let protocol: number;
  let packetEnd: number;
  let unset = false;
  if (type === 0x0800) {
    if (at + 20 > captured || bytes[at] >> 4 !== 4) return DROPPED;
    const span = (bytes[at] & 15) * 4;
    // Segmentation offload, or BIG TCP.
    unset = u16(at + 2) === 0 && (u16(at + 6) & 0x3fff) === 0;
    packetEnd = unset ? limit : at + u16(at + 2);
    if (unset && span >= 20 && at + span > captured) return DROPPED;
    if (span < 20 || packetEnd < at + span || packetEnd > limit || at + span > captured) return DROPPED;
    if ((u16(at + 6) & 0x3fff) !== 0) return undefined;
    protocol = bytes[at + 9];
    at += span;
    const authentication = (bytes[at + 1] + 2) * 4;
    if (protocol === 51 && authentication >= 12 && at + authentication <= Math.min(captured, packetEnd)) {
      protocol = bytes[at];
      at += authentication;
    }
  } else if (type === 0x86dd) {
    if (at + 40 > captured || bytes[at] >> 4 !== 6) return DROPPED;
    packetEnd = at + 40 + u16(at + 4);
    if (u16(at + 4) === 0 && bytes[at + 6] !== 59) {
      const length = bytes[at + 6] === 0 ? jumbo(bytes, at + 40, captured) : limit - packetEnd;
      if (length >= 0) packetEnd += length;
      unset = length > 0;
    }
    if (packetEnd > limit) return DROPPED;
    const readable = Math.min(captured, packetEnd);
    protocol = bytes[at + 6];
    at += 40;
    for (let count = 0; [0, 43, 44, 51, 60, 135, 139, 140].includes(protocol); count++) {
      if (count === 8 || at + 8 > readable) return DROPPED;
      if (protocol === 44 && (u16(at + 2) & 0xfff9) !== 0) return undefined;
      let span = 8;
      if (protocol === 51) span = (bytes[at + 1] + 2) * 4;
      else if (protocol !== 44) span = (bytes[at + 1] + 1) * 8;
      if (at + span > readable) return DROPPED;
      protocol = bytes[at];
      at += span;
    }
  } else {
    return OTHER;
  }
  const readable = Math.min(captured, packetEnd);
  if (protocol === 6) {
    if (at + 20 > readable) return DROPPED;
    const span = (bytes[at + 12] >> 4) * 4;
    return span < 20 || at + span > packetEnd || at + span > readable ? DROPPED : OTHER;
  }
  if (protocol === 50) {
    if (at + 8 > readable || (u16(at) === 0 && u16(at + 2) === 0)) return DROPPED;
    return { verdict: Verdict.Esp, vni: -1, spi: u16(at) * 65_536 + u16(at + 2) };
  }
  if (CARRIERS.includes(protocol)) return undefined;
  if (protocol !== 17) return OTHER;
  if (at + 8 > readable) return DROPPED;
  const end = unset && u16(at + 4) === 0 ? packetEnd : at + u16(at + 4);
  if (end < at + 8 || end > packetEnd) return DROPPED;
  const here = Math.min(captured, end);
  if (u16(at + 2) === (options.port ?? 4789)) {
    const header = at + 8;
    if (header + 8 > here || (bytes[header] & 8) === 0) return DROPPED;
    const reserved = (bytes[header] & 0xf7) + bytes[header + 1] + u16(header + 2) + bytes[header + 7];
    if (reserved !== 0 && options.reserved !== VxlanReserved.Ignore) return DROPPED;
    const vni = u16(header + 4) * 256 + bytes[header + 6];
    if (options.vni !== undefined && options.vni !== vni) return { verdict: Verdict.Filtered, vni: -1 };
    if (header + 8 + 14 > end) return DROPPED;
    return end > captured
      ? { verdict: Verdict.Dropped, vni }
      : { verdict: Verdict.Frame, vni, frame: [header + 8, end] };
  }
  if (CARRIER_PORTS.includes(u16(at + 2))) return undefined;
  const ports = [u16(at), u16(at + 2)];
  // The other port is a system port: a client got 4500 by chance.
  if (ports.includes(4500) && ports.every((port) => port >= 1024 || port === 500)) {
    if (at + 16 > here && here < end) return DROPPED;
    if (at + 16 <= here && (u16(at + 8) !== 0 || u16(at + 10) !== 0)) {
      return { verdict: Verdict.Esp, vni: -1, spi: u16(at + 8) * 65_536 + u16(at + 10) };
    }
  }
  return OTHER;
}

function sumHolds(decoder: UnderlayDecoder): void {
  const { packets, framePackets, espPackets, otherPackets, held } = decoder;
  const dropped = decoder.drops.total;
  assert.equal(packets, framePackets + espPackets + otherPackets + held + decoder.filtered.packets + dropped);
}

function agrees(
  decoder: UnderlayDecoder,
  packet: Uint8Array,
  captured: number,
  limit: number,
  options: UnderlayDecoderOptions,
): void {
  const wanted = expected(packet, captured, limit, options);
  const verdict = decoder.receive(LinkType.Ethernet, packet, 0, captured, limit, 0);
  if (wanted === undefined) return;
  assert.deepEqual([verdict, decoder.vni], [wanted.verdict, wanted.vni]);
  if (wanted.frame !== undefined) assert.deepEqual([decoder.frameOffset, decoder.frameEnd], wanted.frame);
  if (wanted.spi !== undefined) assert.equal(decoder.spi, wanted.spi);
}

const OPTIONS: UnderlayDecoderOptions[] = [{}, { reserved: VxlanReserved.Ignore }, { vni: 4097 }, { port: 8472 }];
const BYTES = [0, 1, 4, 6, 8, 17, 44, 50, 51, 60, 0x11, 0x20, 0x45, 0x46, 0x4f, 0x60, 0x81, 0x88, 0xa8, 0xff];

test('random, damaged packets give the verdict, VNI and frame of a slow reference decoder (20,000 packets)', () => {
  const transport = (family: 4 | 6): fc.Arbitrary<Uint8Array> =>
    fc.oneof(
      fc
        .record({
          port: fc.constantFrom(4789, 4789, 4789, 8472, 8472, 4500, 53),
          flags: fc.constantFrom(8, 8, 8, 0, 0x88),
          vni: fc.constantFrom(4097, 1),
          length: fc.constantFrom(13, FRAME.length, FRAME.length, FRAME.length),
        })
        .map(({ port, flags, vni, length }) =>
          udpIp(family, port, port === 4500 ? esp(vni, 1) : vxlan(vni, FRAME.subarray(0, length), flags)),
        ),
      fc.constantFrom(0, 1, 77).map((spi) => ip(family, 50, esp(spi, 3))),
      fc.nat(255).map((protocol) => ip(family, protocol, noise(64, protocol))),
    );
  const packets = fc.constantFrom(4 as const, 6 as const).chain((family) =>
    fc
      .tuple(transport(family), fc.subarray([0x8100, 0x88a8, 0x9100, 0x8100, 0x8100] as const))
      .map(([packet, tags]) => {
        const type = family === 4 ? [8, 0] : [0x86, 0xdd];
        const tagged = tags.flatMap((tag) => [tag >>> 8, tag & 0xff, 0, 9]);
        return join(ethernet(new Uint8Array(0), 0).subarray(0, 12), Uint8Array.from([...tagged, ...type]), packet);
      }),
  );
  const sample = fc.record({
    packet: packets,
    changes: fc.oneof(fc.constant([]), fc.array(fc.tuple(fc.nat(90), fc.constantFrom(...BYTES)), { maxLength: 3 })),
    cut: fc.oneof(fc.constant(0), fc.constant(0), fc.nat(140)),
    uncaptured: fc.constantFrom(0, 0, 1, 20),
    option: fc.nat(OPTIONS.length - 1),
  });
  const ingresses = OPTIONS.map((options) => new UnderlayDecoder(options));
  fc.assert(
    fc.property(sample, ({ packet, changes, cut, uncaptured, option }) => {
      for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
      const captured = Math.max(0, packet.length - cut);
      agrees(ingresses[option], packet, captured, packet.length + uncaptured, OPTIONS[option]);
    }),
    { seed: SEED, numRuns: 20_000 },
  );
  for (const decoder of ingresses) sumHolds(decoder);
});

test('recorded packets with changed bytes give those of the reference decoder too (40,000 packets)', async () => {
  const packets: Uint8Array[] = [];
  for (const folder of ['vxlan', 'esp', 'docker']) {
    for (const name of readdirSync(fixture(folder)).filter((file) => /underlay.*pcap$/.test(file))) {
      const source = await openCaptureFile(fixture(`${folder}/${name}`));
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        // Every seventh: enough of each kind, and no long runs of one kind.
        for (let i = 0; i < batch.count; i += 7) {
          packets.push(batch.bytes.slice(batch.offset[i], batch.offset[i] + Math.min(batch.capturedLength[i], 200)));
        }
      }
      await source.close();
    }
  }
  const sample = fc.record({
    index: fc.nat(packets.length - 1),
    changes: fc.array(fc.tuple(fc.nat(80), fc.oneof(fc.constantFrom(...BYTES), fc.nat(255))), { maxLength: 3 }),
    cut: fc.oneof(fc.constant(200), fc.nat(100)),
    // Most packets are longer than their captured part.
    uncaptured: fc.constantFrom(0, 2000, 50_000),
    option: fc.nat(OPTIONS.length - 1),
  });
  const ingresses = OPTIONS.map((options) => new UnderlayDecoder(options));
  fc.assert(
    fc.property(sample, ({ index, changes, cut, uncaptured, option }) => {
      const packet = packets[index].slice();
      for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
      agrees(ingresses[option], packet, Math.min(cut, packet.length), packet.length + uncaptured, OPTIONS[option]);
    }),
    { seed: SEED, numRuns: 40_000 },
  );
  for (const decoder of ingresses) sumHolds(decoder);
});

test('random bytes of any link type: never throws, never reads outside, accounts for all (20,000 packets)', () => {
  const link = fc.constantFrom(...Object.values(LinkType), 147);
  const start = fc.constantFrom([], [0x45], [0x60], [0, 0, 0, 2], [0x45, 0, 0, 40, 0, 1, 0x20, 0]);
  const sample = fc.record({
    link,
    start,
    rest: fc.uint8Array({ maxLength: 120 }),
    before: fc.nat(9),
    uncaptured: fc.nat(300),
    seconds: fc.integer({ min: -5, max: 4e9 }),
    verifyChecksums: fc.boolean(),
  });
  const ingresses = [false, true].map(
    (verifyChecksums) =>
      new UnderlayDecoder({ verifyChecksums, reserved: 0, reassembly: { maxDatagrams: 30, maxBytes: 1 } }),
  );
  fc.assert(
    fc.property(sample, ({ link: linkType, start: head, rest, before, uncaptured, seconds, verifyChecksums }) => {
      const decoder = ingresses[verifyChecksums ? 1 : 0];
      const packet = Uint8Array.from([...new Array<number>(before).fill(0xaa), ...head, ...rest]);
      // Nothing follows the captured bytes: reading past them gives `undefined`, and thus a wrong number.
      const { length } = packet;
      const verdict = decoder.receive(linkType, packet, before, length, length + uncaptured, seconds);
      assert.ok(Object.values(Verdict).includes(verdict));
      assert.ok(Number.isInteger(decoder.vni) && Number.isInteger(decoder.spi) && Number.isInteger(decoder.sequence));
      if (verdict === Verdict.Frame) assert.ok(decoder.frameEnd <= decoder.capturedEnd);
      sumHolds(decoder);
    }),
    { seed: SEED, numRuns: 20_000 },
  );
});

test('accounts for all of a mix of fragments and damaged packets at every step (20,000 packets)', () => {
  const sample = fc.record({
    family: fc.boolean(),
    id: fc.nat(8),
    unit: fc.nat(6),
    units: fc.integer({ min: 1, max: 6 }),
    last: fc.constantFrom('honest', 'honest', 'honest', 'honest', 'more', 'last'),
    protocol: fc.constantFrom(17, 17, 17, 17, 50, 6, 44, 60),
    change: fc.tuple(fc.nat(60), fc.nat(255)),
    damaged: fc.constantFrom(false, false, false, true),
    cut: fc.constantFrom(0, 0, 0, 0, 5),
    seconds: fc.constantFrom(0, 0, 0, 10, 100, 200),
  });
  const frame = vxlan(4097, FRAME);
  const payload = udpIp(4, 4789, frame).subarray(20);
  const decoder = new UnderlayDecoder({ reassembly: { maxDatagrams: 6, maxParts: 5 } });
  fc.assert(
    fc.property(sample, ({ family, id, unit, units, last, protocol, change, damaged, cut, seconds }) => {
      const whole = family ? ipv4Packet(payload, { id, protocol }) : ipv6Packet(payload, { protocol });
      const from = Math.min(unit * 16, payload.length - 8) & ~7;
      const to = Math.min(from + units * 16, payload.length);
      const more = last === 'honest' ? to < payload.length : last === 'more';
      const part = partOf(whole, from, to, { more, id });
      const packet = ethernet(part, family ? 0x0800 : 0x86dd);
      if (damaged && change[0] < packet.length) packet[change[0]] = change[1];
      const verdict = decoder.receive(LinkType.Ethernet, packet, 0, packet.length - cut, packet.length, seconds);
      if (verdict === Verdict.Frame) {
        const { outerBytes, frameOffset, frameEnd, capturedEnd } = decoder;
        assert.ok(frameOffset + 14 <= frameEnd && frameEnd <= capturedEnd && capturedEnd <= outerBytes.length);
      }
      assert.ok(decoder.held >= 0 && decoder.reassembly.of(FragmentSource.Wire).heldDatagrams <= 6);
      sumHolds(decoder);
    }),
    { seed: SEED, numRuns: 20_000 },
  );
  assert.ok(
    decoder.reassembly.of(FragmentSource.Wire).datagrams > 20,
    `${decoder.reassembly.of(FragmentSource.Wire).datagrams} datagrams were whole`,
  );
});
