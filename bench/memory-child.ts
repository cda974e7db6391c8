/**
 * Measures the garbage of the packet path: `node --expose-gc dist/bench/memory-child.js FILE PACKETS`. Prints one line
 * of JSON: for the whole path from the file, and for `UnderlayDecoder` alone over one batch in memory.
 */
import { LinkType, openCaptureFile } from '../src/capture/index.js';
import { UnderlayDecoder, Verdict } from '../src/dataplane/index.js';
import { decodeOverlay as throughFile } from './chain.js';
import { Collections } from './collections.js';

/** Heap growth and collections. */
export interface Collected {
  readonly packets: number;
  /** Growth of the heap in use after a full collection, in bytes. */
  readonly growth: number;
  /** Collections of the young generation, and others. */
  readonly scavenges: number;
  readonly others: number;
}

if (process.argv.length < 4) {
  process.stderr.write('usage: node --expose-gc memory-child.js FILE PACKETS\n');
  process.exit(2);
}
const path = process.argv[2];
const wanted = Number(process.argv[3]);
const collections = new Collections();

async function watch(work: () => number | Promise<number>): Promise<Collected> {
  await work();
  await collections.restart();
  const before = process.memoryUsage().heapUsed;
  let packets = 0;
  while (packets < wanted) packets += await work();
  const { scavenges, others } = await collections.counted();
  await collections.restart();
  return { packets, growth: process.memoryUsage().heapUsed - before, scavenges, others };
}

async function inMemory(): Promise<Collected> {
  const source = await openCaptureFile(path);
  const batch = await source.next();
  if (batch === undefined) throw new Error(`${path} holds no packets`);
  const receiver = new UnderlayDecoder();
  const collected = await watch(() => {
    for (let repeat = 0; repeat < 1000; repeat++) {
      for (let i = 0; i < batch.count; i++) {
        const at = batch.offset[i];
        const end = at + batch.capturedLength[i];
        const verdict = receiver.receive(LinkType.Ethernet, batch.bytes, at, end, at + batch.originalLength[i], 0);
        if (verdict !== Verdict.Frame) throw new Error('a packet was not decoded');
      }
    }
    return 1000 * batch.count;
  });
  await source.close();
  return collected;
}

const fromFile = await watch(async () => (await throughFile(path)).packets);
process.stdout.write(`${JSON.stringify({ fromFile, inMemory: await inMemory() })}\n`);
