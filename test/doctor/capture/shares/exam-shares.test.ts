/** An exam by several threads finds what one finds, or says that it can't. */
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
} from '../../../../src/capture/index.js';
import type { CaptureExamOptions } from '../../../../src/doctor/capture/index.js';
import type { CaptureEvidence } from '../../../../src/doctor/evidence/capture.js';
import { CaptureExam, InnerOwners } from '../../../../src/doctor/internal.js';
import type { GenerateOptions } from '../../../../src/generate/index.js';
import { generated } from '../../../generate/generated.js';
import { fixture, ROOT } from '../../../repository.js';

const NAMES = readdirSync(join(ROOT, 'fixtures'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.pcap(ng)?$/.test(name))
  .sort();

type Open = () => Promise<PacketSource>;
type Start = Parameters<CaptureExam['begin']>[0];

async function alone(
  open: Open,
  options: CaptureExamOptions,
): Promise<{ found: CaptureEvidence; start: Start | undefined }> {
  const exam = new CaptureExam(options);
  const source = await open();
  let start: Start | undefined;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    if (start === undefined) {
      // Where the threads' surveys begin.
      const probe = new CaptureExam(options);
      probe.addBatch(batch);
      start = probe.survey.start;
    }
    exam.addBatch(batch);
  }
  await source.close();
  return { found: exam.report(source), start };
}

/** What several threads find; undefined if it wouldn't be exact. */
async function shared(
  open: Open,
  options: CaptureExamOptions,
  start: Start,
  workers: number,
): Promise<{ found: CaptureEvidence; others: number } | undefined> {
  const exams: CaptureExam[] = [];
  const sources: PacketSource[] = [];
  for (let worker = 0; worker < workers; worker++) {
    const exam = new CaptureExam(options);
    exam.begin(start);
    const owners = new InnerOwners(workers, options.port);
    const source = await open();
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      exam.addShare(batch, owners, worker);
    }
    await source.close();
    exams.push(exam);
    sources.push(source);
  }
  // As they are passed between threads.
  const parts = structuredClone(exams.slice(1).map((exam) => exam.part()));
  const others = parts.reduce((sum, { survey }) => sum + survey.decoder.packets, 0);
  return exams[0].merge(parts) ? { found: exams[0].report(sources[0]), others } : undefined;
}

/** Compares one thread with several; returns how often they could share the work, and how much of it others did. */
async function compare(
  name: string,
  open: Open,
  options: CaptureExamOptions = {},
): Promise<[merged: number, others: number]> {
  const { found, start } = await alone(open, options);
  if (start === undefined) return [0, 0];
  let [merged, others] = [0, 0];
  for (const workers of [2, 5]) {
    const result = await shared(open, options, start, workers);
    if (result === undefined) continue;
    merged++;
    others += result.others;
    assert.deepEqual(result.found, found, `${name}, ${workers} threads`);
    assert.equal(JSON.stringify(result.found), JSON.stringify(found), `${name}: order of keys`);
  }
  return [merged, others];
}

describe('the shares of several threads', () => {
  test('merge to what one thread finds, for every recording', async () => {
    let [merged, elsewhere] = [0, 0];
    for (const name of NAMES) {
      try {
        const [times, others] = await compare(name, () => openCaptureFile(fixture(name)));
        merged += times;
        elsewhere += others;
      } catch (error) {
        // Recordings of damaged files.
        if (!(error instanceof CaptureError)) throw error;
      }
    }
    assert.ok(merged > NAMES.length, `${merged} merged`);
    assert.ok(elsewhere > 500, `${elsewhere} packets elsewhere`);
  });

  const traffic: GenerateOptions = {
    packets: 3000,
    flows: 60,
    nodes: 3,
    endpoints: 20,
    retransmissions: 0.2,
    traffic: { tcp: 3, udp: 1, dns: 1, icmp: 1 },
  };
  const made = (options: GenerateOptions): Open => {
    const { bytes } = generated({ ...traffic, ...options });
    return () => openCapture(new MemoryReader(bytes));
  };

  for (const fault of [
    'retransmission-storm',
    'dns-timeouts',
    'one-sided-traffic',
    'checksum-broken-by-offload',
    'vxlan-reserved-bits',
    'idle-connection-cut',
    'wrong-port',
    'gossip-one-way',
    'vip-as-destination',
    'outer-source-not-vtep',
    'arp-in-tunnel',
    'unknown-spi',
    'replayed-packets',
  ] as const) {
    test(`merge to what one thread finds, with ${fault}`, async () => {
      const [merged, others] = await compare(fault, made({ faults: [fault] }));
      assert.equal(merged, 2);
      assert.ok(others > 500, `${others} packets elsewhere`);
    });
  }

  test('merge to what one thread finds over IPv6', async () => {
    assert.equal((await compare('IPv6', made({ ipv6: true })))[0], 2);
  });

  for (const fault of ['duplicate-address', 'endpoint-moved', 'icmp-too-big-ignored', 'mtu-too-big'] as const) {
    test(`are right or refused where packets of several threads depend on each other: ${fault}`, async () => {
      await compare(fault, made({ faults: [fault] }));
    });
  }
});
