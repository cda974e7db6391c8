/** The SAs of one node with all others, made of the key ring: one to send with, one of each key to receive with. */
import type { Aead } from '../aead/aead.js';
import { InboundSa, OutboundSa, IV_MASK_BYTES, Sad } from '../ipsec/index.js';
import { deriveSa, type HkdfSha256 } from './profile.js';
import { SpiForm } from './spi.js';
import type { Topology } from './topology.js';

/** What making SAs takes. */
export interface NodeSasOptions {
  readonly hkdf: HkdfSha256;
  /** Fills an array with random bytes, for the masks of the IVs: cryptographic ones where traffic is real. */
  readonly random: (bytes: Uint8Array) => void;
  readonly spiForm?: SpiForm;
  /** When they are made, in seconds of the clock that packets go by. */
  readonly now?: number;
}

/** A node's SAs. */
export class NodeSas {
  /** SAs to receive with. */
  readonly inbound = new Sad<InboundSa>();
  /** By node: the SA to send with. */
  readonly #outbound: (OutboundSa | undefined)[];

  /**
   * @param topology with a key ring; without one there are no SAs
   * @param node place of this node in `topology.nodes`
   * @param aead the cipher that takes the keys
   */
  constructor(topology: Topology, node: number, aead: Aead, options: NodeSasOptions) {
    const { nodes, ring, profile } = topology;
    const { hkdf, random, spiForm = SpiForm.Mapped, now = 0 } = options;
    const here = nodes[node].vtep;
    this.#outbound = nodes.map(({ vtep }, place) => {
      if (ring === undefined || place === node || vtep.length !== here.length) return undefined;
      for (const key of ring.keys) {
        const association = deriveSa(profile, { key, source: vtep, destination: here, spiForm }, hkdf);
        this.inbound.add(new InboundSa(association, aead, { created: now }));
        association.keymat.wipe();
      }
      const key = ring.transmit;
      const association = deriveSa(profile, { key, source: here, destination: vtep, spiForm }, hkdf);
      const ivMask = new Uint8Array(IV_MASK_BYTES);
      random(ivMask);
      const sa = new OutboundSa(association, aead, { ivMask, created: now });
      association.keymat.wipe();
      return sa;
    });
  }

  /** The SA to send to a node with, or undefined. */
  outbound(node: number): OutboundSa | undefined {
    return this.#outbound[node];
  }

  /** Wipes all keys. */
  close(): void {
    for (const sa of this.inbound) {
      this.inbound.delete(sa);
      sa.close();
    }
    this.#outbound.forEach((sa, node) => {
      sa?.close();
      this.#outbound[node] = undefined;
    });
  }
}
