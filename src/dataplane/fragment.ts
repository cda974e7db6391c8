/**
 * The fourth egress stage: fragments outer packets that exceed the path MTU, after ESP (RFC 4303 section 3.3.4). VTEPs
 * must not fragment VXLAN (RFC 7348 section 4.3), so `Forward` passes frames that need it only where the options ask
 * for it or inner IPv6 requires it.
 */
import { Fragmenter, FragmentError } from '../fragment/index.js';
import type { PacketBatch } from '../memory/index.js';
import type { PathMtu } from '../overlay/index.js';
import type { DropCounters } from './drop-counters.js';
import { DropReason } from './drop-reason.js';
import type { Identifications } from './identifications.js';

/** Fragments outer packets. */
export class Fragment {
  /** Packets that were fragmented, and the resulting fragments. */
  fragmented = 0;
  fragments = 0;
  readonly #pathMtu: PathMtu;
  readonly #drops: DropCounters;
  readonly #fragmenter = new Fragmenter();
  readonly #identifications: Identifications;

  /** @param identifications for IPv6 fragments; IPv4 packets have one already */
  constructor(pathMtu: PathMtu, drops: DropCounters, identifications: Identifications) {
    this.#pathMtu = pathMtu;
    this.#drops = drops;
    this.#identifications = identifications;
  }

  /** Whether all packets of a batch fit their path MTU. They usually do, and `run` isn't needed. */
  fits(batch: PacketBatch): boolean {
    const { start, end, node } = batch;
    for (let i = 0; i < batch.count; i++) if (end[i] - start[i] > this.#pathMtu.underlay(node[i])) return false;
    return true;
  }

  /**
   * Fragments the packets of a batch that don't fit, and empties it.
   * @param batch IP packets, each for its `node`
   * @param output receives packets and fragments
   * @param overflow passes a full output on, and empties it
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
    const start = batch.start[i];
    const id = arena.bytes[start] >>> 4 === 6 ? this.#identifications.next[batch.node[i]]++ : 0;
    const failure = fragmenter.begin(arena.bytes, start, batch.end[i], mtu, id);
    if (failure !== FragmentError.None || fragmenter.count > arena.available) {
      this.#drops.add(failure === FragmentError.None ? DropReason.NoMemory : DropReason.PacketTooBig);
      arena.free(batch.slot[i]);
      return;
    }
    this.fragmented++;
    for (let left = fragmenter.count; left > 0; left--) {
      const slot = arena.take();
      // The packet is longer than the MTU and fits a slot, so a fragment gets at least the packet's headroom.
      const to = Math.min(arena.frameOffsetOf(slot), arena.offsetOf(slot) + arena.slotBytes - mtu);
      const length = fragmenter.next(arena.bytes, to);
      this.fragments++;
      if (output.full) overflow(output);
      output.push(slot, to, to + length, batch.network[i], batch.node[i], batch.flow[i]);
    }
    arena.free(batch.slot[i]);
  }
}
