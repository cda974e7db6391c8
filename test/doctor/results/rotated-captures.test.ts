/** Files that a program rotated are one capture. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { MemoryReader, openCapture, type PacketSource } from '../../../src/capture/index.js';
import { CaptureExam, type CaptureExamOptions } from '../../../src/doctor/capture/index.js';
import {
  type CaptureEvidence,
  diagnose,
  doctorReport,
  examinedCapture,
  withCaptures,
} from '../../../src/doctor/index.js';
import { type RotatedFile, rotatedCaptures } from '../../../src/doctor/internal.js';
import { packetsIn, seededCuts, splitCapture } from '../../capture/split-capture.js';
import { generated } from '../../generate/generated.js';
import { fixture } from '../../repository.js';
import { keysFor } from '../capture/keys.js';

function file(path: string, seconds?: number, node?: string): RotatedFile {
  return { path, node, first: seconds === undefined ? undefined : { seconds, nanoseconds: 0 } };
}

/** The paths by capture. */
function grouped(...files: readonly RotatedFile[]): string[] {
  return rotatedCaptures(files).map((group) => group.map(({ path }) => path).join(' '));
}

describe('files are one capture', () => {
  test('if dumpcap, editcap or vtep capture numbered them, in whatever order they are given', () => {
    const [one, two, three] = ['00001_20261121170000', '00002_20261121170100', '00003_20261121170200'].map(
      (name) => `/tmp/ring_${name}.pcapng`,
    );
    assert.deepEqual(grouped(file(three, 30), file(one, 10), file(two, 20)), [`${one} ${two} ${three}`]);
    assert.deepEqual(grouped(file('a_00009.pcap', 1), file('a_00010.pcap', 2)), ['a_00009.pcap a_00010.pcap']);
    const before = ['w_20261121170000_00001.pcapng.gz', 'w_20261121170100_00002.pcapng.gz'];
    assert.deepEqual(grouped(file(before[0], 1), file(before[1], 2)), [before.join(' ')]);
  });

  test('if tcpdump -C numbered them, also when -W made it begin again', () => {
    assert.deepEqual(grouped(file('w.pcap', 1), file('w.pcap1', 2), file('w.pcap2', 3)), ['w.pcap w.pcap1 w.pcap2']);
    assert.deepEqual(grouped(file('w.pcap0', 40), file('w.pcap1', 20), file('w.pcap2', 30)), [
      'w.pcap1 w.pcap2 w.pcap0',
    ]);
  });

  test('unless one is missing between them', () => {
    assert.deepEqual(grouped(file('r_00001.pcap', 1), file('r_00002.pcap', 2), file('r_00004.pcap', 4)), [
      'r_00001.pcap r_00002.pcap',
      'r_00004.pcap',
    ]);
    assert.deepEqual(grouped(file('w.pcap0', 40), file('w.pcap1', 20), file('w.pcap3', 30)), [
      // The last one before it began again.
      'w.pcap3 w.pcap0',
      'w.pcap1',
    ]);
  });

  test('unless their times say otherwise, or they have none', () => {
    assert.deepEqual(grouped(file('r_00001.pcap', 2), file('r_00002.pcap', 1)), ['r_00001.pcap', 'r_00002.pcap']);
    assert.deepEqual(grouped(file('r_00001.pcap'), file('r_00002.pcap')), ['r_00001.pcap', 'r_00002.pcap']);
    // A program that was started twice.
    const names = ['00001_20261121170000', '00002_20261121170100', '00001_20261121180000', '00002_20261121180100'];
    const [a, b, c, d] = names.map((name) => `r_${name}.pcap`);
    assert.deepEqual(grouped(file(a, 1), file(b, 2), file(c, 3), file(d, 4)), [`${a} ${b}`, `${c} ${d}`]);
  });

  test('unless they are of different nodes, folders or names', () => {
    assert.deepEqual(grouped(file('r_00001.pcap', 1, 'one'), file('r_00002.pcap', 2, 'two')), [
      'r_00001.pcap',
      'r_00002.pcap',
    ]);
    assert.deepEqual(grouped(file('a/r_00001.pcap', 1), file('b/r_00002.pcap', 2)), [
      'a/r_00001.pcap',
      'b/r_00002.pcap',
    ]);
    for (const names of [
      ['node1.pcap', 'node2.pcap'],
      ['node_1.pcap', 'node_2.pcap'],
      ['a_00001.pcap', 'b_00002.pcap'],
      ['r_00001.pcap', 'r_00002.pcapng'],
      ['wire.1.pcap', 'wire.2.pcap'],
    ]) {
      assert.deepEqual(grouped(file(names[0], 1), file(names[1], 2)), names);
    }
  });
});

