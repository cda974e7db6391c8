/**
 * The first stage of the way in: Ethernet and IP of each packet, fragments put together, and what it is: ESP, VXLAN, or
 * none of ours.
 */
import { Reassembler, type ReassemblerOptions, ReassemblyOutcome } from '../fragment/index.js';
import { NO_SLOT, type PacketBatch } from '../memory/index.js';
import { viewOf } from '../memory/view.js';
import { getWord } from '../memory/word.js';
import type { Node, Topology } from '../overlay/index.js';
import { ESP_UDP_PORT, Fault, IpProtocol, ipv4ChecksumHolds, Layers } from '../wire/index.js';
import type { DropCounters } from './drop-counters.js';
import type { PathMtuDiscovery } from './path-mtu-discovery.js';
import { DropReason, dropReasonOfFault, dropReasonOfReassembly } from './drop-reason.js';

/** What a packet is. */
export const PacketKind = {
  /** None of ours, or held until it is whole. */
  None: 0,
  /** ESP, in UDP or not. */
  Sealed: 1,
  /** UDP for the VXLAN port. */
  Clear: 2,
} as const;
export type PacketKind = (typeof PacketKind)[keyof typeof PacketKind];

/** Where packets go that are of another kind than those that stay. A full batch is handed on by `overflow` first. */
export interface ReassembleOutputs {
  readonly sealed: PacketBatch;
  readonly clear: PacketBatch;
  /** Hands a full batch on and empties it. */
  readonly overflow: (batch: PacketBatch) => void;
  /** Reads ICMP about packets of ours. */
  readonly discovery?: PathMtuDiscovery;
}

// Own constants are folded into the code, imported ones aren't (see wire/layers.ts).
const OK = Fault.None;
const NOTHING = PacketKind.None;
const SEALED = PacketKind.Sealed;
const CLEAR = PacketKind.Clear;
const UDP = IpProtocol.Udp;
const ESP = IpProtocol.Esp;

/** Takes packets off the wire. Packets behind it begin with their IP header. */
export class Reassemble {
  readonly reassembler: Reassembler;
  readonly #port: number;
  /** This node's address as words in network order. */
  readonly #vtep: Int32Array;
  readonly #family: number;
  readonly #drops: DropCounters;
  readonly #outputs: ReassembleOutputs;
  readonly #layers = new Layers();

  constructor(
    topology: Pick<Topology, 'port'>,
    node: Node,
    drops: DropCounters,
    outputs: ReassembleOutputs,
    options?: ReassemblerOptions,
  ) {
    this.#port = topology.port;
    this.#vtep = Int32Array.from({ length: node.vtep.length / 4 }, (_, i) => getWord(node.vtep, 4 * i));
    this.#family = node.vtep.length === 4 ? 4 : 6;
    this.#drops = drops;
    this.#outputs = outputs;
    this.reassembler = new Reassembler(options);
  }

  /**
   * Sorts a batch of Ethernet packets. Those of one kind, as a rule all, stay in it; packets of a network are of one kind.
   * @param now seconds, for the timeouts of reassembly
   * @returns the kind of those that stay
   */
  run(batch: PacketBatch, now: number): PacketKind {
    const { arena, count } = batch;
    const layers = this.#layers;
    const { sealed, clear, overflow } = this.#outputs;
    let kinds: PacketKind = NOTHING;
    let kept = 0;
    for (let i = 0; i < count; i++) {
      const fault = layers.walkEthernet(arena.bytes, batch.start[i], batch.end[i]);
      let kind: PacketKind = NOTHING;
      if (fault !== OK) this.#drop(batch, i, dropReasonOfFault(fault, layers.layer));
      else if (layers.family === 4 && !ipv4ChecksumHolds(arena.bytes, layers.networkOffset)) {
        this.#drop(batch, i, DropReason.IpChecksum);
      } else if (!this.#isForUs(arena.bytes)) this.#drop(batch, i, DropReason.OtherHost);
      else if (layers.isFragment) kind = this.#fragment(batch, i, now);
      else kind = this.#sort(batch, i, now);
      if (kind === NOTHING) continue;
      const { networkOffset, networkEnd } = layers;
      if (kinds === NOTHING) kinds = kind;
      if (kind === kinds) {
        batch.start[i] = networkOffset;
        batch.end[i] = networkEnd;
        batch.move(i, kept++);
      } else {
        const output = kind === SEALED ? sealed : clear;
        if (output.full) overflow(output);
        output.push(batch.slot[i], networkOffset, networkEnd);
      }
    }
    batch.count = kept;
    return kinds;
  }

  #isForUs(bytes: Uint8Array): boolean {
    const { family, addressOffset } = this.#layers;
    const words = this.#vtep;
    if (family !== this.#family) return false;
    const view = viewOf(bytes);
    const at = addressOffset + 4 * words.length;
    for (let i = 0; i < words.length; i++) if (view.getInt32(at + 4 * i) !== words[i]) return false;
    return true;
  }

  /** Takes a fragment. The packet that it completes stands in a slot of its own, which is the batch's then. */
  #fragment(batch: PacketBatch, i: number, now: number): PacketKind {
    const { arena } = batch;
    const { reassembler } = this;
    const outcome = reassembler.push(arena.bytes, this.#layers, batch.end[i], now);
    arena.free(batch.slot[i]);
    // What it refused it has counted, with the parts that fell with it: `droppedFragments`.
    if (outcome !== ReassemblyOutcome.Complete) return NOTHING;
    const { start, end } = reassembler;
    const slot = end - start <= arena.frameBytes ? arena.take() : NO_SLOT;
    if (slot === NO_SLOT) {
      this.#drops.add(DropReason.NoMemory);
      return NOTHING;
    }
    // The one copy that can't be avoided on the way in: the parts came in slots of their own.
    const to = arena.frameOffsetOf(slot);
    arena.bytes.set(reassembler.bytes.subarray(start, end), to);
    batch.slot[i] = slot;
    const layers = this.#layers;
    const fault = layers.walkNetwork(arena.bytes, layers.etherType, to, to + end - start);
    if (fault !== OK) return this.#drop(batch, i, dropReasonOfFault(fault, layers.layer));
    if (layers.isFragment) return this.#drop(batch, i, DropReason.Ipv6ExtensionHeader);
    return this.#sort(batch, i, now);
  }

  #sort(batch: PacketBatch, i: number, now: number): PacketKind {
    const layers = this.#layers;
    const { protocol, destinationPort, sourcePort } = layers;
    const udp = protocol === UDP;
    if (udp && destinationPort === this.#port) return CLEAR;
    if (protocol === ESP) return SEALED;
    if (udp && (destinationPort === ESP_UDP_PORT || sourcePort === ESP_UDP_PORT)) return SEALED;
    const told = this.#outputs.discovery?.take(batch.arena.bytes, layers, now) === true;
    return this.#drop(batch, i, told ? DropReason.PathMtuTold : DropReason.NotOverlay);
  }

  #drop(batch: PacketBatch, i: number, reason: DropReason): PacketKind {
    this.#drops.add(reason);
    batch.arena.free(batch.slot[i]);
    return NOTHING;
  }

  /** Fragments dropped so far, by reason, put into counters. */
  addDrops(counters: DropCounters): void {
    this.reassembler.droppedFragments.forEach((count, drop) => {
      counters.add(dropReasonOfReassembly(drop as Parameters<typeof dropReasonOfReassembly>[0]), count);
    });
  }
}
