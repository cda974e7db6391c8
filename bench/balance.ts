/**
 * Measures the load balancer: nanoseconds of CPU time per packet in each direction at 64 bytes, with known connections in random
 * order, and bytes of memory per connection. Beside it, what only reading so many random places of such a table costs, and with
 * `--kernel` what the kernel's translation adds to routing (needs root).
 *
 *     node --expose-gc dist/bench/balance.js [--no-prefetch] [--kernel]
 */
import { SeededRandom } from '../src/replay/random.js';
import { BalanceVerdict } from '../src/service/index.js';
import { measureKernel } from './balance-kernel.js';
import { machine, median, printTable, spread } from './machine.js';
import { expectVerdict, FRAME, TcpConnections } from './tcp-connections.js';

const SIZES = [64, 100_000, 1_000_000] as const;
const ROUNDS = 9;
const KERNEL_ROUNDS = 100;
/** Packets per round: as many connections in random order. */
const PACKETS = 1 << 18;
/** Frames in memory at a time. */
const BATCH = 256;
const prefetches = !process.argv.includes('--no-prefetch');

interface Table {
  readonly known: TcpConnections;
  readonly bytes: number;
}

/** Opens connections, and measures the memory that they take. */
function opened(count: number): Table {
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  const before = process.memoryUsage();
  const known = new TcpConnections(count, BATCH);
  collect?.();
  const after = process.memoryUsage();
  const kept = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  const { backends, ports, bytes } = known;
  return { known, bytes: kept - backends.byteLength - ports.byteLength - bytes.byteLength };
}

/** Nanoseconds of CPU time per packet of a round, which other processes disturb less than the clock's. Writing the frames isn't measured. */
function round({ known }: Table, order: Uint32Array, isReply: boolean): number {
  const { balancer, bytes, starts } = known;
  let nanoseconds = 0;
  for (let at = 0; at < PACKETS; at += BATCH) {
    for (let i = 0; i < BATCH; i++) {
      if (isReply) known.writeReply(i, order[at + i]);
      else known.writeRequest(i, order[at + i]);
    }
    const wanted = isReply ? BalanceVerdict.ToClient : BalanceVerdict.ToBackend;
    const begin = process.cpuUsage();
    if (prefetches) balancer.prefetch(bytes, starts, BATCH);
    for (let i = 0; i < BATCH; i++) expectVerdict(known.translate(i, 2), wanted);
    const { user, system } = process.cpuUsage(begin);
    nanoseconds += 1000 * (user + system);
  }
  return nanoseconds / PACKETS;
}

/** Words of a connection in the table, and bytes of an index entry. */
const ROW_WORDS = 16;
/** Batches per figure of the bare reads. */
const READ_BATCHES = 256;

/** Reads one word of each batch's index entries, then of its rows. Nothing else. */
function readBatches(slots: Int32Array, rows: Int32Array, picked: Int32Array, found: Int32Array): void {
  let sum = 0;
  for (let at = 0; at < picked.length; at += BATCH) {
    for (let i = 0; i < BATCH; i++) found[i] = slots[picked[at + i]];
    for (let i = 0; i < BATCH; i++) sum ^= rows[found[i] * ROW_WORDS];
  }
  // So that the reads aren't optimised away.
  found[0] = sum;
}

/** Nanoseconds of CPU time per packet for the memory accesses alone: an entry of an index, and the row that it names. */
function bareReads(count: number, random: SeededRandom): number {
  let length = 8;
  while (length < 4 * count) length *= 2;
  const slots = Int32Array.from({ length }, () => random.below(count));
  const rows = new Int32Array(count * ROW_WORDS).fill(1);
  const found = new Int32Array(BATCH);
  const figures: number[] = [];
  for (let i = -2; i < ROUNDS; i++) {
    const picked = Int32Array.from({ length: READ_BATCHES * BATCH }, () => random.below(length));
    const begin = process.cpuUsage();
    readBatches(slots, rows, picked, found);
    const { user, system } = process.cpuUsage(begin);
    if (i >= 0) figures.push((1000 * (user + system)) / picked.length);
  }
  return median(figures);
}

process.stdout.write(`${machine()}, ${FRAME}-byte frames, TCP, known connections in random order\n\n`);
const rows = SIZES.map((count) => {
  const table = opened(count);
  const random = new SeededRandom(count);
  const order = Uint32Array.from({ length: PACKETS }, () => random.below(count));
  const forward: number[] = [];
  const reply: number[] = [];
  for (let i = -2; i < ROUNDS; i++) {
    const there = round(table, order, false);
    const back = round(table, order, true);
    if (i < 0) continue;
    forward.push(there);
    reply.push(back);
  }
  if (table.known.balancer.table.size !== count) throw new Error('connections are missing');
  return [
    count.toLocaleString('en'),
    median(forward).toFixed(0),
    median(reply).toFixed(0),
    Math.min(...forward).toFixed(0),
    Math.min(...reply).toFixed(0),
    `${spread(forward).toFixed(0)} %`,
    (table.known.balancer.table.bytes / count).toFixed(0),
    (table.bytes / 1e6).toFixed(1),
    bareReads(count, random).toFixed(0),
  ];
});
printTable(
  [
    'connections',
    'ns to backend',
    'ns to client',
    'fastest',
    'fastest',
    'spread',
    'table bytes each',
    'MB in all',
    'ns for bare reads',
  ],
  rows,
);
if (process.argv.includes('--kernel')) {
  process.stdout.write('\n');
  measureKernel(KERNEL_ROUNDS);
}
