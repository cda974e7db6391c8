/** The last stage of the way out: the underlay's Ethernet header. */
import type { PacketBatch } from '../memory/index.js';
import type { Topology } from '../overlay/index.js';
import { ETHERNET_SPAN, EtherType } from '../wire/index.js';

const MAC_BYTES = 6;

/** Puts Ethernet headers in front of IP packets. */
export class Link {
  /** By node: destination, source and EtherType. */
  readonly #headers: readonly Uint8Array[];

  /** @param node place of this node in `topology.nodes`; MACs that aren't known are zero */
  constructor(topology: Topology, node: number) {
    const source = topology.nodes[node];
    const etherType = source.vtep.length === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
    this.#headers = topology.nodes.map(({ mac }) => {
      const header = new Uint8Array(ETHERNET_SPAN);
      if (mac !== undefined) header.set(mac);
      if (source.mac !== undefined) header.set(source.mac, MAC_BYTES);
      header[12] = etherType >>> 8;
      header[13] = etherType;
      return header;
    });
  }

  /** Puts the header of the node that is its `peer` in front of each packet. */
  run(batch: PacketBatch): void {
    const { bytes } = batch.arena;
    for (let i = 0; i < batch.count; i++) {
      const header = this.#headers[batch.peer[i]];
      const start = batch.start[i] - ETHERNET_SPAN;
      for (let n = 0; n < ETHERNET_SPAN; n++) bytes[start + n] = header[n];
      batch.start[i] = start;
    }
  }
}
