/** Which thread surveys a packet of a capture that several threads read. */
import { type CaptureBatch, LinkType } from '../../capture/portable.js';
import { FlowBuckets, isPlainUdp, plainFlow, plainPort } from '../../dataplane/internal.js';
import { VXLAN_PORT } from '../../wire/index.js';

/**
 * Assigns the packets of a capture to threads, by their first bytes alone. Plain packets to a port of VXLAN are shared out
 * by outer flow: no other packet has an influence on how they are decoded. All others belong to the first thread, which
 * thereby has every fragment, every SA and all gossip.
 */
export class PlainVxlan {
  readonly #flows: FlowBuckets;
  readonly #port: number;
  readonly #otherPorts: readonly number[];

  /**
   * @param workers number of threads
   * @param port UDP port or ports of VXLAN. Default: 4789
   */
  constructor(workers: number, port: number | readonly number[] = VXLAN_PORT) {
    const ports = typeof port === 'number' ? [port] : port;
    this.#flows = new FlowBuckets(workers);
    this.#port = ports.length === 0 ? VXLAN_PORT : ports[0];
    this.#otherPorts = ports.slice(1);
  }

  /**
   * Finds the packets of a batch that one thread surveys. Every thread must be asked for every batch, in order.
   * @param indices gets their indices, in order
   * @returns how many there are
   */
  select(batch: CaptureBatch, worker: number, indices: Int32Array): number {
    let count = 0;
    for (let i = 0; i < batch.count; i++) {
      // Written in any case: which thread it is can't be predicted, and a wrong guess costs more.
      indices[count] = i;
      count += this.#ownerOf(batch, i) === worker ? 1 : 0;
    }
    return count;
  }

  #ownerOf(batch: CaptureBatch, index: number): number {
    if (batch.linkType[index] !== LinkType.Ethernet) return 0;
    const { bytes } = batch;
    const start = batch.offset[index];
    if (!isPlainUdp(bytes, start, start + batch.capturedLength[index])) return 0;
    const port = plainPort(bytes, start);
    if (port !== this.#port && !this.#otherPorts.includes(port)) return 0;
    return this.#flows.ownerOf(plainFlow(bytes, start));
  }
}
