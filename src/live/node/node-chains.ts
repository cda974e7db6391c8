/** Both directions of a node on one set of tables. */
import type { Aead } from '../../aead/portable.js';
import {
  type BatchSink,
  DropCounters,
  EgressChain,
  type EgressOptions,
  IngressChain,
  type Oversize,
} from '../../dataplane/index.js';
import type { Arena } from '../../memory/index.js';
import { type NodeSas, NodeTables, type Topology } from '../../overlay/index.js';

/** Sending options of a node. */
export interface SendingOptions {
  /**
   * How inner packets that don't fit are handled.
   * @default 'inside'
   */
  readonly oversize?: Oversize;
  /**
   * Whether the TCP MSS is clamped to what fits.
   * @default false
   */
  readonly clampMss?: boolean;
  /** Fills an array with random bytes, for the initial IP identifications of outer packets. */
  readonly random?: (bytes: Uint8Array) => void;
  /** Called when ICMP has lowered the path MTU to a node, by its index. */
  readonly onPathMtu?: (node: number, mtu: number) => void;
}

/** Destinations of a node's packets. */
export interface NodeSinks {
  /** IP packets for the underlay, each for its `node`. */
  readonly wire: BatchSink;
  /**
   * The same packets as UDP payloads, where the underlay writes the outer headers (`EgressSinks.datagrams`).
   * @default these go to `wire` too
   */
  readonly datagrams?: BatchSink;
  /** Frames for endpoints of this node; `endpoint` -1 means all endpoints of the network except the sender. */
  readonly frames: BatchSink;
}

/** Packets of one direction and their outcome: `in` + `made` = `out` + `dropped` + `held`. */
export interface DirectionCounters {
  readonly in: number;
  /** Copies, fragments and replies generated, minus the fragments reassembled. */
  readonly made: number;
  readonly out: number;
  readonly held: number;
  readonly drops: DropCounters;
}

/** Counters of both directions and of ESP. */
export interface NodeCounters {
  readonly egress: DirectionCounters;
  readonly ingress: DirectionCounters;
  readonly sealed: number;
  readonly opened: number;
}

/** The tables and chains of a node. */
export class NodeChains {
  readonly tables: NodeTables;
  readonly egress: EgressChain;
  readonly ingress: IngressChain;

  /**
   * @param name the node's name
   * @throws OverlayError `BAD_CONFIG` if there is no such node, `BAD_TABLE` if it has too many endpoints
   */
  constructor(
    topology: Topology,
    name: string,
    arena: Arena,
    sinks: NodeSinks,
    keys: { readonly aead?: Aead; readonly sas?: NodeSas },
    { onPathMtu, ...sending }: SendingOptions & Pick<EgressOptions, 'kernelFragments'> = {},
  ) {
    this.tables = new NodeTables(topology, name);
    const { wire, datagrams, frames } = sinks;
    const outputs = { wire, ...(datagrams === undefined ? {} : { datagrams }), local: frames, replies: frames };
    this.egress = new EgressChain(this.tables, arena, outputs, { ...sending, ...keys });
    const own = this.egress.pathMtu;
    const pathMtu = {
      learn: (peer: number, mtu: number, now: number): boolean => {
        const lower = own.learn(peer, mtu, now);
        if (lower) onPathMtu?.(peer, mtu);
        return lower;
      },
    };
    this.ingress = new IngressChain(this.tables, arena, frames, { ...keys, pathMtu, ipVerified: true });
  }

  get counters(): NodeCounters {
    const sent = this.egress.accounting;
    const received = this.ingress.accounting;
    const egressDrops = new DropCounters();
    egressDrops.counts.set(this.egress.drops.counts);
    return {
      egress: {
        in: sent.frames,
        made: sent.copies + sent.repliesMade,
        out: sent.sent + sent.local + sent.replies,
        held: 0,
        drops: egressDrops,
      },
      ingress: {
        in: received.packets,
        made: received.copies + received.reassembled - received.reassembledFragments,
        out: received.delivered,
        held: received.held,
        drops: this.ingress.drops,
      },
      sealed: this.egress.seal.sealed,
      opened: this.ingress.open.opened,
    };
  }
}
