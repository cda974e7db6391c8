import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import {
  type CaptureIndex,
  CollectedIndex,
  FLOW_REVERSED,
  NO_FLOW,
  NO_ID,
  PacketMark,
  PacketPart,
  PART_PACKETS,
} from '../../../../native-free/explorer/index/index.js';
import { batchesOf, MemoryReader, openCapture, PcapWriter } from '../../../../src/capture/portable.js';
import { dropReasonName, Verdict } from '../../../../src/dataplane/index.js';
import type { SurveyReport } from '../../../../src/inspect/index.js';
import { formatIp, IpProtocol } from '../../../../src/wire/index.js';
import { fixture } from '../../../repository.js';
import { indexed } from '../indexed.js';

/** Recordings of every kind: clear, encrypted, fragments, IPv6, odd link types and times, truncated. */
const RECORDINGS = [
  'docker/01-swarm-init-join.underlay.pcap',
  'docker/03-vip-http.underlay.pcap',
  'docker/07-encrypted.esp.pcap',
  'esp/09-esp-frag-1500.underlay.pcap',
  'esp/13-esp-natt.underlay.pcap',
  'esp/14-esp-ipv6.underlay.pcap',
  'esp/16-vxlan-frag-reorder-dup-loss.underlay.pcap',
  'vxlan/05-dns.underlay.pcap',
  'vxlan/09-ipv6-inner-proxy.underlay.pcap',
  'vxlan/10-formats.dumpcap.pcapng',
  'vxlan/10-formats.modified-kuznetzov.pcap',
  'vxlan/10-formats.snap96.pcap',
  'vxlan/11-any-sll2.pcap',
  'vxlan/30-outerfrag-1500-icmp.underlay.pcap',
  'vxlan/40-routed-router-frag.underlay-n2.pcap',
  'vxlan/50-ipv6-underlay.underlay.pcap',
  'vxlan/60-offload-on-http.underlay.pcap',
] as const;

/** Those that a reader has to take as they are. */
const ODD = readdirSync(fixture('captures')).map((name) => `captures/${name}`);
/** An inner frame of 80,066 bytes. */
const LONG_FRAME = 'captures/bigtcp-ipv4-vxlan-ipv4.pcap.gz';

interface Row {
  readonly part: PacketPart;
  readonly at: number;
}

function rowsOf({ parts }: CaptureIndex): Row[] {
  return parts.flatMap((part) => Array.from({ length: part.count }, (_, at) => ({ part, at })));
}

function count(rows: readonly Row[], matches: (part: PacketPart, at: number) => boolean): number {
  return rows.filter(({ part, at }) => matches(part, at)).length;
}

function sum(rows: readonly Row[], value: (part: PacketPart, at: number) => number): number {
  return rows.reduce((total, { part, at }) => total + value(part, at), 0);
}

/** What an index and a survey have in common, by the index. */
function countsOfIndex(index: CaptureIndex): object {
  const rows = rowsOf(index);
  const { networks, tunnels, sas, flows } = index.tables;
  const hasMark = (mark: number) => (part: PacketPart, at: number) => (part.marks[at] & mark) !== 0;
  const dropped: Record<string, number> = {};
  for (const { part, at } of rows) {
    if (part.verdict[at] !== Verdict.Dropped || hasMark(PacketMark.Fragment)(part, at)) continue;
    const name = dropReasonName(part.reason[at]);
    dropped[name] = (dropped[name] ?? 0) + 1;
  }
  return {
    packets: rows.length,
    bytes: sum(rows, (part, at) => part.length[at]),
    frames: count(rows, (part, at) => part.verdict[at] === Verdict.Frame),
    dropped,
    networks: networks
      .map((vni, id) => {
        const own = rows.filter(({ part, at }) => part.network[at] === id);
        return { vni, frames: own.length, bytes: sum(own, (part, at) => part.inner[at]) };
      })
      .sort((a, b) => a.vni - b.vni),
    tunnels: tunnels
      .map(({ source, destination }, id) => ({
        source,
        destination,
        frames: count(rows, (part, at) => part.tunnel[at] === id && part.network[at] !== NO_ID),
        espPackets: count(rows, (part, at) => part.tunnel[at] === id && hasMark(PacketMark.Encrypted)(part, at)),
      }))
      .filter(({ frames, espPackets }) => frames + espPackets > 0)
      .sort(byText),
    sas: sas
      .map(({ spi, destination, inUdp }, id) => ({
        spi,
        destination,
        inUdp,
        packets: count(rows, (part, at) => part.sa[at] === id),
      }))
      .sort(byText),
    fragments: count(rows, hasMark(PacketMark.Fragment)),
    reassembled: count(rows, hasMark(PacketMark.Reassembled)),
    flows: flows.count > 0,
  };
}

