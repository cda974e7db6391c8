/**
 * The first stage of the way in: Ethernet and IP of each packet, fragments put together, and what it is: ESP, VXLAN, or
 * none of ours.
 */
import { Reassembler, type ReassemblerOptions, ReassemblyOutcome } from '../fragment/index.js';
import { NO_SLOT, type PacketBatch } from '../memory/index.js';
import type { Node, Topology } from '../overlay/index.js';
import { ESP_UDP_PORT, Fault, IpProtocol, ipv4ChecksumHolds, Layers } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import type { PathMtuDiscovery } from './path-mtu-discovery.js';
import { DropReason, dropReasonOfFault, dropReasonOfReassembly } from './drop-reason.js';

/** Where packets go from here. A full batch is handed on by `overflow` before more is put in. */
export interface ReassembleOutputs {
  /** ESP, in UDP or not. */
  readonly sealed: PacketBatch;
  /** UDP for the VXLAN port. */
  readonly clear: PacketBatch;
  readonly overflow: (batch: PacketBatch) => void;
  /** Reads ICMP about packets of ours. */
  readonly discovery?: PathMtuDiscovery;
}

/** Takes packets off the wire. Packets behind it begin with their IP header. */
export class Reassemble {
  readonly reassembler: Reassembler;
  readonly #port: number;
  readonly #vtep: Uint8Array;
  readonly #drops: DropCounters;
  readonly #outputs: ReassembleOutputs;
  readonly #layers = new Layers();

  constructor(
    topology: Topology,
    node: Node,
    drops: DropCounters,
    outputs: ReassembleOutputs,
    options?: ReassemblerOptions,
  ) {
    this.#port = topology.port;
    this.#vtep = node.vtep;
    this.#drops = drops;
    this.#outputs = outputs;
    this.reassembler = new Reassembler(options);
  }

  /**
   * Sorts a batch of Ethernet packets, and empties it.
   * @param now seconds, for the timeouts of reassembly
   */
  run(batch: PacketBatch, now: number): void {
    const { arena } = batch;
    const layers = this.#layers;
    for (let i = 0; i < batch.count; i++) {
      const slot = batch.slot[i];
      const fault = layers.walkEthernet(arena.bytes, batch.start[i], batch.end[i]);
      if (fault !== Fault.None) this.#drop(batch, slot, dropReasonOfFault(fault, layers.layer));
      else if (layers.family === 4 && !ipv4ChecksumHolds(arena.bytes, layers.networkOffset)) {
        this.#drop(batch, slot, DropReason.IpChecksum);
      } else if (!this.#isForUs(arena.bytes)) this.#drop(batch, slot, DropReason.OtherHost);
      else if (layers.isFragment) this.#fragment(batch, i, now);
      else this.#sort(batch, slot, now);
    }
    batch.count = 0;
  }

  #isForUs(bytes: Uint8Array): boolean {
    const { family, addressOffset } = this.#layers;
    const vtep = this.#vtep;
    if (family !== (vtep.length === 4 ? 4 : 6)) return false;
    const at = addressOffset + vtep.length;
    for (let i = 0; i < vtep.length; i++) if (bytes[at + i] !== vtep[i]) return false;
    return true;
  }

  #fragment(batch: PacketBatch, i: number, now: number): void {
    const { arena } = batch;
    const { reassembler } = this;
    const outcome = reassembler.push(arena.bytes, this.#layers, batch.end[i], now);
    arena.free(batch.slot[i]);
    // What it refused it has counted, with the parts that fell with it: `droppedFragments`.
    if (outcome !== ReassemblyOutcome.Complete) return;
    const { start, end } = reassembler;
    const slot = end - start <= arena.frameBytes ? arena.take() : NO_SLOT;
    if (slot === NO_SLOT) {
      this.#drops.add(DropReason.NoMemory);
      return;
    }
    // The one copy that can't be avoided on the way in: the parts came in slots of their own.
    const to = arena.frameOffsetOf(slot);
    arena.bytes.set(reassembler.bytes.subarray(start, end), to);
    const layers = this.#layers;
    const fault = layers.walkNetwork(arena.bytes, layers.etherType, to, to + end - start);
    if (fault !== Fault.None) this.#drop(batch, slot, dropReasonOfFault(fault, layers.layer));
    else if (layers.isFragment) this.#drop(batch, slot, DropReason.Ipv6ExtensionHeader);
    else this.#sort(batch, slot, now);
  }

  #sort(batch: PacketBatch, slot: number, now: number): void {
    const layers = this.#layers;
    const { protocol, destinationPort, sourcePort } = layers;
    const { sealed, clear } = this.#outputs;
    const udp = protocol === IpProtocol.Udp;
    if (udp && destinationPort === this.#port) this.#put(clear, slot);
    else if (protocol === IpProtocol.Esp) this.#put(sealed, slot);
    else if (udp && (destinationPort === ESP_UDP_PORT || sourcePort === ESP_UDP_PORT)) this.#put(sealed, slot);
    else if (this.#outputs.discovery?.take(batch.arena.bytes, layers, now) === true) {
      this.#drop(batch, slot, DropReason.PathMtuTold);
    } else this.#drop(batch, slot, DropReason.NotOverlay);
  }

  #put(output: PacketBatch, slot: number): void {
    if (output.full) this.#outputs.overflow(output);
    output.push(slot, this.#layers.networkOffset, this.#layers.networkEnd);
  }

  #drop(batch: PacketBatch, slot: number, reason: DropReason): void {
    this.#drops.add(reason);
    batch.arena.free(slot);
  }

  /** Fragments dropped so far, by reason, put into counters. */
  addDrops(counters: DropCounters): void {
    this.reassembler.droppedFragments.forEach((count, drop) => {
      counters.add(dropReasonOfReassembly(drop as Parameters<typeof dropReasonOfReassembly>[0]), count);
    });
  }
}
