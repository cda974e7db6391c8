/**
 * A packet's way out of a node:
 *
 *     container frame -> Forward -> Encap -> Seal -> Fragment -> IP packet on the underlay
 *                           |-> another local endpoint
 *                           +-> an answer to the one who sent it (ARP, ND, ICMP)
 *
 * Nothing is lost in silence (`accounting`): frames + copies + answers made = sent + local + answers + dropped, where
 * outer fragments count as the packet that they were cut of.
 */
import type { Aead } from '../aead/aead.js';
import { type Arena, PacketBatch } from '../memory/index.js';
import { type NodeSas, type NodeTables, PathMtu } from '../overlay/index.js';
import { DropCounters } from './drop-counters.js';
import type { DropReason } from './drop-reason.js';
import { Encap } from './encap.js';
import { Forward, Oversize } from './forward.js';
import { Fragment } from './fragment.js';
import type { IcmpRateOptions } from './icmp-rate.js';
import { Identifications } from './identifications.js';
import { Seal } from './seal.js';
import type { TunnelOptions } from './tunnel.js';

/** Takes a batch that a chain hands out: its packets hold until the call returns, and then their slots are free again. */
export type BatchSink = (batch: PacketBatch) => void;

/** How a node sends. */
export interface EgressOptions extends Omit<TunnelOptions, 'port'> {
  /** What becomes of inner packets that don't fit; `inside` if not said. */
  readonly oversize?: Oversize;
  /** Whether TCP's maximum segment size is lowered to what fits; false. */
  readonly clampMss?: boolean;
  /** Whether frames must come from endpoints of this node; true. */
  readonly rejectForeignSources?: boolean;
  /** How often an endpoint is sent ICMP about its packets; 1000 times a second, 50 at once. */
  readonly icmpRate?: IcmpRateOptions;
  /**
   * Whether outer packets longer than the path MTU go out whole, for an underlay whose kernel fragments them: a UDP socket.
   * @default false
   */
  readonly kernelFragments?: boolean;
  /**
   * Fills an array with random bytes: where the identifications of outer packets start (`Identifications`). Chains that
   * share an address must not start alike; give a seeded one for runs that are to be repeated exactly.
   * @default the platform's cryptographic source
   */
  readonly random?: (bytes: Uint8Array) => void;
  /** The identifications of a chain that this one replaces, which goes on with them. */
  readonly identifications?: Identifications;
  /** The cipher and the SAs; an encrypted network's frames are dropped without. */
  readonly aead?: Aead;
  readonly sas?: NodeSas;
}

/** Where a chain's packets go. */
export interface EgressSinks {
  /** IP packets for the underlay, each for its `node`. A link-layer header that is wanted is the sink's to write. */
  readonly wire: BatchSink;
  /** Frames for other endpoints of this node; an `endpoint` of -1 is all of the frame's network. */
  readonly local: BatchSink;
  /** Answers to endpoints of this node. */
  readonly answers: BatchSink;
}

/** frames + copies + answersMade = sent + local + answers + dropped. */
export interface EgressAccounting {
  readonly frames: number;
  /** Copies of flooded frames, and inner fragments beyond the frame that they were cut of. */
  readonly copies: number;
  readonly answersMade: number;
  readonly sent: number;
  readonly local: number;
  readonly answers: number;
  readonly dropped: number;
}

/** Of an index that no node has. */
const NO_ADDRESS = new Uint8Array(0);

/** The egress of one node. It goes by its tables as they change (`NodeTables.apply`). */
export class EgressChain {
  readonly drops = new DropCounters();
  /** Frames that came in. */
  frames = 0;
  /** Packets that went onto the wire, to local endpoints, and back as answers. */
  wirePackets = 0;
  localFrames = 0;
  answers = 0;
  readonly pathMtu: PathMtu;
  readonly identifications: Identifications;
  readonly forward: Forward;
  readonly seal: Seal;
  readonly fragment: Fragment;

  readonly #whole: boolean;
  readonly #encap: Encap;
  readonly #sinks: EgressSinks;
  readonly #tunnelled: PacketBatch;
  readonly #local: PacketBatch;
  readonly #answers: PacketBatch;
  readonly #wire: PacketBatch;
  readonly #overflow: BatchSink;
  #now = 0;

