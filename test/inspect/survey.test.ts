import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { CaptureBatch, MemoryReader, openCapture, openCaptureFile, PcapWriter } from '../../src/capture/index.js';
import { packetLine, Survey, type SurveyOptions, type SurveyReport } from '../../src/inspect/index.js';
import { sizeClassName, SizeTable } from '../../src/inspect/size-table.js';
import { formatTime } from '../../src/inspect/capture-clock.js';
import { ethernet, FRAME, ip, join, overlay, udpIp, vxlan } from '../dataplane/build.js';
import { fixture } from '../repository.js';

async function survey(path: string, options?: SurveyOptions): Promise<SurveyReport> {
  const source = await openCaptureFile(fixture(path));
  const counts = new Survey(options);
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) counts.addBatch(batch);
  await source.close();
  return counts.report(source);
}

/** A survey of the packets of a test. */
async function surveyOf(
  packets: readonly Uint8Array[],
  options?: SurveyOptions,
  times: readonly (readonly [seconds: number, nanoseconds: number])[] = packets.map((_, i) => [i, 0]),
): Promise<SurveyReport> {
  const parts: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => parts.push(bytes.slice()), { nanoseconds: true });
  packets.forEach((packet, i) => writer.write(packet, 0, packet.length, packet.length, ...times[i]));
  writer.flush();
  const source = await openCapture(new MemoryReader(Buffer.concat(parts)));
  const counts = new Survey(options);
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) counts.addBatch(batch);
  return counts.report(source);
}

const codes = (report: SurveyReport): string[] => report.problems.map(({ code, count }) => `${code} ${count}`);

describe('a survey', () => {
  for (const folder of ['vxlan', 'esp', 'docker']) {
    test(`of every recording in ${folder}/: the accounting adds up, and the report is plain data`, async () => {
      for (const name of readdirSync(fixture(folder)).filter((file) => /\.pcap(ng)?$/.test(file))) {
        const report = await survey(`${folder}/${name}`);
        const { inFrames, esp, other, held, filtered, dropped } = report.accounting;
        const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
        assert.equal(report.packets, inFrames + esp + other + held + filtered + lost, name);
        assert.equal(
          report.networks.reduce((sum, row) => sum + row.frames - row.truncated, 0),
          report.frames,
        );
        assert.deepEqual(JSON.parse(JSON.stringify(report)), report, name);
      }
    });
  }

  test("of Docker's encrypted network: SPIs with their sequence numbers, and Swarm's own traffic", async () => {
    const report = await survey('docker/07-encrypted.underlay.pcap');
    assert.deepEqual(
      report.esp.map(({ spi, source, packets, firstSequence, lastSequence }) => [
        spi,
        source,
        packets,
        firstSequence,
        lastSequence,
      ]),
      [
        ['0xc207fc1c', '192.168.50.1', 44, 1, 44],
        ['0x98a1ca54', '192.168.50.2', 82, 1, 82],
      ],
    );
    assert.equal(report.otherTraffic[0].name, 'Swarm gossip (UDP 7946)');
    assert.deepEqual(codes(report), ['ESP_WITHOUT_KEYS 126']);
    assert.equal(report.problems[0].severity, 'note');
  });

  test('of offloads left on: partial checksums and super-frames are notes, not warnings', async () => {
    const report = await survey('vxlan/60-offload-on-http.underlay.pcap');
    assert.deepEqual(codes(report), ['CHECKSUM_PARTIAL 37', 'SUPER_FRAMES 10']);
    assert.ok(report.problems.every(({ severity }) => severity === 'note'));
    const udp = report.checksums.find(({ name }) => name === 'outer UDP');
    assert.deepEqual([udp?.good, udp?.partial, udp?.bad], [17, 10, 0]);
  });

  test('of fragments lost, reordered and duplicated', async () => {
    const report = await survey('esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap');
    assert.deepEqual(report.fragments, { fragments: 120, reassembled: 55, held: 7, inner: 0 });
    assert.deepEqual(codes(report), ['DUP_FRAG 3', 'FRAGMENTS_HELD 7']);
  });

  test('of frames truncated by the snaplen: they are still counted by network', async () => {
    const report = await survey('vxlan/10-formats.snap96.pcap');
    assert.deepEqual(
      report.networks.map(({ vni, frames, truncated }) => [vni, frames, truncated]),
      [
        [4097, 22, 22],
        [4098, 4, 4],
      ],
    );
    assert.deepEqual(codes(report), ['CAPTURE_TRUNCATED 26']);
  });

  test('of a learning overlay notes the inner ARP', async () => {
    const report = await survey('vxlan/20-learning-arp-icmp.underlay.pcap');
    assert.deepEqual(codes(report), ['ARP_IN_TUNNEL 11']);
    assert.ok(report.endpoints.every(({ ip }) => ip !== null));
  });

  test('counts a move of an endpoint that sends from behind another VTEP', async () => {
    const moved = overlay();
    moved.set([192, 168, 50, 77], 14 + 12);
    const report = await surveyOf([overlay(), overlay(), moved]);
    assert.equal(report.endpoints[0].vtep, '192.168.50.77');
    assert.equal(report.endpoints[0].moves, 1);
    assert.ok(codes(report).includes('ENDPOINT_MOVED 1'));
  });

  test('warns of a source MAC that is a group or zero: the kernel drops it', async () => {
    const frame = (mac: string): Uint8Array => ethernet(FRAME.subarray(14), 0x0800, mac);
    const report = await surveyOf([
      overlay(4, 1, frame('03:00:00:00:00:01')),
      overlay(4, 1, frame('00:00:00:00:00:00')),
    ]);
    assert.ok(codes(report).includes('MAC_INVALID_SOURCE 2'));
  });

  test("tables are bounded, and what doesn't fit is counted", async () => {
    const packets = Array.from({ length: 10 }, (_, i) => overlay(4, 100 + i));
    const report = await surveyOf(packets, { maxRows: 3 });
    assert.equal(report.networks.length, 3);
    assert.equal(report.frames, 10);
    assert.ok(codes(report).some((code) => code.startsWith('TABLE_FULL')));
  });

  test('notes packets older than an earlier one', async () => {
    const parts: Uint8Array[] = [];
    const writer = new PcapWriter((bytes) => parts.push(bytes.slice()));
    const packet = overlay();
    for (const seconds of [5, 4, 6]) writer.write(packet, 0, packet.length, packet.length, seconds, 0);
    writer.flush();
    const source = await openCapture(new MemoryReader(Buffer.concat(parts)));
    const counts = new Survey();
    counts.addBatch((await source.next()) ?? new CaptureBatch());
    assert.deepEqual(codes(counts.report(source)), ['TIME_BACKWARDS 1']);
  });
});