async function examined(parts: readonly Uint8Array[], options: CaptureExamOptions): Promise<CaptureEvidence> {
  const exam = new CaptureExam(options);
  const sources: PacketSource[] = [];
  for (const part of parts) {
    if (sources.length > 0) exam.endFile();
    const source = await openCapture(new MemoryReader(part));
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) exam.addBatch(batch);
    sources.push(source);
  }
  return exam.report(sources as [PacketSource, ...PacketSource[]]);
}

/** Without what names files. */
function unnamed({ files, survey, ...evidence }: CaptureEvidence): unknown {
  assert.notEqual(files?.length, 1);
  return { ...evidence, survey: { ...survey, file: '', files: [] } };
}

describe('a capture in several files', () => {
  test('is examined as if it were in one, wherever it is split', async () => {
    let split = 0;
    for (const folder of ['vxlan', 'esp', 'docker', 'gossip']) {
      for (const name of readdirSync(fixture(folder)).filter((one) => /\.pcap(?:ng)?$/.test(one))) {
        const path = `${folder}/${name}`;
        const capture = readFileSync(fixture(path));
        const packets = packetsIn(capture);
        const whole = await examined([capture], keysFor(path));
        const parts = splitCapture(capture, seededCuts(packets, 3, packets + split));
        const found = await examined(parts, keysFor(path));
        assert.deepEqual(unnamed(found), unnamed(whole), path);
        assert.deepEqual(
          found.files?.map((one) => one.packets),
          parts.map(packetsIn),
          path,
        );
        split++;
      }
    }
    assert.ok(split > 50);
  });

  test('has places in the files, with the numbers of packets there', async () => {
    const capture = readFileSync(fixture('esp/09-esp-frag-1500.underlay.pcap'));
    const placesOf = (evidence: CaptureEvidence, files: readonly string[]): string[] => {
      const [first, ...others] = files.map((path) => ({ path, node: undefined }));
      const read = withCaptures({ nodes: [], inputs: [] }, [examinedCapture([first, ...others], evidence)]);
      const { findings, inputs } = doctorReport(diagnose(read));
      assert.deepEqual(
        inputs.map((one) => one.continues),
        files.map((_, i) => (i === 0 ? undefined : files[i - 1])),
      );
      return findings.flatMap(({ exhibits }) =>
        exhibits.flatMap(({ places = [] }) => places.map((place) => `${place.file} ${place.packet ?? ''}`)),
      );
    };
    const whole = placesOf(await examined([capture], {}), ['w']);
    const split = placesOf(await examined(splitCapture(capture, [12, 16]), {}), ['a', 'b', 'c']);
    assert.ok(whole.includes('w 11') && whole.includes('w 19'), whole.join());
    const where = (packet: number): string =>
      packet <= 12 ? `a ${packet}` : packet <= 16 ? `b ${packet - 12}` : `c ${packet - 16}`;
    assert.deepEqual(
      split,
      whole.map((place) => where(Number(place.slice(2)))),
    );
  });

  test('raises nothing at the boundaries of healthy traffic', async () => {
    for (const seed of [1, 2, 3]) {
      const { bytes } = generated({ packets: 1500, seed, nodes: 3, mtu: 1500, traffic: { tcp: 2, udp: 1, dns: 2 } });
      const parts = splitCapture(bytes, seededCuts(packetsIn(bytes), 6, seed));
      const evidence = await examined(parts, {});
      const files = parts.map((_, i) => ({ path: `r_0000${i}.pcap`, node: undefined }));
      const [first, ...others] = files;
      const read = withCaptures({ nodes: [], inputs: [] }, [examinedCapture([first, ...others], evidence)]);
      assert.deepEqual(doctorReport(diagnose(read)).findings, []);
    }
  });
});
