/** Captures of healthy traffic that are unusual themselves: of one direction, twice, cut, of a part. None shows an error. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { MemoryReader, openCapture } from '../../src/capture/index.js';
import { diagnose, InputKind, readInputs, Severity, withCaptures } from '../../src/doctor/index.js';
import type { GenerateOptions } from '../../src/generate/index.js';
import { generated } from '../generate/generated.js';
import { keysIn } from './capture/keys.js';
import { examined, pcapOf, START, type Timed } from './capture/packets.js';

/** The IPv4 source address of an Ethernet packet ends in this byte: the packets of node1. */
const NODE1 = 1;
const SOURCE_END = 14 + 15;

/** The packets of a generated capture. */
async function packetsOf(bytes: Uint8Array): Promise<Timed[]> {
  const source = await openCapture(new MemoryReader(bytes));
  const packets: Timed[] = [];
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const at = batch.offset[i];
      const packet = batch.bytes.slice(at, at + batch.capturedLength[i]);
      packets.push({ at: batch.seconds[i] + batch.nanoseconds[i] / 1e9 - START, packet });
    }
  }
  return packets;
}

/** Ids and summaries of the errors that doctor finds in captures of one network. */
async function errorsIn(options: GenerateOptions, ...changes: readonly ((packets: Timed[]) => Uint8Array)[]) {
  const { bytes, generator } = generated({ packets: 1500, duration: 20, ...options });
  const packets = await packetsOf(bytes);
  const keys = generator.encrypted ? keysIn(generator.espSa()) : {};
  const captures = changes.map(async (change, i) => {
    const evidence = await examined(await openCapture(new MemoryReader(change(packets))), keys);
    const file = `${i}.pcap`;
    const summary = { file, node: '', kinds: [InputKind.Capture], warnings: [], seconds: undefined };
    return { node: undefined, evidence: { ...evidence, file }, summary };
  });
  const read = readInputs([{ name: 'networks.json', text: generator.dockerNetworks() }]);
  const { found } = diagnose(withCaptures(read, await Promise.all(captures)));
  return found
    .filter(({ severity }) => severity === Severity.Error)
    .map(({ finding, summary }) => `${finding.id}: ${summary}`);
}

const whole = (packets: Timed[]): Uint8Array => pcapOf(packets);
const oneWay = (packets: Timed[]): Uint8Array => pcapOf(packets.filter(({ packet }) => packet[SOURCE_END] === NODE1));
const middle = (packets: Timed[]): Uint8Array => pcapOf(packets.slice(500, 900));
const cut = (packets: Timed[]): Uint8Array => pcapOf(packets, 96);
const twice = (packets: Timed[]): Uint8Array =>
  pcapOf(
    packets.flatMap(({ at, packet }) => [
      { at, packet },
      { at: at + 0.000_002, packet },
    ]),
  );
const jumping = (packets: Timed[]): Uint8Array =>
  pcapOf(packets.map(({ at, packet }, i) => ({ at: i < 700 ? at : at + 3600, packet })));

describe('healthy traffic shows no error in', () => {
  for (const encrypted of [false, true]) {
    for (const [what, ...changes] of [
      ['a capture of one direction', oneWay],
      ['a capture that begins and ends in the middle', middle],
      ['a capture of the first 96 bytes of each packet', cut],
      ['a capture with each packet twice', twice],
      ['a capture whose clock jumps by an hour', jumping],
      ['a whole capture and one of one direction', whole, oneWay],
      ['a whole capture and one of the first 96 bytes', whole, cut],
      ['a whole capture and one of its middle', whole, middle],
      ['a whole capture and one with each packet twice', whole, twice],
      ['a capture with each packet twice and a whole one', twice, whole],
    ] as const) {
      test(`${what}, ${encrypted ? 'encrypted' : 'clear'}`, async () => {
        assert.deepEqual(await errorsIn({ encrypted }, ...changes), []);
      });
    }
  }
});
