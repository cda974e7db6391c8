/** What an exam found is the same after it was sent to another process. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { deserialize, serialize } from 'node:v8';
import type { TraceColumns } from '../../../src/doctor/capture/capture-trace.js';
import {
  type CaptureEvidence,
  diagnose,
  DoctorError,
  doctorReport,
  type ExaminedCapture,
  examinedCapture,
  withCaptures,
} from '../../../src/doctor/index.js';
import { examResult, readExamResult } from '../../../src/doctor/internal.js';
import { FAULTS } from '../../../src/generate/index.js';
import { fixture } from '../../repository.js';
import { keysFor } from '../capture/keys.js';
import { recorded } from '../capture/packets.js';
import { examinedFolder } from '../examined-folder.js';
import { examinedCaptures, reportOf } from '../examined.js';

/** As it reaches the process that diagnoses. */
function sent(evidence: CaptureEvidence): CaptureEvidence {
  return readExamResult(deserialize(serialize(examResult(evidence))));
}

function reported(captures: readonly ExaminedCapture[]): string {
  return JSON.stringify(doctorReport(diagnose(withCaptures({ nodes: [], inputs: [] }, captures))));
}

async function examined(path: string): Promise<ExaminedCapture> {
  const evidence = await recorded(path, { ...keysFor(path), trace: true });
  return examinedCapture([{ path, node: undefined }], evidence);
}

function afterSending(one: ExaminedCapture): ExaminedCapture {
  return examinedCapture([{ path: one.summary.file, node: one.node }], sent(one.evidence));
}

describe('the result of an exam that was sent', () => {
  for (const folder of ['vxlan', 'esp', 'docker', 'services', 'gossip']) {
    test(`gives the same diagnosis, for each recording in ${folder}/ and for two of them together`, async () => {
      const names = readdirSync(fixture(folder)).filter((name) => /\.pcap(?:ng)?$/.test(name));
      let before: readonly [ExaminedCapture, ExaminedCapture] | undefined;
      for (const name of names) {
        const here = await examined(`${folder}/${name}`);
        const there = afterSending(here);
        assert.equal(JSON.stringify(there.evidence), JSON.stringify(here.evidence), name);
        assert.equal(there.evidence.trace?.size, here.evidence.trace?.size);
        assert.equal(reported([there]), reported([here]), name);
        // Recordings of both ends are next to each other.
        if (before !== undefined) assert.equal(reported([before[1], there]), reported([before[0], here]), name);
        before = [here, there];
      }
      assert.ok(names.length > 0);
    });
  }

  test('gives the same diagnosis, for the captures with the dumps of public threads', async () => {
    const root = fixture('doctor');
    let captures = 0;
    for (const entry of readdirSync(root, { withFileTypes: true })) {
      const folder = join(root, entry.name);
      if (!entry.isDirectory() || !readdirSync(folder).some((name) => name.endsWith('.pcap'))) continue;
      const here = doctorReport(await examinedFolder(folder));
      const there = doctorReport(
        await examinedFolder(folder, (evidence) => {
          captures++;
          return sent(evidence);
        }),
      );
      assert.equal(JSON.stringify(there), JSON.stringify(here), entry.name);
    }
    assert.ok(captures > 0);
  });

  test('gives the same diagnosis of every fault, seen from one place or from both ends', async () => {
    for (const [i, { name, needs, twoCaptures = false }] of FAULTS.entries()) {
      const options = { packets: 600, seed: 3, faults: [name], encrypted: needs === 'encrypted' };
      const nodes = twoCaptures || i % 2 === 0 ? ['node3', 'node4'] : [];
      const { captures, networks } = await examinedCaptures(options, nodes);
      const there = captures.map((one) => ({ ...one, evidence: sent(one.evidence) }));
      const [here, after] = [reportOf(captures, networks), reportOf(there, networks)];
      assert.equal(JSON.stringify(after), JSON.stringify(here), name);
    }
  });

  test('has 25 bytes for each packet of the overlay, and little more', async () => {
    const sizeOf = async (packets: number): Promise<number> => {
      const { captures } = await examinedCaptures({ packets, seed: 1, flows: 20, traffic: { udp: 1 } }, ['node1']);
      const [{ evidence }] = captures;
      return serialize(examResult(evidence)).length - 25 * (evidence.trace?.size ?? 0);
    };
    const [few, many] = [await sizeOf(2000), await sizeOf(20_000)];
    assert.ok(many < 2 * few + 16_384, `${few} bytes and ${many} bytes besides the trace`);
  });
});

/** A result whose parts can be replaced. */
interface Result {
  version: number;
  evidence: CaptureEvidence;
  trace: Record<keyof TraceColumns, Int32Array>;
}

describe('reading the result of an exam', () => {
  const bad = (change: (result: Result) => void): void => {
    const result = structuredClone(plain) as Result;
    change(result);
    assert.throws(
      () => readExamResult(result),
      (error) => error instanceof DoctorError && error.code === 'BAD_RESULT',
    );
  };
  let plain: unknown;

  test('takes what an exam returns', async () => {
    plain = examResult(await recorded('vxlan/30-outerfrag-1500-icmp.underlay.pcap', { trace: true }));
    assert.ok(readExamResult(structuredClone(plain)).trace);
  });

  test('refuses what is no result, or one of another version', () => {
    for (const value of [undefined, null, 1, 'x', [], {}, new Map(), { version: 1 }, { version: 2, evidence: {} }]) {
      assert.throws(() => readExamResult(value), DoctorError);
    }
    bad((result) => (result.version = 2));
  });

  test('refuses every property that is missing or of another type', () => {
    const leaves = (value: unknown, path: readonly string[]): string[][] =>
      typeof value !== 'object' || value === null || ArrayBuffer.isView(value)
        ? [[...path]]
        : [
            ...(path.length > 1 ? [[...path]] : []),
            ...Object.entries(value).flatMap(([k, v]) => leaves(v, [...path, k])),
          ];
    const paths = leaves(plain, []);
    let refused = 0;
    for (const path of paths) {
      const result = structuredClone(plain) as Record<string, unknown>;
      let at = result;
      for (const part of path.slice(0, -1)) at = at[part] as Record<string, unknown>;
      at[path[path.length - 1]] = Symbol.iterator;
      assert.throws(() => readExamResult(result), DoctorError, path.join('.'));
      refused++;
    }
    assert.ok(refused > 300, String(refused));
  });

  test('refuses addresses that would be commands, and numbers that are none', () => {
    const set = (row: object, name: string, value: unknown): void => void Reflect.set(row, name, value);
    for (const value of ['10.0.0.1; reboot', '$(reboot)', '10.0.0.1\n', '', '\u001b[2J']) {
      bad((result) => set(result.evidence.frames[0], 'source', value));
    }
    for (const value of [Number.NaN, Infinity, -1, 0.5, 2 ** 60]) {
      bad((result) => set(result.evidence.frames[0], 'count', value));
    }
    bad((result) => set(result.evidence.frames[0], 'packets', [1, 2, 3, 4, 5, 6]));
    bad((result) => set(result.evidence, 'frames', new Array(1_000_000)));
  });

  test('refuses a trace whose columns differ in length, or name directions and kinds that are none', () => {
    bad((result) => (result.trace.first = new Int32Array(1)));
    bad((result) => (result.trace.seconds = new Int32Array(result.trace.first.length)));
    bad((result) => result.trace.tunnels.fill(0xffff));
    bad((result) => result.trace.kinds.fill(0x7f));
    bad((result) => result.trace.numbers.fill(0));
  });
});