function byText(a: object, b: object): number {
  return JSON.stringify(a) < JSON.stringify(b) ? -1 : 1;
}

/** The same, by the survey. */
function countsOfSurvey(survey: SurveyReport, index: CaptureIndex): object {
  return {
    packets: survey.packets,
    bytes: survey.bytes,
    frames: survey.frames,
    dropped: Object.fromEntries(Object.entries(survey.accounting.dropped).filter(([name]) => !name.includes('FRAG'))),
    networks: survey.networks.map(({ vni, frames, bytes }) => ({ vni, frames, bytes })),
    tunnels: survey.tunnels
      .map(({ source, destination, frames, espPackets }) => ({ source, destination, frames, espPackets }))
      .sort(byText),
    sas: survey.esp
      .map(({ spi, destination, inUdp, packets }) => ({ spi: Number(spi), destination, inUdp, packets }))
      .sort(byText),
    fragments: survey.fragments.fragments,
    reassembled: survey.fragments.reassembled,
    flows: index.tables.flows.count > 0,
  };
}

describe('the index', () => {
  for (const name of [...RECORDINGS, ...ODD.filter((odd) => odd !== LONG_FRAME)]) {
    test(`counts what a survey counts: ${name}`, async () => {
      const { index, reports } = await indexed([[name, readFileSync(fixture(name))]]);
      assert.ok(reports !== undefined);
      assert.deepEqual(countsOfIndex(index), countsOfSurvey(reports.survey, index));
    });
  }

  for (const name of ['docker/03-vip-http.underlay.pcap', 'vxlan/40-routed-router-frag.underlay-n2.pcap']) {
    test(`has the conversations of a survey as flows, in both directions: ${name}`, async () => {
      const { index, reports } = await indexed([[name, readFileSync(fixture(name))]]);
      const { flows } = index.tables;
      const rows = rowsOf(index);
      const counted = new Map<string, number>();
      for (const { part, at } of rows) {
        if (part.flow[at] === NO_FLOW) continue;
        const id = part.flow[at] & ~FLOW_REVERSED;
        const from = part.flow[at] >= FLOW_REVERSED ? 1 : 0;
        // A survey doesn't tell pings apart.
        const hasPorts = flows.protocol[id] === IpProtocol.Tcp || flows.protocol[id] === IpProtocol.Udp;
        const [source, destination] = [from, 1 - from].map((side) => {
          const address = formatIp(flows.family[id], flows.address, 16 * (2 * id + side));
          return `${address} ${hasPorts ? flows.port[2 * id + side] : null}`;
        });
        const way = `${flows.vni[id] < 0 ? null : flows.vni[id]} ${flows.protocol[id]} ${source} > ${destination}`;
        counted.set(way, (counted.get(way) ?? 0) + 1);
      }
      const expected = (reports?.survey.flows?.conversations ?? []).flatMap(({ vni, protocolNumber, a, b }) =>
        [
          [a, b],
          [b, a],
        ].map(([from, to]): [string, number] => [
          `${vni} ${protocolNumber} ${from.address} ${from.port} > ${to.address} ${to.port}`,
          from.packets,
        ]),
      );
      assert.ok(expected.length > 0);
      assert.deepEqual([...counted].sort(), expected.filter(([, packets]) => packets > 0).sort());
      for (const { part, at } of rows)
        assert.ok(part.flow[at] === NO_FLOW || (part.flow[at] & ~FLOW_REVERSED) < flows.count);
    });
  }

  test('has 65,535 for the length of a longer inner frame', async () => {
    const { index } = await indexed([[LONG_FRAME, readFileSync(fixture(LONG_FRAME))]]);
    const [{ part }] = rowsOf(index);
    assert.equal(part.inner[0], 65_535);
    assert.equal(part.length[0], 80_116);
  });

  test('says where the bytes of every packet are', async () => {
    for (const name of RECORDINGS) {
      const bytes = readFileSync(fixture(name));
      const { index } = await indexed([[name, bytes]]);
      const rows = rowsOf(index);
      let number = 0;
      for await (const batch of batchesOf(await openCapture(new MemoryReader(bytes)))) {
        for (let i = 0; i < batch.count; i++, number++) {
          const { part, at } = rows[number];
          const packet = batch.bytes.subarray(batch.offset[i], batch.offset[i] + batch.capturedLength[i]);
          const found = bytes.subarray(part.position[at], part.position[at] + part.captured[at]);
          assert.ok(Buffer.from(packet).equals(found), `${name}: packet ${number}`);
        }
      }
      assert.equal(number, rows.length);
    }
  });

  test('has one row per packet of all files, in order, with times since the first', async () => {
    const names = ['vxlan/01-icmp.underlay.pcap', 'vxlan/10-formats.dumpcap.pcapng', 'vxlan/01-icmp.underlay.pcap'];
    const files = names.map((name) => [name, readFileSync(fixture(name))] as const);
    const { index, reports } = await indexed(files);
    const rows = rowsOf(index);
    const starts = index.tables.files.map(({ firstPacket }) => firstPacket);
    assert.deepEqual(
      rows.map(({ part, at }) => part.file[at]),
      rows.map((_, number) => starts.filter((start) => start <= number).length - 1),
    );
    assert.deepEqual(
      index.tables.files.map(({ name, format }) => `${name} ${format}`),
      [`${names[0]} pcap`, `${names[1]} pcapng`, `${names[2]} pcap`],
    );
    assert.equal(reports?.survey.packets, rows.length);
    const third = rows.slice(starts[2]);
    third.forEach(({ part, at }, n) => {
      assert.equal(part.time[at], rows[n].part.time[rows[n].at]);
    });
    assert.equal(rows[0].part.time[0], 0);
    for (const { part, at } of rows) assert.equal(index.tables.interfaces[part.interface[at]].file, part.file[at]);
  });

  test('has the same columns if the captures are examined at the same time', async () => {
    const name = 'docker/07-encrypted.esp.pcap';
    const files = [[name, readFileSync(fixture(name))]] as const;
    const alone = await indexed(files, { work: 'index' });
    const both = await indexed(files);
    assert.equal(alone.reports, undefined);
    assert.deepEqual(alone.index, both.index);
  });

  test('does not list the networks, directions and flows that its tables have no room for, and counts their packets', async () => {
    const name = 'vxlan/01-icmp.underlay.pcap';
    const recorded = readFileSync(fixture(name));
    const frame = rowsOf((await indexed([[name, recorded]])).index).find(({ part, at }) => part.network[at] !== NO_ID);
    assert.ok(frame !== undefined);
    const position = frame.part.position[frame.at];
    const length = frame.part.captured[frame.at];
    const packet = Uint8Array.from(recorded.subarray(position, position + length));
    const frames = 66_000;
    const chunks: Uint8Array[] = [];
    const writer = new PcapWriter((bytes) => void chunks.push(bytes.slice()));
    const view = new DataView(packet.buffer);
    for (let n = 0; n < frames; n++) {
      view.setUint32(46, n << 8);
      writer.write(packet, 0, length, length, 0, 0);
    }
    writer.flush();
    const { index } = await indexed([['many.pcap', Buffer.concat(chunks)]], { work: 'index' });
    const rows = rowsOf(index);
    assert.equal(index.tables.networks.length, NO_ID);
    assert.equal(index.tables.unlisted, frames - NO_ID);
    assert.equal(
      count(rows, (part, at) => part.network[at] === NO_ID),
      frames - NO_ID,
    );
    assert.equal(index.parts.length, 2);
    assert.equal(index.parts[0].count, PART_PACKETS);
  });
});

describe('CollectedIndex', () => {
  test('joins parts of any size into parts of one size', () => {
    const index = new CollectedIndex();
    const { tables } = index;
    for (let n = 0, number = 0; n < 5; n++) {
      const part = new PacketPart(30_000);
      part.count = 30_000;
      for (let at = 0; at < part.count; at++) part.position[at] = number++;
      index.add(part, tables);
    }
    assert.equal(index.packets, 150_000);
    assert.deepEqual(
      index.parts.map((part) => part.count),
      [PART_PACKETS, PART_PACKETS, 150_000 - 2 * PART_PACKETS],
    );
    for (const number of [0, 65_535, 65_536, 131_072, 149_999]) {
      assert.equal(index.parts[number >> 16].position[number & 0xffff], number);
    }
  });
});