  constructor(tables: NodeTables, arena: Arena, sinks: EgressSinks, options: EgressOptions = {}) {
    const { oversize = Oversize.Inside, clampMss = false, rejectForeignSources = true, icmpRate, aead, sas } = options;
    const { node } = tables;
    this.pathMtu = new PathMtu(tables, node);
    this.#whole = options.kernelFragments ?? false;
    this.#sinks = sinks;
    this.#tunnelled = new PacketBatch(arena);
    this.#local = new PacketBatch(arena);
    this.#answers = new PacketBatch(arena);
    this.#wire = new PacketBatch(arena);
    this.#overflow = (batch) => this.#handOn(batch);
    const outputs = {
      tunnelled: this.#tunnelled,
      local: this.#local,
      answers: this.#answers,
      overflow: this.#overflow,
    };
    const forwarding = { oversize, clampMss, rejectForeignSources, ...(icmpRate === undefined ? {} : { icmpRate }) };
    this.forward = new Forward(tables, this.pathMtu, this.drops, outputs, forwarding);
    const vteps = tables.nodes.map((other) => other?.vtep ?? NO_ADDRESS);
    this.identifications = new Identifications(vteps, options.random, options.identifications);
    this.#encap = new Encap(tables, this.drops, this.identifications, options);
    this.seal = new Seal(tables, this.drops, aead, sas);
    this.fragment = new Fragment(this.pathMtu, this.drops, this.identifications);
    tables.watch({
      node: (index, another) => this.#updateNode(index, another, tables.nodes[index]?.vtep),
      network: (index) => this.pathMtu.updateNetwork(index),
      endpoint: (index, another) => {
        if (another) this.forward.renewEndpoint(index);
      },
    });
  }

  /**
   * Sends a batch of frames, and empties it.
   * @param batch frames of containers, with their `network`
   * @param now seconds of the caller's clock
   */
  run(batch: PacketBatch, now: number): void {
    this.#now = now;
    this.frames += batch.count;
    this.pathMtu.expire(now);
    this.forward.run(batch, now);
    this.#handOn(batch);
    this.#handOn(this.#tunnelled);
    this.#handOn(this.#local);
    this.#handOn(this.#answers);
  }

  /** Counts a frame that could not even be taken in. */
  refuse(reason: DropReason): void {
    this.frames++;
    this.drops.add(reason);
  }

  /** What came in and what became of it; both sides are the same. */
  get accounting(): EgressAccounting {
    const { forward, fragment, frames, localFrames, answers, drops } = this;
    return {
      frames,
      copies: forward.copies,
      answersMade: forward.answers,
      sent: this.wirePackets - fragment.fragments + fragment.cut,
      local: localFrames,
      answers,
      dropped: drops.total,
    };
  }

  #updateNode(index: number, another: boolean, vtep: Uint8Array | undefined): void {
    this.pathMtu.updateNode(index, another);
    if (!another) return;
    this.#encap.updateNode(index);
    if (vtep !== undefined) this.identifications.renew(index, vtep);
  }

  /** Takes a batch through the stages behind it, and to its sink. */
  #handOn(batch: PacketBatch): void {
    if (batch.count === 0) return;
    if (batch === this.#wire) {
      this.#transmit(batch);
    } else if (batch === this.#local) {
      this.localFrames += batch.count;
      this.#sinks.local(batch);
      batch.clear();
    } else if (batch === this.#answers) {
      this.answers += batch.count;
      this.#sinks.answers(batch);
      batch.clear();
    } else {
      this.#encap.run(batch);
      this.seal.run(batch, this.#now);
      if (this.#whole || this.fragment.fits(batch)) {
        this.#transmit(batch);
      } else {
        this.fragment.run(batch, this.#wire, this.#overflow);
        this.#handOn(this.#wire);
      }
    }
  }

  #transmit(batch: PacketBatch): void {
    if (batch.count === 0) return;
    this.wirePackets += batch.count;
    this.#sinks.wire(batch);
    batch.clear();
  }
}
