import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MemoryReader, openCapture, openCaptureFile, PcapWriter } from '../../src/capture/index.js';
import { Survey, type SurveyOptions, type SurveyReport } from '../../src/inspect/index.js';
import { SIZE_BOUNDS, SizeTable, sizeClassName } from '../../src/inspect/size-table.js';
import { formatTime } from '../../src/inspect/capture-clock.js';
import { arpLayout } from '../../src/wire/index.js';
import { ipv4Packet, ipv6Packet, noise, type Packet, partOf, split } from '../fragment/split.js';
import { esp, ethernet, FRAME, ip, join, overlay, udpIp, vxlan } from '../dataplane/build.js';
import { fixture } from '../repository.js';

interface Recorded {
  readonly packet: Uint8Array;
  /** Nanoseconds since 1970. */
  readonly time?: number;
  readonly captured?: number;
}

/** The survey of a capture of the given packets. */
async function surveyOf(records: readonly (Uint8Array | Recorded)[], options?: SurveyOptions): Promise<SurveyReport> {
  const parts: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => parts.push(bytes.slice()), { nanoseconds: true });
  records.forEach((record, i) => {
    const {
      packet,
      time = i * 1e9,
      captured,
    } = record instanceof Uint8Array ? ({ packet: record } as Recorded) : record;
    writer.write(packet, 0, captured ?? packet.length, packet.length, Math.floor(time / 1e9), time % 1e9);
  });
  writer.flush();
  const source = await openCapture(new MemoryReader(Buffer.concat(parts)));
  const survey = new Survey(options);
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) survey.addBatch(batch);
  const report = survey.report(source);
  const { inFrames, esp: sealed, other, held, dropped } = report.accounting;
  const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
  assert.equal(report.packets, inFrames + sealed + other + held + lost);
  assert.equal(report.packets, records.length);
  assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  return report;
}

async function surveyFile(path: string): Promise<SurveyReport> {
  const source = await openCaptureFile(fixture(path));
  const survey = new Survey();
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) survey.addBatch(batch);
  await source.close();
  return survey.report(source);
}

const codes = (report: SurveyReport): string[] => report.problems.map(({ code, count }) => `${code} ${count}`);
const on4 = (packet: Uint8Array): Uint8Array => ethernet(packet, 0x0800);

/** An IPv4 packet built by `build.ts`, in a form that can be truncated. */
function cuttable(bytes: Uint8Array): Packet {
  return { bytes, headerLength: 20, announcedAt: -1 };
}

function arp(sender: string): Uint8Array {
  const bytes = new Uint8Array(28);
  const sizes = { hardwareType: 1, protocolType: 0x0800, hardwareLength: 6, protocolLength: 4 };
  const macs = { senderMac: '02:42:0a:00:09:03', targetMac: '00:00:00:00:00:00' };
  arpLayout.encode({ ...sizes, ...macs, operation: 1, senderIp: sender, targetIp: '10.0.9.4' }, bytes);
  return ethernet(bytes, 0x0806);
}

describe("recordings, compared with tshark's counts", () => {
  test('docker/03-vip-http: clear traffic of one network between two nodes, without problems', async () => {
    const report = await surveyFile('docker/03-vip-http.underlay.pcap');
    assert.deepEqual([report.packets, report.bytes, report.frames], [417, 137_760, 181]);
    assert.deepEqual(
      report.networks.map(({ vni, frames }) => [vni, frames]),
      [[4097, 181]],
    );
    assert.deepEqual(
      report.tunnels.map(({ source, destination, vnis }) => [source, destination, vnis]),
      [
        ['192.168.50.1', '192.168.50.2', [4097]],
        ['192.168.50.2', '192.168.50.1', [4097]],
      ],
    );
    assert.deepEqual(report.problems, []);
    assert.deepEqual(report.accounting, { inFrames: 181, esp: 0, other: 236, held: 0, filtered: 0, dropped: {} });
  });

  test('vxlan/30-outerfrag-1500-icmp: 32 outer fragments are reassembled into 16 packets', async () => {
    const report = await surveyFile('vxlan/30-outerfrag-1500-icmp.underlay.pcap');
    assert.deepEqual([report.packets, report.frames, report.accounting.inFrames], [50, 32, 48]);
    assert.deepEqual(report.fragments, { fragments: 32, reassembled: 16, held: 0, inner: 12 });
    assert.deepEqual(report.problems, []);
  });

  test('vxlan/60-offload-on-http: 27 partial inner TCP, 17 good and 10 partial outer UDP, 10 super-frames', async () => {
    const report = await surveyFile('vxlan/60-offload-on-http.underlay.pcap');
    const row = (name: string): unknown => report.checksums.find((candidate) => candidate.name === name);
    assert.deepEqual(row('inner TCP'), { name: 'inner TCP', good: 0, absent: 0, partial: 27, bad: 0 });
    assert.deepEqual(row('outer UDP'), { name: 'outer UDP', good: 17, absent: 0, partial: 10, bad: 0 });
    assert.ok(codes(report).includes('SUPER_FRAMES 10'));
  });
});