describe('diagnostics for captures of other kinds', () => {
  const on4 = (packet: Uint8Array): Uint8Array => ethernet(packet, 0x0800);
  const noteOf = (report: SurveyReport, code: string): string =>
    report.problems.find((problem) => problem.code === code)?.message ?? '';

  test('IP lengths of 0, outer and inner, are a note; the frames count, and no checksum is reported as wrong', async () => {
    const inner = on4(udpIp(4, 8080, new Uint8Array(3000), 0x1234, '10.0.9.3', '10.0.9.4'));
    inner.set([0, 0], 16);
    const whole = overlay(4, 4097, inner);
    const outside = on4(udpIp(4, 4789, vxlan(4097, inner), 0x1234));
    outside.set([0, 0], 16);
    outside.set([0, 0], 38);
    const report = await surveyOf([whole, outside]);
    assert.deepEqual(report.accounting.dropped, {});
    assert.equal(report.frames, 2);
    assert.ok(report.problems.every(({ severity }) => severity === 'note'));
    assert.ok(codes(report).includes('LENGTH_UNSET 2'));
    assert.deepEqual(
      report.endpoints.map(({ ip: address }) => address),
      ['10.0.9.3', '10.0.9.4'],
    );
  });

  test('VXLAN on another port: the number of packets, the port, and the option that decodes them', async () => {
    const packets = [1, 2, 3].map(() => on4(udpIp(4, 8472, vxlan(257, FRAME))));
    const report = await surveyOf(packets);
    assert.deepEqual(report.vxlanPorts, [{ port: 8472, packets: 3, vnis: [257] }]);
    assert.match(
      noteOf(report, 'VXLAN_OTHER_PORT'),
      /port 8472 look like VXLAN of VNI 257 .*: decode them with --port 8472$/,
    );
    assert.equal((await surveyOf(packets, { port: [4789, 8472] })).frames, 3);
  });

  test('VXLAN in GRE: the frame, and its encapsulation', async () => {
    const gre = ip(4, 47, join(Uint8Array.of(0, 0, 0x65, 0x58), overlay()));
    const report = await surveyOf([on4(gre), on4(ip(4, 47, Uint8Array.of(0, 0, 0x99, 0x99)))]);
    assert.equal(report.frames, 1);
    assert.match(noteOf(report, 'ENCAPSULATED'), /: GRE$/);
    assert.deepEqual(report.otherTraffic, [{ name: 'GRE', packets: 1, bytes: 38 }]);
  });

  test('a network that was not requested is filtered: neither a drop nor a problem', async () => {
    const report = await surveyOf([overlay(4, 4097), overlay(4, 9), overlay(4, 9)], { vni: 4097 });
    assert.deepEqual(report.accounting, { inFrames: 1, esp: 0, other: 0, held: 0, filtered: 2, dropped: {} });
    assert.deepEqual(report.filtered, [{ vni: 9, packets: 2 }]);
    assert.deepEqual(report.problems, []);
  });

  test('reserved bits: their VNIs, and whether a group policy set them', async () => {
    const report = await surveyOf([on4(udpIp(4, 4789, vxlan(5001, FRAME, 0x88)))]);
    assert.match(
      noteOf(report, 'VXLAN_RESERVED_BITS'),
      /: VNI 5001; 1 carry a group policy, which Linux accepts with `gbp`$/,
    );
  });

  test('first and last times are the earliest and the latest, whatever the file order', async () => {
    const times = [
      [1000, 500],
      [1000, 499],
      [2000, 7],
      [999, 3],
      [1500, 0],
    ] as const;
    const report = await surveyOf(
      times.map(() => overlay()),
      {},
      times,
    );
    assert.deepEqual(
      [report.firstTime, report.lastTime],
      ['1970-01-01T00:16:39.000000003Z', '1970-01-01T00:33:20.000000007Z'],
    );
    assert.equal(report.durationSeconds, 1001.000000004);
    assert.ok(codes(report).includes('TIME_BACKWARDS 3'));
  });
});

