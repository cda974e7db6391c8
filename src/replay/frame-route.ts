/** The source and destination node of a frame, by the topology. */
import { type NodeTables, TargetKind } from '../overlay/index.js';
import { ETHERNET_HEADER_LEN } from '../wire/index.js';

const SOURCE_MAC = 6;

/** Looks up the nodes of frames. The caller owns the object; `find` fills it and allocates nothing. */
export class FrameRoute {
  /** Index of the frame's network, or -1. */
  network = -1;
  /** Index of the node of its source endpoint, or -1. */
  source = -1;
  /** Index of the node of its destination endpoint; -1 for a group or an unknown MAC. */
  destination = -1;
  readonly #tables: NodeTables;

  /** @param tables tables of any node: each has all endpoints */
  constructor(tables: NodeTables) {
    this.#tables = tables;
  }

  /**
   * Looks up a frame.
   * @param bytes contains it, from `start` to `end`
   * @param vni its VNI, or -1 for the first network with its source MAC
   * @param now seconds, for entries that age
   * @returns whether an endpoint of the topology sent it
   */
  find(bytes: Uint8Array, start: number, end: number, vni: number, now: number): boolean {
    this.network = -1;
    this.source = -1;
    this.destination = -1;
    if (end - start < ETHERNET_HEADER_LEN) return false;
    if (vni >= 0) {
      this.network = this.#tables.networkOf(vni);
      if (this.network >= 0) this.source = this.#nodeOf(bytes, start + SOURCE_MAC, now);
    } else {
      const { length } = this.#tables.networks;
      for (let network = 0; network < length && this.source < 0; network++) {
        this.network = network;
        this.source = this.#nodeOf(bytes, start + SOURCE_MAC, now);
      }
    }
    if (this.source < 0) return false;
    if ((bytes[start] & 1) === 0) this.destination = this.#nodeOf(bytes, start, now);
    return true;
  }

  /** Index of the node of a MAC's endpoint, or -1. */
  #nodeOf(bytes: Uint8Array, offset: number, now: number): number {
    const { forwarding, node, columns } = this.#tables;
    if (!forwarding.find(columns.vni[this.network], bytes, offset, now)) return -1;
    return forwarding.kind === TargetKind.Local ? node : forwarding.target;
  }
}
