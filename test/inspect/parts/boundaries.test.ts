/** What continues in the next file is found as in one pass, or the merge says that it can't. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { SurveyReport } from '../../../src/inspect/index.js';
import { EtherType, IPV4_HEADER_LEN, LinkType, writeIpv4Checksum } from '../../../src/wire/index.js';
import { esp, ethernet, FRAME, ip, overlay, udpIp, vxlan } from '../../dataplane/build.js';
import { keysFor } from '../../doctor/capture/keys.js';
import { tcpFrame } from '../flows/tcp-frame.js';
import { type CapturedPacket, inOnePass, merged, type NewOptions, packetsOf } from './parted-survey.js';

type Files = readonly (readonly CapturedPacket[])[];

let clock = 0;

/** A packet a millisecond after the one before. */
function at(bytes: Uint8Array, linkType: number = LinkType.Ethernet): CapturedPacket {
  clock += 1e6;
  const seconds = 1_700_000_000 + Math.floor(clock / 1e9);
  return { bytes, originalLength: bytes.length, linkType, seconds, nanoseconds: clock % 1e9 };
}

/** A frame from the VTEP with this last byte. */
function from(vtep: number, frame = FRAME, vni = 4097): CapturedPacket {
  return at(ethernet(udpIp(4, 4789, vxlan(vni, frame), 'right', `192.168.50.${vtep}`), EtherType.Ipv4));
}

/** The fragments of an IPv4 packet, in Ethernet. */
function fragmentsOf(packet: Uint8Array, identification: number, size: number): CapturedPacket[] {
  const payload = packet.subarray(IPV4_HEADER_LEN);
  const fragments: CapturedPacket[] = [];
  for (let offset = 0; offset < payload.length; offset += size) {
    const bytes = Buffer.concat([packet.subarray(0, IPV4_HEADER_LEN), payload.subarray(offset, offset + size)]);
    bytes.writeUInt16BE(bytes.length, 2);
    bytes.writeUInt16BE(identification, 4);
    bytes.writeUInt16BE((offset / 8) | (offset + size < payload.length ? 0x2000 : 0), 6);
    writeIpv4Checksum(bytes, 0);
    fragments.push(at(ethernet(bytes, EtherType.Ipv4)));
  }
  return fragments;
}

/** A datagram of a container, in VXLAN. */
function datagram(length: number, vtep = 1, container = 3): Uint8Array {
  const packet = udpIp(4, 53, new Uint8Array(length), 'right', `10.0.9.${container}`, '10.0.9.4');
  const inner = ethernet(packet, EtherType.Ipv4, `02:42:0a:00:09:0${container}`);
  return udpIp(4, 4789, vxlan(4097, inner), 'right', `192.168.50.${vtep}`);
}

const FLOWS: NewOptions = () => ({ flows: true });

/** The report of one pass, which is that of the merge, too. */
function mergedExactly(files: Files, options: NewOptions = FLOWS): SurveyReport {
  const { report, start } = inOnePass(files, options());
  const result = merged(files, options, start);
  assert.ok(result !== undefined, 'the merge is refused');
  assert.equal(JSON.stringify(result), JSON.stringify(report));
  return report;
}

/** Whether the merge is refused. */
function isRefused(files: Files, options: NewOptions = FLOWS): boolean {
  return merged(files, options, inOnePass(files, options()).start) === undefined;
}

