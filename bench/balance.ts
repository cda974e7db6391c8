/**
 * Measures the load balancer: nanoseconds of CPU time per packet in each direction at 64 bytes, with known connections in random
 * order, and bytes of memory per connection. Beside it, what only reading so many random places of such a table costs, and with
 * `--kernel` what the kernel's translation adds to routing (needs root).
 *
 *     node --expose-gc dist/bench/balance.js [--no-prefetch] [--kernel]
 */
import { SeededRandom } from '../src/replay/random.js';
import { BALANCE_HEADROOM, BalanceVerdict, LoadBalancer } from '../src/service/index.js';
import { formatIpv4, writeIpv4 } from '../src/wire/index.js';
import { measureKernel } from './balance-kernel.js';
import { machine, median, printTable, spread } from './machine.js';

const SIZES = [64, 100_000, 1_000_000] as const;
const ROUNDS = 9;
const KERNEL_ROUNDS = 100;
/** Packets per round: as many connections in random order. */
const PACKETS = 1 << 18;
const FRAME = 64;
/** Distance of frames in memory, as in an arena with small slots. */
const SLOT = 128;
/** Frames in memory at a time. */
const BATCH = 256;
const VIP = 0x0a000902;
const LOCAL = 0x0a000907;
const TCP = 6;
/** Enough that each has free source ports: 65,535 at most. */
const BACKENDS = 64;
const SYN = 0x02;
const ACK = 0x10;

/** Frames of one direction, and where each starts. */
const memory = new Uint8Array(BATCH * SLOT);
const view = new DataView(memory.buffer);

const startOf = (slot: number): number => slot * SLOT + BALANCE_HEADROOM;

/** Writes a frame to the balancer. Checksums of TCP don't matter to it. */
function write(slot: number, source: number, destination: number, ports: number, flags: number): void {
  const start = startOf(slot);
  view.setInt32(start, 0x02420a00);
  view.setInt32(start + 4, 0x09070242);
  view.setInt32(start + 8, source);
  view.setUint16(start + 12, 0x0800);
  writeIpv4(memory, start + 14, 0, FRAME - 14, 0x4000, 64, TCP, source, destination);
  view.setInt32(start + 34, ports);
  view.setInt32(start + 46, 0x50000000 | (flags << 16) | 1000);
  view.setInt32(start + 50, 0x12340000);
}

const starts = Int32Array.from({ length: BATCH }, (_, slot) => startOf(slot));
const prefetches = !process.argv.includes('--no-prefetch');

/** A connection's client: 10.1.x.y and a port. */
const clientOf = (connection: number): number => 0x0a010000 + (connection >>> 5);
const portsOf = (connection: number): number => ((1024 + (connection & 31) * 1777) << 16) | 80;

interface Table {
  readonly balancer: LoadBalancer;
  /** Backend's address of each connection. */
  readonly backend: Int32Array;
  /** Port that stands for the client's, of each connection. */
  readonly port: Uint16Array;
  readonly bytes: number;
}

/** Opens connections: a SYN and an ACK from the client, after an answer from the backend. */
function opened(count: number): Table {
  const collect = (globalThis as { gc?: () => void }).gc;
  collect?.();
  const before = process.memoryUsage();
  const balancer = new LoadBalancer({ back: { address: '10.0.9.7' }, maxConnections: count });
  const web = balancer.addService({ name: 'web', vip: '10.0.9.2' });
  for (let i = 0; i < BACKENDS; i++) {
    balancer.addBackend(web, { address: formatIpv4(Uint8Array.of(10, 2, 0, i + 1)) });
  }
  const backend = new Int32Array(count);
  const port = new Uint16Array(count);
  for (let i = 0; i < count; i++) {
    write(0, clientOf(i), VIP, portsOf(i), SYN);
    expect(balancer.translate(memory, startOf(0), startOf(0) + FRAME, 1), BalanceVerdict.ToBackend);
    backend[i] = view.getInt32(balancer.start + 30);
    port[i] = view.getUint16(balancer.start + 34);
    write(0, backend[i], LOCAL, (80 << 16) | port[i], SYN | ACK);
    expect(balancer.translate(memory, startOf(0), startOf(0) + FRAME, 1), BalanceVerdict.ToClient);
    write(0, clientOf(i), VIP, portsOf(i), ACK);
    expect(balancer.translate(memory, startOf(0), startOf(0) + FRAME, 1), BalanceVerdict.ToBackend);
  }
  collect?.();
  const after = process.memoryUsage();
  const kept = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  return { balancer, backend, port, bytes: kept - backend.byteLength - port.byteLength };
}

function expect(verdict: number, wanted: number): void {
  if (verdict !== wanted) throw new Error(`verdict ${verdict} instead of ${wanted}`);
}

/** Nanoseconds of CPU time per packet of a round, which other processes disturb less than the clock's. Writing the frames isn't measured. */
function round(table: Table, order: Uint32Array, isReply: boolean): number {
  const { balancer, backend, port } = table;
  let nanoseconds = 0;
  for (let at = 0; at < PACKETS; at += BATCH) {
    for (let i = 0; i < BATCH; i++) {
      const connection = order[at + i];
      if (isReply) write(i, backend[connection], LOCAL, (80 << 16) | port[connection], ACK);
      else write(i, clientOf(connection), VIP, portsOf(connection), ACK);
    }
    const wanted = isReply ? BalanceVerdict.ToClient : BalanceVerdict.ToBackend;
    const begin = process.cpuUsage();
    if (prefetches) balancer.prefetch(memory, starts, BATCH);
    for (let i = 0; i < BATCH; i++) expect(balancer.translate(memory, startOf(i), startOf(i) + FRAME, 2), wanted);
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
  if (table.balancer.table.size !== count) throw new Error('connections are missing');
  return [
    count.toLocaleString('en'),
    median(forward).toFixed(0),
    median(reply).toFixed(0),
    Math.min(...forward).toFixed(0),
    Math.min(...reply).toFixed(0),
    `${spread(forward).toFixed(0)} %`,
    (table.balancer.table.bytes / count).toFixed(0),
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
