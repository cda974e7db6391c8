/** Cells outside the stages of the chains: decoding, and the forwarding table alone. */
import type { PacketBatch } from '../src/memory/index.js';
import { ForwardingTable, TargetKind } from '../src/overlay/index.js';
import { checkVxlan, EtherType, HeaderError, Layers, VXLAN_PORT, VXLAN_HEADER_LEN } from '../src/wire/index.js';
import type { Cell } from './cell.js';
import { OUTER_BYTES, WINDOW, Window } from './window.js';
import { type Packets, VNI, type Workload } from './workload.js';

const MAC = 6;

/** Reads the headers of a packet from its outer IP to the ports inside, every length checked. */
class InnerWalk {
  readonly #outer = new Layers();
  readonly #inner = new Layers();

  /** Walks a batch; returns the number of packets with UDP in VXLAN in UDP. */
  run(batch: PacketBatch): number {
    const { bytes } = batch.arena;
    const outer = this.#outer;
    const inner = this.#inner;
    let found = 0;
    for (let i = 0; i < batch.count; i++) {
      if (
        outer.walkNetwork(bytes, EtherType.Ipv4, batch.start[i], batch.end[i]) !== HeaderError.None ||
        outer.destinationPort !== VXLAN_PORT
      )
        continue;
      const { payloadOffset, payloadEnd } = outer;
      if (checkVxlan(bytes, payloadOffset, payloadEnd) !== HeaderError.None) continue;
      if (inner.walkEthernet(bytes, payloadOffset + VXLAN_HEADER_LEN, payloadEnd) !== HeaderError.None) continue;
      if (inner.destinationPort >= 0) found++;
    }
    return found;
  }
}

/** Decodes packets in memory. */
export function decodeCell(workload: Workload, packets: Packets, batch: number): Cell {
  const window = new Window(packets, batch, workload.frameBytes + OUTER_BYTES, 0);
  const walk = new InnerWalk();
  let found = 0;
  const cell: Cell = {
    packets: WINDOW,
    prepare: () => {
      found = 0;
      for (const before of window.batches) before.clear();
      window.fill();
    },
    run: () => {
      for (const packetsIn of window.batches) found += walk.run(packetsIn);
    },
    check: () => {
      cell.prepare();
      cell.run();
      if (found !== WINDOW) throw new Error(`${found} of ${WINDOW} packets were decoded`);
    },
  };
  return cell;
}

/** Looks up known MACs in pseudo-random order. */
export function lookupCell(entries: number): Cell {
  const table = new ForwardingTable();
  const macs = new Uint8Array(entries * MAC);
  for (let i = 0; i < entries; i++) {
    macs.set([2, 0x42, 10, i >>> 16, i >>> 8, i], i * MAC);
    table.set(VNI, macs, i * MAC, TargetKind.Vtep, i);
  }
  const order = Int32Array.from({ length: WINDOW }, (_, i) => (Math.imul(i, 0x9e3779b1) >>> 0) % entries);
  let round = 0;
  let sum = 0;
  const cell: Cell = {
    packets: WINDOW,
    prepare: () => {
      // Different ones each time, so that lookups in a large table aren't all cache hits.
      round = (round + 7919) % entries;
      for (let i = 0; i < WINDOW; i++) order[i] = (order[i] + round) % entries;
    },
    run: () => {
      for (let i = 0; i < WINDOW; i++) if (table.find(VNI, macs, order[i] * MAC, 0)) sum += table.target;
    },
    check: () => {
      cell.prepare();
      sum = 0;
      cell.run();
      const expected = order.reduce((total, entry) => total + entry, 0);
      if (sum !== expected) throw new Error('a lookup returned a wrong result');
    },
  };
  return cell;
}