describe('a fragmented packet', () => {
  test('across a boundary is reassembled', () => {
    const [first, second] = fragmentsOf(datagram(800), 7, 800);
    const report = mergedExactly([
      [from(1), first],
      [second, from(2)],
    ]);
    assert.deepEqual([report.frames, report.fragments.reassembled, report.flows?.conversations.length], [3, 1, 2]);
  });

  test('in three files, among others that are complete and incomplete, is reassembled', () => {
    const [first, second, third] = fragmentsOf(datagram(2000), 7, 800);
    const [alone] = fragmentsOf(datagram(2000), 8, 800);
    const report = mergedExactly([[third, from(1)], [...fragmentsOf(datagram(900), 9, 800), alone, second], [first]]);
    assert.deepEqual([report.fragments.reassembled, report.fragments.held], [2, 1]);
  });

  test('that is a duplicate of one in an earlier file is dropped', () => {
    const [first, second] = fragmentsOf(datagram(800), 7, 800);
    const report = mergedExactly([[first], [first, from(1)], [second]]);
    assert.ok(report.problems.some(({ code }) => code === 'DUP_FRAG'));
  });

  test('is where its last fragment is among the tunnels, endpoints, and kinds of other traffic', () => {
    const outside = udpIp(4, 123, new Uint8Array(900), 'right', '10.1.0.1', '10.1.0.2');
    const [first, second] = fragmentsOf(outside, 7, 800);
    const [inner, rest] = fragmentsOf(datagram(900, 9, 8), 8, 800);
    const dns = at(ethernet(udpIp(4, 53, new Uint8Array(9), 'right', '10.1.0.1', '10.1.0.3'), EtherType.Ipv4));
    const report = mergedExactly([
      [first, inner],
      [from(1, tcpFrame({ flags: 'S', sequence: 1, at: 0 })), second, rest, dns],
    ]);
    assert.deepEqual(
      report.tunnels.map(({ source }) => source),
      ['192.168.50.1', '192.168.50.9'],
    );
    assert.equal(report.otherTraffic.length, 2);
  });

  test('of ESP keeps its place among the packets of its SPI', () => {
    const sealed = (sequence: number): Uint8Array => ip(4, 50, esp(0x1234, sequence));
    const [first, second] = fragmentsOf(sealed(2), 7, 24);
    const whole = (sequence: number): CapturedPacket => at(ethernet(sealed(sequence), EtherType.Ipv4));
    const report = mergedExactly([
      [whole(1), first],
      [whole(3), second, whole(2)],
    ]);
    assert.deepEqual([report.esp[0].packets, report.esp[0].repeatedSequences, report.esp[0].lastSequence], [4, 1, 2]);
  });
});

describe('ESP with keys', () => {
  const RECORDING = 'esp/05-esp-aes256-icv128-esn.underlay.pcap';
  const keys: NewOptions = () => ({ ...keysFor(RECORDING), flows: true });

  test('is merged if no number is repeated', async () => {
    const packets = await packetsOf(RECORDING);
    const { esp: rows } = mergedExactly([packets.slice(0, 30), packets.slice(30, 50), packets.slice(50)], keys);
    assert.ok(rows.length > 0 && rows.every(({ opened, packets: all }) => opened === all));
  });

  test('is merged if a packet is replayed in its own file', async () => {
    const packets = await packetsOf(RECORDING);
    const { esp: rows } = mergedExactly([[...packets.slice(0, 30), packets[20]], packets.slice(30)], keys);
    assert.equal(
      rows.reduce((sum, { repeatedSequences }) => sum + repeatedSequences, 0),
      1,
    );
  });

  test('is refused if a packet is replayed in the next file, where nothing is known of the first', async () => {
    const packets = await packetsOf(RECORDING);
    assert.ok(isRefused([packets.slice(0, 30), [packets[20], ...packets.slice(30)]], keys));
  });

  test('without keys, a packet that is replayed in the next file is found', async () => {
    const packets = await packetsOf(RECORDING);
    const report = mergedExactly([packets.slice(0, 30), [packets[20], ...packets.slice(30)]]);
    assert.ok(report.problems.some(({ code, count }) => code === 'ESP_SEEN_AGAIN' && count === 1));
  });
});

describe('a connection', () => {
  test('that retransmits, is reset, and is opened again across boundaries is followed', () => {
    const segment = (flags: string, sequence: number, length = 0, fromA = true): CapturedPacket =>
      from(fromA ? 1 : 2, tcpFrame({ flags, sequence, acknowledgment: 1, length, fromA, at: 0 }));
    const report = mergedExactly([
      [segment('S', 99), segment('SA', 0, 0, false), segment('A', 100), segment('PA', 100, 50)],
      [segment('PA', 100, 50), segment('PA', 150, 50)],
      [segment('R', 1, 0, false), segment('S', 70_000)],
      [segment('PA', 70_001, 9), segment('PA', 70_001, 9)],
    ]);
    const conversations = report.flows?.conversations ?? [];
    assert.deepEqual(
      conversations.map(({ retransmissions, resets }) => [retransmissions, resets]),
      [
        [1, 1],
        [1, 0],
      ],
    );
  });

  test('that a full table has no room for is counted the same', () => {
    const segments = Array.from({ length: 12 }, (_, i) =>
      from(1, tcpFrame({ flags: 'S', sequence: i, port: 40_000 + (i % 7), at: 0 })),
    );
    const files = [segments.slice(0, 3), segments.slice(3, 8), segments.slice(8)];
    const report = mergedExactly(files, () => ({ flows: { maxConversations: 4 } }));
    assert.equal(report.flows?.accounting.unlisted, 4);
  });
});