describe('a report', () => {
  test('of a capture without packets', async () => {
    const report = await surveyOf([]);
    assert.deepEqual([report.firstTime, report.lastTime, report.durationSeconds], [null, null, 0]);
    assert.deepEqual([report.sizes.wire.smallest, report.sizes.wire.mean, report.problems], [0, 0, []]);
  });

  test('has the times to the nanosecond', async () => {
    const report = await surveyOf([
      { packet: overlay(), time: 1_700_000_000e9 },
      { packet: overlay(), time: 1_700_000_002e9 + 512 },
    ]);
    assert.equal(report.firstTime, '2023-11-14T22:13:20.000000000Z');
    assert.equal(report.lastTime, '2023-11-14T22:13:22.000000512Z');
    assert.ok(Math.abs(report.durationSeconds - 2.000000512) < 1e-12);
  });

  test('has the sizes on the wire, even if the snaplen truncated the packets', async () => {
    const packet = overlay();
    const report = await surveyOf([{ packet, captured: 70 }, { packet, captured: 14 }, packet]);
    const { length } = packet;
    assert.deepEqual(
      [report.bytes, report.sizes.wire.smallest, report.sizes.wire.largest, report.sizes.wire.mean],
      [3 * length, length, length, length],
    );
    assert.deepEqual([report.sizes.inner.count, report.sizes.inner.smallest], [2, FRAME.length]);
    assert.deepEqual(
      report.networks.map(({ frames, bytes, truncated }) => [frames, bytes, truncated]),
      [[2, 2 * FRAME.length, 1]],
    );
    assert.equal(report.frames, 1);
  });

  test('sorts networks and endpoints by VNI; other traffic by packets, most first', async () => {
    const lldp = ethernet(new Uint8Array(40), 0x88cc);
    const report = await surveyOf([
      lldp,
      ...[300, 100, 200].map((vni) => overlay(4, vni)),
      ...[1, 2].map(() => on4(udpIp(4, 53, noise(9, 1)))),
    ]);
    assert.deepEqual(
      report.networks.map(({ vni, endpoints }) => [vni, endpoints]),
      [
        [100, 2],
        [200, 2],
        [300, 2],
      ],
    );
    assert.deepEqual(
      report.endpoints.map(({ vni }) => vni),
      [100, 100, 200, 200, 300, 300],
    );
    assert.deepEqual(
      report.otherTraffic.map(({ name, packets }) => [name, packets]),
      [
        ['DNS', 2],
        ['LLDP', 1],
      ],
    );
  });

  test('lists a receiver behind the outer destination, and no group address', async () => {
    const broadcast = ethernet(FRAME.subarray(14), 0x0800, '02:42:0a:00:09:03', 'ff:ff:ff:ff:ff:ff');
    const report = await surveyOf([overlay(), overlay(4, 4097, broadcast)]);
    assert.deepEqual(
      report.endpoints.map(({ mac, ip: address, vtep, sentFrames, receivedFrames }) => [
        mac,
        address,
        vtep,
        sentFrames,
        receivedFrames,
      ]),
      [
        ['02:42:0a:00:09:03', '10.0.9.3', '192.168.50.1', 2, 0],
        ['02:42:0a:00:09:04', '10.0.9.4', '192.168.50.2', 0, 1],
      ],
    );
  });

  test('lists ESP by SPI, in IP and in UDP, with the bytes of the IP packet', async () => {
    const packets = [5, 6].map((sequence) => on4(ip(4, 50, esp(0xc207fc1c, sequence))));
    const report = await surveyOf([...packets, on4(udpIp(4, 4500, esp(1, 9)))]);
    assert.deepEqual(
      report.esp.map(({ spi, inUdp, packets: count, bytes, firstSequence, lastSequence }) => [
        spi,
        inUdp,
        count,
        bytes,
        firstSequence,
        lastSequence,
      ]),
      [
        ['0xc207fc1c', false, 2, 2 * 68, 5, 6],
        ['0x00000001', true, 1, 76, 9, 9],
      ],
    );
    assert.deepEqual(
      report.tunnels.map(({ espPackets, espBytes, vnis }) => [espPackets, espBytes, vnis]),
      [[3, 2 * 68 + 76, []]],
    );
  });

  test('does not verify checksums unless asked to', async () => {
    const bad = overlay(4, 1, FRAME, 0x1234);
    const report = await surveyOf([bad], { checksums: false });
    assert.deepEqual([report.checksums, codes(report)], [[], []]);
    assert.deepEqual(codes(await surveyOf([bad])), ['CHECKSUM_BAD 1']);
  });

  test('counts inner, held and dropped fragments', async () => {
    const inner = split(ipv4Packet(noise(100, 1)), [5]).map((part) => overlay(4, 1, on4(part)));
    const whole = cuttable(udpIp(4, 4789, vxlan(4097, FRAME)));
    const outer = split(whole, [5]).map(on4);
    const lone = on4(partOf(ipv4Packet(noise(100, 1), { id: 8 }), 0, 40));
    const report = await surveyOf([...inner, outer[0], outer[0], outer[1], lone]);
    assert.deepEqual(report.fragments, { fragments: 4, reassembled: 1, held: 1, inner: 2 });
    assert.deepEqual(report.accounting, {
      inFrames: 4,
      esp: 0,
      other: 0,
      held: 1,
      filtered: 0,
      dropped: { DUP_FRAG: 1 },
    });
    assert.ok(report.problems.every(({ severity }) => severity === 'note'));
  });

  test('counts other traffic in fragments with all of its packets, and the bytes of the whole IP packet', async () => {
    const parts = split(cuttable(udpIp(4, 53, noise(300, 1))), [10, 20]).map(on4);
    const report = await surveyOf(parts);
    assert.deepEqual(report.otherTraffic, [{ name: 'DNS', packets: 3, bytes: 20 + 8 + 300 }]);
  });
});

