/** A survey by several threads gives the report of one, or says that it can't. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import {
  CaptureError,
  MemoryReader,
  openCapture,
  openCaptureFile,
  type PacketSource,
  PcapWriter,
} from '../../../src/capture/index.js';
import { Survey, type SurveyOptions, type SurveyReport } from '../../../src/inspect/index.js';
import { PlainVxlan } from '../../../src/inspect/internal.js';
import { fixture, ROOT } from '../../repository.js';

const NAMES = readdirSync(join(ROOT, 'fixtures'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.pcap(ng)?$/.test(name))
  .sort();

type Open = () => Promise<PacketSource>;

async function alone(open: Open, options: SurveyOptions): Promise<{ report: SurveyReport; start: Survey['start'] }> {
  const survey = new Survey(options);
  const source = await open();
  let start: Survey['start'];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      survey.add(batch, i);
      start ??= survey.start;
    }
  }
  await source.close();
  return { report: survey.report(source), start };
}

/** The report of several threads' shares, and how many packets the others had; undefined if it wouldn't be exact. */
async function shared(
  open: Open,
  options: SurveyOptions,
  start: NonNullable<Survey['start']>,
  workers: number,
): Promise<{ report: SurveyReport; others: number } | undefined> {
  const surveys: Survey[] = [];
  let first: PacketSource | undefined;
  for (let worker = 0; worker < workers; worker++) {
    const survey = new Survey(options);
    survey.begin(start);
    const owners = new PlainVxlan(workers, options.port);
    const source = await open();
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      survey.addShare(batch, owners, worker);
    }
    await source.close();
    first ??= source;
    surveys.push(survey);
  }
  assert.ok(first !== undefined);
  // As it is passed between threads.
  const parts = structuredClone(surveys.slice(1).map((survey) => survey.part()));
  const others = parts.reduce((sum, part) => sum + part.decoder.packets, 0);
  return surveys[0].merge(parts) ? { report: surveys[0].report(first), others } : undefined;
}

const ETHERNET = '020000000002' + '020000000001' + '0800';

interface Made {
  readonly vni?: number;
  readonly source?: number;
  readonly mac?: number;
  readonly port?: number;
  readonly flags?: string;
  readonly seconds?: number;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

/** A packet from VTEP `source`, with a frame of the container `mac`. */
function packetOf({ vni = 7, source = 1, mac = 1, port = 50_000, flags = '08000000' }: Made): Uint8Array {
  const inner =
    `0242000000ff0242000000${hex(mac, 2)}080045000020000040004011000` +
    `00a00${hex(mac, 4)}0a0000ff` +
    '0001000200080000';
  const vxlan = `${flags}${hex(vni, 6)}00`;
  const udp = 8 + (vxlan.length + inner.length) / 2;
  const ip = `4500${hex(20 + udp, 4)}0000400040110000c0a832${hex(source, 2)}c0a83209`;
  return Buffer.from(`${ETHERNET}${ip}${hex(port, 4)}12b5${hex(udp, 4)}0000${vxlan}${inner}`, 'hex');
}

function captureOf(packets: readonly Made[]): Open {
  const chunks: Uint8Array[] = [];
  const writer = new PcapWriter((bytes) => void chunks.push(Uint8Array.from(bytes)));
  packets.forEach((made, i) => {
    const packet = packetOf(made);
    writer.write(packet, 0, packet.length, packet.length, made.seconds ?? 1000 + Math.floor(i / 10), (i % 10) * 1e8);
  });
  writer.flush();
  const bytes = Buffer.concat(chunks);
  return () => openCapture(new MemoryReader(bytes));
}

/** Reproducible numbers below a limit. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % limit;
  };
}

describe('the shares of several threads', () => {
  test('merge to the report of one thread, for every recording', async () => {
    let merged = 0;
    let elsewhere = 0;
    for (const name of NAMES) {
      const open: Open = () => openCaptureFile(fixture(name));
      try {
        const { report, start } = await alone(open, {});
        if (start === undefined) continue;
        for (const workers of [2, 5]) {
          const result = await shared(open, {}, start, workers);
          if (result === undefined) continue;
          merged++;
          elsewhere += result.others;
          assert.deepEqual(result.report, report, `${name}, ${workers} threads`);
          assert.equal(JSON.stringify(result.report), JSON.stringify(report), `${name}: order of keys`);
        }
      } catch (error) {
        // Recordings of damaged files.
        if (!(error instanceof CaptureError)) throw error;
      }
    }
    assert.ok(merged > 100 && elsewhere > 500, `${merged} merged, ${elsewhere} packets in other threads`);
  });

  test('merge to the report of one thread, for made captures of many networks, VTEPs and endpoints', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const below = numbers(seed);
      const packets = Array.from({ length: 300 }, (): Made => {
        const mac = 1 + below(40);
        // Each endpoint stays behind its VTEP.
        const vni = 1 + below(3);
        // Reserved bits in one network: of equally frequent ones, the order is that of their first packets.
        const flags = vni === 1 && below(10) === 0 ? '08000001' : '08000000';
        return { vni, mac, source: 1 + (mac % 4), port: 49_152 + below(500), flags };
      });
      const open = captureOf(packets);
      for (const options of [{}, { vni: 2 }, { checksums: false }] satisfies SurveyOptions[]) {
        const { report, start } = await alone(open, options);
        assert.ok(start !== undefined);
        const result = await shared(open, options, start, 1 + (seed % 4) + 1);
        // Equally frequent networks, likewise.
        if (result === undefined && options.vni !== undefined) continue;
        assert.ok(result !== undefined && result.others > 0, `seed ${seed}`);
        assert.deepEqual(result.report, report, `seed ${seed}`);
      }
    }
  });

  test('are refused if an endpoint moved between packets of different threads', async () => {
    const packets = Array.from({ length: 200 }, (_, i): Made => ({ source: 1 + (i % 2), port: 49_152 + i }));
    const open = captureOf(packets);
    const { report, start } = await alone(open, {});
    assert.equal(report.endpoints[0].moves, 199);
    assert.ok(start !== undefined);
    assert.equal(await shared(open, {}, start, 3), undefined);
  });

  test('are refused if a table is full, as its rows depend on the order of all packets', async () => {
    const open = captureOf(Array.from({ length: 100 }, (_, i): Made => ({ mac: 1 + i, port: 49_152 + i })));
    const { start } = await alone(open, {});
    assert.ok(start !== undefined);
    assert.equal(await shared(open, { maxRows: 30 }, start, 2), undefined);
    assert.ok((await shared(open, { maxRows: 200 }, start, 2)) !== undefined);
  });

  test('merge to the report of one thread if packets are older than the first one', async () => {
    const packets = Array.from({ length: 50 }, (_, i): Made => ({ port: 49_152 + i, seconds: 1000 - i }));
    const open = captureOf(packets);
    const { report, start } = await alone(open, {});
    assert.deepEqual(start, { seconds: 1000, nanoseconds: 0 });
    const result = await shared(open, {}, start, 2);
    assert.ok(result !== undefined && result.others > 0);
    assert.equal(JSON.stringify(result.report), JSON.stringify(report));
  });
});
