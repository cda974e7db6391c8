/**
 * The fourth stage of the way out: outer packets larger than the underlay carries are fragmented, after ESP (RFC 4303 section
 * 3.3.4). A VTEP doesn't do that of its own accord (RFC 7348 section 4.3): `Forward` lets frames that need it pass only where
 * it was asked for, or where IPv6 inside demands it.
 */
import { Fragmenter, FragmentFault } from '../fragment/index.js';
import type { PacketBatch } from '../memory/index.js';
import type { PathMtu } from '../overlay/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason } from './drop-reason.js';
import type { Identifications } from './identifications.js';

/** Bytes for the Ethernet header that the writer of a capture puts in front, rounded up. */
const LINK_ROOM = 32;

/** Cuts outer packets. */
export class Fragment {
  /** Packets that were cut, and the fragments that they gave. */
  cut = 0;
  fragments = 0;
  readonly #pathMtu: PathMtu;
  readonly #drops: DropCounters;
  readonly #fragmenter = new Fragmenter();
  readonly #identifications: Identifications;

  /** @param identifications of IPv6 packets that are fragmented; IPv4's have one already */
  constructor(pathMtu: PathMtu, drops: DropCounters, identifications: Identifications) {
    this.#pathMtu = pathMtu;
    this.#drops = drops;
    this.#identifications = identifications;
  }

  /** Whether all packets of a batch fit their paths: as a rule they do, and the batch goes on as it is. */
  fits(batch: PacketBatch): boolean {
    const { start, end, node } = batch;
    for (let i = 0; i < batch.count; i++) if (end[i] - start[i] > this.#pathMtu.underlay(node[i])) return false;
    return true;
  }

  /**
   * Takes a batch apart, and empties it.
   * @param batch IP packets for the `node` of each
   * @param output where packets and fragments go
   * @param overflow hands a full output on
   */
  run(batch: PacketBatch, output: PacketBatch, overflow: (batch: PacketBatch) => void): void {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.start[i];
      const end = batch.end[i];
      const mtu = this.#pathMtu.underlay(batch.node[i]);
      if (end - start <= mtu) {
        if (output.full) overflow(output);
        output.push(batch.slot[i], start, end, batch.network[i], batch.node[i], batch.flow[i]);
      } else {
        this.#one(batch, i, mtu, output, overflow);
      }
    }
    batch.count = 0;
  }

  #one(batch: PacketBatch, i: number, mtu: number, output: PacketBatch, overflow: (batch: PacketBatch) => void): void {
    const { arena } = batch;
    const fragmenter = this.#fragmenter;
    // A fragment needs no more room in front than that, so that any that the MTU allows fits a slot.
    const largest = Math.min(mtu, arena.slotBytes - LINK_ROOM);
    const start = batch.start[i];
    const id = arena.bytes[start] >>> 4 === 6 ? this.#identifications.next[batch.node[i]]++ : 0;
    const fault = fragmenter.begin(arena.bytes, start, batch.end[i], largest, id);
    if (fault !== FragmentFault.None || fragmenter.count > arena.available) {
      this.#drops.add(fault === FragmentFault.None ? DropReason.NoMemory : DropReason.PacketTooBig);
      arena.free(batch.slot[i]);
      return;
    }
    this.cut++;
    for (let left = fragmenter.count; left > 0; left--) {
      const slot = arena.take();
      const to = arena.offsetOf(slot) + LINK_ROOM;
      const length = fragmenter.next(arena.bytes, to);
      this.fragments++;
      if (output.full) overflow(output);
      output.push(slot, to, to + length, batch.network[i], batch.node[i], batch.flow[i]);
    }
    arena.free(batch.slot[i]);
  }
}
