/** The index as the page holds it: what its worker posted so far, in parts of one size. */
import type { CaptureIndex, IndexTables } from './capture-index.js';
import { PacketPart, PART_PACKETS } from './packet-columns.js';
import { appendRows } from './packet-parts.js';

const NO_TABLES: IndexTables = {
  files: [],
  interfaces: [],
  networks: [],
  tunnels: [],
  sas: [],
  flows: {
    count: 0,
    vni: new Int32Array(0),
    family: new Uint8Array(0),
    protocol: new Uint8Array(0),
    port: new Uint16Array(0),
    address: new Uint8Array(0),
  },
  firstSeconds: Number.NaN,
  firstNanoseconds: 0,
  unlisted: 0,
};

/** Joins posted parts, whatever their sizes, into parts of `PART_PACKETS` packets: packet n is in part n >> 16. */
export class CollectedIndex implements CaptureIndex {
  packets = 0;
  tables: IndexTables = NO_TABLES;
  readonly parts: PacketPart[] = [];

  /**
   * Adds the packets of a message.
   * @param part as it was posted; a copy of its rows is kept
   */
  add(part: PacketPart, tables: IndexTables): void {
    for (let at = 0; at < part.count;) {
      let last = this.parts.at(-1);
      if (last === undefined || last.count === PART_PACKETS) {
        last = new PacketPart(PART_PACKETS);
        this.parts.push(last);
      }
      const end = Math.min(part.count, at + PART_PACKETS - last.count);
      appendRows(last, part, at, end);
      at = end;
    }
    this.packets += part.count;
    this.tables = tables;
  }
}
