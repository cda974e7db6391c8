/** The last stage of the way out: the underlay's Ethernet header. */
import type { PacketBatch } from '../memory/index.js';
import { viewOf } from '../memory/view.js';
import { getWord } from '../memory/word.js';
import type { IndexedTopology } from '../overlay/index.js';
import { ETHERNET_SPAN, EtherType } from '../wire/index.js';

const MAC_BYTES = 6;
const HEADER = ETHERNET_SPAN;
const HEADER_WORDS = 4;

/** Puts Ethernet headers in front of IP packets. */
export class Link {
  /** By node: destination, source and EtherType, as four words, of the last of which the upper half counts. */
  #words = new Int32Array(0);
  readonly #topology: IndexedTopology;
  readonly #here: number;

  /** @param here index of this node in `topology.nodes`; MACs that aren't known are zero */
  constructor(topology: IndexedTopology, here: number) {
    this.#topology = topology;
    this.#here = here;
    this.updateNode(here);
  }

  /** Goes by what the topology has under a node's index now. */
  updateNode(node: number): void {
    const { nodes } = this.#topology;
    if (nodes.length * HEADER_WORDS > this.#words.length) {
      const words = new Int32Array(Math.max(nodes.length * HEADER_WORDS, 2 * this.#words.length));
      words.set(this.#words);
      this.#words = words;
    }
    // This node's MAC is in every header.
    if (node === this.#here) nodes.forEach((_, each) => this.#put(each));
    else this.#put(node);
  }

  #put(node: number): void {
    const { nodes } = this.#topology;
    const source = nodes[this.#here];
    const etherType = source?.vtep.length === 16 ? EtherType.Ipv6 : EtherType.Ipv4;
    const header = new Uint8Array(4 * HEADER_WORDS);
    header.set(nodes[node]?.mac ?? []);
    header.set(source?.mac ?? [], MAC_BYTES);
    header[12] = etherType >>> 8;
    header[13] = etherType;
    for (let i = 0; i < HEADER_WORDS; i++) this.#words[node * HEADER_WORDS + i] = getWord(header, 4 * i);
  }

  /** Puts the header of the node that is its `peer` in front of each packet. */
  run(batch: PacketBatch): void {
    const view = viewOf(batch.arena.bytes);
    const words = this.#words;
    const { start, peer } = batch;
    for (let i = 0; i < batch.count; i++) {
      const at = start[i] - HEADER;
      const header = peer[i] * HEADER_WORDS;
      view.setInt32(at, words[header]);
      view.setInt32(at + 4, words[header + 1]);
      view.setInt32(at + 8, words[header + 2]);
      view.setInt16(at + 12, words[header + 3] >>> 16);
      start[i] = at;
    }
  }
}
