/** The result of a replay. */
import { DropCounters } from '../dataplane/index.js';
import type { ServiceReplay } from './service-path.js';

/** The result of a replay. frames = sent + local + unknown source + egress drops, apart from replies and copies. */
export interface ReplayResult {
  readonly frames: number;
  /** Frames whose source is not an endpoint of the topology. */
  readonly unknownSource: number;
  /** Frames that stayed on their node. */
  readonly local: number;
  /** Delivered frames: identical to a sent one, delivered again, and identical to none. */
  readonly exact: number;
  readonly again: number;
  readonly changed: number;
  /** Frames that were sent on the wire and not delivered. */
  readonly missing: number;
  /** Fragments still held. */
  readonly held: number;
  readonly dropped: { readonly egress: DropCounters; readonly ingress: DropCounters };
  readonly wire: {
    readonly packets: number;
    readonly bytes: number;
    /** Bytes of the frames in the packets. */
    readonly frameBytes: number;
    /** Packets that were fragmented, and the resulting fragments. */
    readonly cut: number;
    readonly fragments: number;
    readonly sealed: number;
  };
  readonly underlay: {
    readonly lost: number;
    readonly duplicates: number;
    readonly reordered: number;
    readonly corrupted: number;
    readonly noMemory: number;
  };
  /** What the load balancers did, if the topology has services. */
  readonly services?: ServiceReplay;
  /** Key rotations, and the steps that the nodes took for them. */
  readonly rotations: number;
  readonly rotationSteps: number;
  /** Whether every stage accounts for all packets: nothing was lost silently. */
  readonly balanced: boolean;
}

/** A result received from another thread, where objects lose their methods. */
export type ReplayPart = Omit<ReplayResult, 'dropped'> & {
  readonly dropped: Record<'egress' | 'ingress', Pick<DropCounters, 'counts'>>;
};

/** The sum of several replays, each of a separate share of the frames. */
export function sumOfReplays(parts: readonly ReplayPart[]): ReplayResult {
  const sum = (of: (part: ReplayPart) => number): number => parts.reduce((total, part) => total + of(part), 0);
  const drops = (of: (part: ReplayPart) => Pick<DropCounters, 'counts'>): DropCounters => {
    const counters = new DropCounters();
    for (const part of parts) of(part).counts.forEach((count, reason) => (counters.counts[reason] += count));
    return counters;
  };
  return {
    frames: sum(({ frames }) => frames),
    unknownSource: sum(({ unknownSource }) => unknownSource),
    local: sum(({ local }) => local),
    exact: sum(({ exact }) => exact),
    again: sum(({ again }) => again),
    changed: sum(({ changed }) => changed),
    missing: sum(({ missing }) => missing),
    held: sum(({ held }) => held),
    dropped: { egress: drops(({ dropped }) => dropped.egress), ingress: drops(({ dropped }) => dropped.ingress) },
    wire: {
      packets: sum(({ wire }) => wire.packets),
      bytes: sum(({ wire }) => wire.bytes),
      frameBytes: sum(({ wire }) => wire.frameBytes),
      cut: sum(({ wire }) => wire.cut),
      fragments: sum(({ wire }) => wire.fragments),
      sealed: sum(({ wire }) => wire.sealed),
    },
    underlay: {
      lost: sum(({ underlay }) => underlay.lost),
      duplicates: sum(({ underlay }) => underlay.duplicates),
      reordered: sum(({ underlay }) => underlay.reordered),
      corrupted: sum(({ underlay }) => underlay.corrupted),
      noMemory: sum(({ underlay }) => underlay.noMemory),
    },
    rotations: sum(({ rotations }) => rotations),
    rotationSteps: sum(({ rotationSteps }) => rotationSteps),
    balanced: parts.every(({ balanced }) => balanced),
  };
}