describe('an endpoint', () => {
  test('that sends from behind other VTEPs in later files has moved as often', () => {
    const report = mergedExactly([[from(1), from(1)], [from(2)], [from(2), from(3), from(2)], [], [from(2), from(1)]]);
    const [{ moves, vtep }] = report.endpoints.filter(({ sentFrames }) => sentFrames > 0);
    assert.deepEqual([moves, vtep], [4, '192.168.50.1']);
  });

  test('that only receives in a file stays where it sent from', () => {
    const back = tcpFrame({ flags: 'A', sequence: 1, fromA: false, at: 0 });
    const there = tcpFrame({ flags: 'A', sequence: 1, at: 0 });
    const report = mergedExactly([[from(1, there)], [from(7, back)], [from(8, there)]]);
    assert.deepEqual(
      report.endpoints.filter(({ sentFrames }) => sentFrames > 0).map(({ moves, vtep }) => [moves, vtep]),
      [
        [1, '192.168.50.8'],
        [0, '192.168.50.7'],
      ],
    );
  });

  test('that moves between fragments is refused: their order is not known', () => {
    const fragments = fragmentsOf(datagram(900, 9), 7, 800);
    assert.ok(isRefused([[from(1)], [from(1), ...fragments, from(1)]]));
  });
});

describe('times', () => {
  const earlier = (packet: CapturedPacket, seconds: number): CapturedPacket => ({
    ...packet,
    seconds: packet.seconds - seconds,
  });

  test('that go backwards at a boundary, and within a file, are counted', () => {
    const packets = Array.from({ length: 6 }, () => from(1));
    const report = mergedExactly([
      [packets[0], packets[1], earlier(packets[2], 3)],
      [earlier(packets[3], 60), earlier(packets[3], 9), earlier(packets[4], 60), packets[5]],
    ]);
    assert.equal(report.problems.find(({ code }) => code === 'TIME_BACKWARDS')?.count, 4);
    assert.equal(report.durationSeconds > 59, true);
  });

  test('that some packets, and all of a file, do not have are left out', () => {
    const timeless = (): CapturedPacket => ({ ...from(1), seconds: Number.NaN, nanoseconds: 0 });
    const report = mergedExactly([[timeless(), from(1)], [timeless()], [timeless(), from(1), timeless()]]);
    assert.equal(report.packets, 6);
    assert.equal(mergedExactly([[timeless()], [timeless()]]).firstTime, null);
  });
});

describe('tables', () => {
  test('that only several files together fill are refused', () => {
    const frames = [...'3456'].map((last) =>
      ethernet(ip(4, 1, new Uint8Array(8), `10.0.9.${last}`, '10.0.9.9'), EtherType.Ipv4, `02:42:0a:00:09:0${last}`),
    );
    const files = frames.map((frame) => [from(1, frame)]);
    const options =
      (maxRows: number): NewOptions =>
      () => ({ maxRows });
    assert.ok(isRefused(files, options(5)));
    mergedExactly(files, options(6));
  });

  test('of kinds of other traffic, VNIs and guessed ports list the first of them, as in one pass', () => {
    const kinds = Array.from({ length: 1200 }, (_, i) => at(ethernet(new Uint8Array(50), 0x9000 + (i % 1100))));
    const vnis = Array.from({ length: 100 }, (_, i) => from(1, FRAME, 1 + (i % 90)));
    const guessed = Array.from({ length: 300 }, (_, i) =>
      at(ethernet(udpIp(4, 20_000 + i, vxlan(7, FRAME)), EtherType.Ipv4)),
    );
    const packets = [...kinds, ...vnis, ...guessed];
    const size = 60;
    const files = Array.from({ length: Math.ceil(packets.length / size) }, (_, i) =>
      packets.slice(size * i, size * (i + 1)),
    );
    const report = mergedExactly(files, () => ({ vni: 5000 }));
    assert.deepEqual([report.filtered.length, report.vxlanPorts.length], [64, 256]);
    assert.ok(report.otherTraffic.some(({ name }) => name === 'other kinds'));
  });

  test('are refused if the parts were surveyed in another way', () => {
    const files = [[from(1)], [at(overlay(6))]];
    const { start } = inOnePass(files, {});
    const ways: readonly [NewOptions, NewOptions][] = [
      [() => ({ flows: true }), () => ({})],
      [() => ({ checksums: false }), () => ({})],
      [() => keysFor('esp/03-esp-padding.underlay.pcap'), () => ({})],
    ];
    for (const [one, other] of ways) {
      assert.equal(merged(files, one, start, other), undefined);
      assert.equal(merged(files, other, start, one), undefined);
    }
    assert.equal(merged(files, FLOWS, undefined), undefined, 'no beginning of the traffic over time');
  });
});