describe('problems', () => {
  test("invalid inner headers are a problem; truncation by the snaplen is the capture's", async () => {
    const wrong = overlay(4, 1, on4(new Uint8Array(20).fill(0x55)));
    const report = await surveyOf([wrong, { packet: overlay(), captured: 70 }]);
    assert.deepEqual(codes(report), ['CAPTURE_TRUNCATED 1', 'INNER_HEADER 1']);
  });

  test('a frame with a truncated tag inherits nothing from the previous frame: no ARP, no address', async () => {
    const tagOnly = ethernet(new Uint8Array(0), 0x8100, '02:42:0a:00:09:99', '02:42:0a:00:09:98');
    const report = await surveyOf([overlay(4, 4097, arp('10.0.9.3')), overlay(4, 4097, tagOnly)]);
    assert.deepEqual(codes(report), ['INNER_HEADER 1', 'ARP_IN_TUNNEL 1']);
    assert.deepEqual(
      report.endpoints
        .filter(({ mac }) => mac.endsWith('9:99') || mac.endsWith('9:98'))
        .map(({ ip: address }) => address),
      [null, null],
    );
  });

  test('likewise for a frame truncated by the snaplen within its tag', async () => {
    const tagged = ethernet(join(Uint8Array.of(0, 5, 8, 0), FRAME.subarray(14)), 0x8100, '02:42:0a:00:09:99');
    const report = await surveyOf([
      overlay(4, 4097, arp('10.0.9.3')),
      { packet: overlay(4, 4097, tagged), captured: 50 + 15 },
    ]);
    assert.ok(codes(report).includes('ARP_IN_TUNNEL 1'));
  });

  test('counts unlisted addresses, which share the rows of "(others)"', async () => {
    const sealed = (host: number): Uint8Array => on4(ip(4, 50, esp(7, 1), '192.168.50.1', `192.168.50.${host}`));
    const report = await surveyOf([2, 3, 4, 5].map(sealed), { maxRows: 2 });
    assert.ok(report.tunnels.some(({ destination }) => destination === '(others)'));
    assert.ok(codes(report).some((code) => code.startsWith('TABLE_FULL')));
  });

  test('tables within their limits are not a problem', async () => {
    const packets = Array.from({ length: 3 }, (_, i) => overlay(4, 100 + i));
    assert.deepEqual(codes(await surveyOf(packets, { maxRows: 6 })), []);
    const report = await surveyOf(packets, { maxRows: 2 });
    // One network, and the two endpoints of the second and third.
    assert.deepEqual([report.networks.length, report.endpoints.length, codes(report)], [2, 2, ['TABLE_FULL 5']]);
  });

  test('a long frame that arrived in fragments did cross the wire: it is not a super-frame', async () => {
    const long = ethernet(udpIp(4, 80, noise(12_000, 1)), 0x0800);
    const packet = cuttable(udpIp(4, 4789, vxlan(4097, long)));
    const parts = split(
      packet,
      Array.from({ length: 9 }, (_, i) => i * 185),
    );
    const report = await surveyOf(parts.map(on4));
    assert.deepEqual([report.frames, report.fragments.reassembled], [1, 1]);
    assert.deepEqual(codes(report), []);
  });

  test('the same frame in one piece was never on a wire', async () => {
    const long = ethernet(udpIp(4, 80, noise(12_000, 1)), 0x0800);
    assert.deepEqual(codes(await surveyOf([overlay(4, 4097, long)])), ['SUPER_FRAMES 1']);
  });

  test('each has a code in capitals, a count and a sentence', async () => {
    const report = await surveyOf([
      overlay(4, 1, FRAME, 0x1234),
      overlay(4, 1, arp('10.0.9.3')),
      new Uint8Array(9),
      { packet: overlay(), time: 0 },
    ]);
    assert.deepEqual(codes(report), ['PKT_TOO_SMALL 1', 'CHECKSUM_BAD 1', 'ARP_IN_TUNNEL 1', 'TIME_BACKWARDS 1']);
    for (const { code, message } of report.problems) {
      assert.match(code, /^[A-Za-z_0-9]+$/);
      assert.match(message, /^[^\n]{10,150}$/);
    }
  });
});