test('counts sizes in their classes', () => {
  const table = new SizeTable();
  for (const bytes of [0, 63, 64, 1518, 1519, 9216, 9217]) table.add(bytes);
  assert.deepEqual([...table.counts], [2, 1, 0, 0, 0, 1, 2, 1]);
  assert.deepEqual([sizeClassName(0), sizeClassName(5), sizeClassName(7)], ['0-63', '1024-1518', '9217+']);
  assert.deepEqual([table.smallest, table.largest], [0, 9217]);
});

test('times are ISO 8601 with nanoseconds', () => {
  assert.equal(formatTime(1_700_000_000, 123_456_789), '2023-11-14T22:13:20.123456789Z');
  assert.equal(formatTime(1e15, 1), '1000000000000000.000000001');
});

describe('a packet line', () => {
  async function lines(path: string): Promise<string[]> {
    const source = await openCaptureFile(fixture(path));
    const counts = new Survey();
    const found: string[] = [];
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      for (let i = 0; i < batch.count; i++) {
        const verdict = counts.add(batch, i);
        const link = batch.linkType[i] === 1 ? batch.offset[i] : -1;
        const context = { number: found.length + 1, time: 0, length: batch.originalLength[i], link };
        found.push(packetLine(counts.decoder, verdict, counts.inner, context).slice(18).trim());
      }
    }
    await source.close();
    return found;
  }

  const CASES: [string, number, string][] = [
    [
      'vxlan/01-icmp.underlay.pcap',
      0,
      '02:00:00:00:50:01 → ff:ff:ff:ff:ff:ff ARP      42 who has 192.168.50.2? tell 192.168.50.1',
    ],
    [
      'vxlan/03-http-200k.underlay.pcap',
      0,
      '192.168.50.1 → 192.168.50.2    VXLAN   124 vni 4097 10.0.9.3 → 10.0.9.4 TCP',
    ],
    ['docker/07-encrypted.underlay.pcap', 581, '192.168.50.1 → 192.168.50.2    ESP     174 SPI=0xc207fc1c seq=1'],
    [
      'esp/20-vlan-inner-proxy.underlay.pcap',
      2,
      '192.168.50.1 → 192.168.50.2    VXLAN   152 vni 4097 10.100.0.3 → 10.100.0.4 ICMP vlan 100 echo request',
    ],
    [
      'esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap',
      10,
      '192.168.50.1 → 192.168.50.2    IPv4    612 fragment id=0xfefd off=880 last [dropped: DUP_FRAG]',
    ],
    [
      'esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap',
      5,
      '192.168.50.1 → 192.168.50.2    VXLAN   914 vni 4097 10.0.9.3 → 10.0.9.4 ICMP echo request id=0x0c74 seq=2 [of 2 fragments]',
    ],
    ['vxlan/50-ipv6-underlay.underlay.pcap', 0, 'fd50::1 → ff02::1:ff00:2  ICMPv6   86 who has fd50::2?'],
  ];
  for (const [path, index, start] of CASES) {
    test(`${path}, packet ${index + 1}`, async () => {
      const line = (await lines(path))[index];
      assert.ok(line.startsWith(start), line);
    });
  }
});
