/**
 * Garbage that the chains produce in steady state: the heap before and after ten million packets, and the collections
 * in between.
 *
 *     node --expose-gc dist/bench/heap.js [--packets N]
 */
import { parseArgs } from 'node:util';
import { chooseAead } from '../src/aead/index.js';
import { egressCell, ingressCell } from './chains.js';
import type { Cell } from './cell.js';
import { Collections } from './collections.js';
import { machine, printTable } from './machine.js';
import { Workload } from './workload.js';

const PACKETS = 10_000_000;
const WARM_UP = 1_000_000;

function run(cell: Cell, packets: number): void {
  for (let done = 0; done < packets; done += cell.packets) {
    cell.prepare();
    cell.run();
  }
}

/** The row of a chain. */
async function rowOf(name: string, cell: Cell, packets: number, collections: Collections): Promise<string[]> {
  cell.check();
  run(cell, WARM_UP);
  await collections.restart();
  const before = process.memoryUsage().heapUsed;
  run(cell, packets);
  const grown = process.memoryUsage().heapUsed - before;
  const { scavenges, others } = await collections.counted();
  cell.check();
  return [name, String(packets), `${(grown / 1024).toFixed(0)} KiB`, String(scavenges), String(others)];
}

const { values } = parseArgs({ options: { packets: { type: 'string' } } });
const packets = Number(values.packets ?? PACKETS);
const collections = new Collections();
const { aead } = chooseAead();
const clear = new Workload({ size: 64, flows: 100, encrypted: false });
const sealed = new Workload({ size: 64, flows: 100, encrypted: true });
const chains: [string, Cell][] = [
  ['egress, clear', egressCell(clear, 256)],
  ['ingress, clear', ingressCell(clear, clear.packetsIn(undefined), 256)],
  [`egress, ${aead.name}`, egressCell(sealed, 256, aead)],
  [`ingress, ${aead.name}`, ingressCell(sealed, sealed.packetsIn(aead), 256, aead)],
];
const rows: string[][] = [];
for (const [name, cell] of chains) rows.push(await rowOf(name, cell, packets, collections));
clear.close();
sealed.close();
process.stdout.write(`${machine()}\n\n`);
printTable(['64 bytes, batches of 256', 'packets', 'heap grew', 'scavenges', 'other collections'], rows);
