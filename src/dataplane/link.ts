/** The last stage of the way out: the underlay's Ethernet header. */
import type { PacketBatch } from '../memory/index.js';
import { viewOf } from '../memory/view.js';
import { getWord } from '../memory/word.js';
import type { Topology } from '../overlay/index.js';
import { ETHERNET_SPAN, EtherType } from '../wire/index.js';

const MAC_BYTES = 6;
const HEADER_WORDS = 4;

/** Puts Ethernet headers in front of IP packets. */
export class Link {
  /** By node: destination, source and EtherType, as four words, of the last of which the upper half counts. */
  readonly #words: Int32Array;

  /** @param node place of this node in `topology.nodes`; MACs that aren't known are zero */
  constructor(topology: Topology, node: number) {
    const source = topology.nodes[node];
    const etherType = source.vtep.length === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
    this.#words = new Int32Array(topology.nodes.length * HEADER_WORDS);
    topology.nodes.forEach(({ mac }, place) => {
      const header = new Uint8Array(4 * HEADER_WORDS);
      if (mac !== undefined) header.set(mac);
      if (source.mac !== undefined) header.set(source.mac, MAC_BYTES);
      header[12] = etherType >>> 8;
      header[13] = etherType;
      for (let i = 0; i < HEADER_WORDS; i++) this.#words[place * HEADER_WORDS + i] = getWord(header, 4 * i);
    });
  }

  /** Puts the header of the node that is its `peer` in front of each packet. */
  run(batch: PacketBatch): void {
    const view = viewOf(batch.arena.bytes);
    const words = this.#words;
    const { start, peer } = batch;
    for (let i = 0; i < batch.count; i++) {
      const at = start[i] - ETHERNET_SPAN;
      const header = peer[i] * HEADER_WORDS;
      view.setInt32(at, words[header]);
      view.setInt32(at + 4, words[header + 1]);
      view.setInt32(at + 8, words[header + 2]);
      view.setInt16(at + 12, words[header + 3] >>> 16);
      start[i] = at;
    }
  }
}