test('the accounting adds up for any packets in any order, and the report is plain data (300 captures)', async () => {
  const pieces = split(ipv4Packet(udpIp(4, 4789, vxlan(4097, FRAME)).subarray(20), { id: 7 }), [2, 5, 8]).map(on4);
  const pieces6 = split(ipv6Packet(udpIp(6, 4789, vxlan(4097, FRAME)).subarray(40)), [5]);
  const kinds = [
    overlay(),
    overlay(6, 2),
    overlay(4, 3, arp('10.0.9.9')),
    overlay(4, 4, ethernet(new Uint8Array(0), 0x8100)),
    ...pieces,
    ...pieces6.map((part) => ethernet(part, 0x86dd)),
    on4(ip(4, 50, esp(1, 2))),
    on4(udpIp(4, 4500, esp(3, 4))),
    on4(udpIp(4, 53, noise(9, 1))),
    on4(udpIp(4, 4789, vxlan(1, FRAME, 0))),
    new Uint8Array(3),
  ];
  const record = fc.record({
    packet: fc.constantFrom(...kinds),
    time: fc.integer({ min: 0, max: 100 }).map((seconds) => seconds * 1e9),
    captured: fc.constantFrom(undefined, undefined, undefined, 60, 3),
  });
  const captures = fc.array(record, { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(captures, fc.constantFrom(1, 3, 100), async (records, maxRows) => {
      const cut = records.map(({ packet, time, captured }) =>
        captured === undefined ? { packet, time } : { packet, time, captured: Math.min(captured, packet.length) },
      );
      const report = await surveyOf(cut, { maxRows });
      const { networks, tunnels, endpoints } = report;
      assert.ok([networks, tunnels, endpoints, report.esp].every((rows) => rows.length <= maxRows));
      if (maxRows < 100) return;
      // With room for all, each table has each frame.
      const sum = (rows: readonly { frames: number }[]): number => rows.reduce((total, row) => total + row.frames, 0);
      const cutFrames = networks.reduce((total, row) => total + row.truncated, 0);
      assert.equal(sum(networks), report.frames + cutFrames);
      assert.equal(sum(tunnels), sum(networks));
      assert.equal(report.sizes.inner.count, sum(networks));
      assert.equal(report.sizes.wire.count, report.packets);
      for (const { classes, count } of [report.sizes.wire, report.sizes.inner]) {
        assert.equal(
          classes.reduce((total, row) => total + row.count, 0),
          count,
        );
      }
    }),
    { seed: 20261121, numRuns: 300 },
  );
});

test('every bound is the last size of its class, and the class names leave no gap', () => {
  SIZE_BOUNDS.forEach((bound, index) => {
    for (const [bytes, expected] of [
      [bound, index],
      [bound + 1, index + 1],
    ]) {
      const table = new SizeTable();
      table.add(bytes);
      assert.equal(table.counts.indexOf(1), expected);
    }
  });
  const names = Array.from({ length: SIZE_BOUNDS.length + 1 }, (_, index) => sizeClassName(index));
  names.slice(0, -1).forEach((name, i) => {
    const [, to] = name.split('-').map(Number);
    assert.ok(names[i + 1].startsWith(`${to + 1}`));
  });
});

test('formats 1970, the last time in pcap, a five-digit year, and times beyond all dates', () => {
  assert.equal(formatTime(0, 0), '1970-01-01T00:00:00.000000000Z');
  assert.equal(formatTime(0xffffffff, 999_999_999), '2106-02-07T06:28:15.999999999Z');
  assert.equal(formatTime(253_402_300_800, 7), '+010000-01-01T00:00:00.000000007Z');
  assert.equal(formatTime(8_640_000_000_000, 0), '+275760-09-13T00:00:00.000000000Z');
  assert.equal(formatTime(8_640_000_000_001, 5), '8640000000001.000000005');
});
