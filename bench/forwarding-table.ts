/**
 * Compares the forwarding table with a `Map` with string keys: bytes per entry, load time, and lookups per second of
 * known MACs in random order.
 *
 *     node --expose-gc dist/bench/forwarding-table.js
 */
import { ForwardingTable, TargetKind } from '../src/overlay/index.js';
import { SeededRandom } from '../src/replay/random.js';
import { formatMac } from '../src/wire/index.js';
import { machine, median, printTable, spread } from './machine.js';

const SIZES = [1000, 100_000, 1_000_000] as const;
const ROUNDS = 9;
/** Lookups per round. */
const LOOKUPS = 1 << 20;
const MAC = 6;
const VNIS = 16;

/** The operations compared. */
interface Contender {
  readonly name: string;
  /** Size in bytes, including keys. */
  readonly bytes: number;
  /** Load time in nanoseconds per entry. */
  readonly load: number;
  /** Looks the MACs up in an order, and returns the sum of the results. */
  readonly find: (order: Uint32Array) => number;
}

/** Distinct, random-looking MACs. */
function macsOf(count: number): Uint8Array {
  const macs = new Uint8Array(count * MAC);
  new SeededRandom(20261121).fill(macs);
  const view = new DataView(macs.buffer);
  for (let i = 0; i < count; i++) {
    macs[i * MAC] = 0x02;
    // Multiplication by an odd factor is a bijection: all differ.
    view.setUint32(i * MAC + 2, Math.imul(i, 0x9e3779b1) >>> 0);
  }
  return macs;
}

const collect = (globalThis as { gc?: () => void }).gc;

/** Bytes of heap and arrays that a call allocates and keeps, and its nanoseconds. */
function measured<T>(make: () => T): { made: T; bytes: number; nanoseconds: number } {
  collect?.();
  const before = process.memoryUsage();
  const start = process.hrtime.bigint();
  const made = make();
  const nanoseconds = Number(process.hrtime.bigint() - start);
  collect?.();
  const after = process.memoryUsage();
  const bytes = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  return { made, bytes, nanoseconds };
}

function tableOf(macs: Uint8Array, count: number): Contender {
  const { made, nanoseconds } = measured(() => {
    const table = new ForwardingTable();
    for (let i = 0; i < count; i++) table.set(i % VNIS, macs, i * MAC, TargetKind.Vtep, i);
    return table;
  });
  return {
    name: 'ForwardingTable',
    bytes: made.byteLength,
    load: nanoseconds / count,
    find: (order) => {
      let sum = 0;
      for (const i of order) if (made.find(i % VNIS, macs, i * MAC, 0)) sum += made.target;
      return sum;
    },
  };
}

/** The usual way: a string key built for each packet. */
function mapOf(macs: Uint8Array, count: number): Contender {
  const { made, bytes, nanoseconds } = measured(() => {
    const map = new Map<string, number>();
    for (let i = 0; i < count; i++) map.set(`${i % VNIS} ${formatMac(macs, i * MAC)}`, i);
    return map;
  });
  return {
    name: 'Map, key built per lookup',
    bytes,
    load: nanoseconds / count,
    find: (order) => {
      let sum = 0;
      for (const i of order) sum += made.get(`${i % VNIS} ${formatMac(macs, i * MAC)}`) ?? 0;
      return sum;
    },
  };
}

/** The same with prebuilt keys, which no packet has: the cost of the Map alone. */
function textMapOf(macs: Uint8Array, count: number): Contender {
  const texts = Array.from({ length: count }, (_, i) => `${i % VNIS} ${formatMac(macs, i * MAC)}`);
  const { made, nanoseconds } = measured(() => new Map(texts.map((text, i) => [text, i])));
  return {
    name: 'Map, prebuilt keys',
    bytes: Number.NaN,
    load: nanoseconds / count,
    find: (order) => {
      let sum = 0;
      for (const i of order) sum += made.get(texts[i]) ?? 0;
      return sum;
    },
  };
}

/** Nanoseconds per lookup, by name. Rounds are interleaved, so that a slow phase of the machine affects all alike. */
function race(contenders: readonly Contender[], count: number): Map<string, number[]> {
  const random = new SeededRandom(count);
  const order = Uint32Array.from({ length: LOOKUPS }, () => random.below(count));
  const wanted = order.reduce((sum, i) => sum + i, 0);
  const times = new Map(contenders.map(({ name }) => [name, [] as number[]]));
  for (let round = -1; round < ROUNDS; round++) {
    for (const { name, find } of contenders) {
      const start = process.hrtime.bigint();
      const sum = find(order);
      const nanoseconds = Number(process.hrtime.bigint() - start) / LOOKUPS;
      if (sum !== wanted) throw new Error(`${name} found something else`);
      if (round >= 0) times.get(name)?.push(nanoseconds);
    }
  }
  return times;
}

process.stdout.write(`${machine()}\n`);
if (collect === undefined) process.stdout.write('bytes of the Map: not measured, run with node --expose-gc\n');
for (const count of SIZES) {
  const macs = macsOf(count);
  const contenders = [tableOf(macs, count), mapOf(macs, count), textMapOf(macs, count)];
  const times = race(contenders, count);
  const first = median(times.get(contenders[0].name) ?? []);
  const rows = contenders.map(({ name, bytes, load }, i) => {
    const found = times.get(name) ?? [];
    const known = i === 0 || (collect !== undefined && !Number.isNaN(bytes));
    return [
      name,
      known ? (bytes / count).toFixed(1) : '',
      load.toFixed(0),
      median(found).toFixed(1),
      (1000 / median(found)).toFixed(2),
      `${spread(found).toFixed(0)} %`,
      (median(found) / first).toFixed(1),
    ];
  });
  process.stdout.write('\n');
  const headings = ['bytes/entry', 'load ns', 'find ns', 'M finds/s', 'spread', 'x'];
  printTable([`${count.toLocaleString('en')} entries`, ...headings], rows);
}
