/** What came of a replay. */
import { DropCounters } from '../dataplane/index.js';

/** What came of a replay. frames = crossed + local + not known + dropped on the way out, answers and copies apart. */
export interface ReplayResult {
  readonly frames: number;
  /** Frames that no endpoint of the topology sent. */
  readonly unknownSource: number;
  /** Frames that stayed on their node. */
  readonly local: number;
  /** Of the delivered frames: as they were sent, delivered before, and not as any was sent. */
  readonly exact: number;
  readonly again: number;
  readonly changed: number;
  /** Frames that went onto the wire and were not delivered. */
  readonly missing: number;
  /** Fragments that still wait. */
  readonly held: number;
  readonly dropped: { readonly egress: DropCounters; readonly ingress: DropCounters };
  readonly wire: {
    readonly packets: number;
    readonly bytes: number;
    /** Bytes of the frames in them. */
    readonly frameBytes: number;
    /** Packets that were cut, and the fragments that they gave. */
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
  /** Key rotations, and the steps that the nodes took for them. */
  readonly rotations: number;
  readonly rotationSteps: number;
  /** Whether every stage's sum adds up: nothing was lost in silence. */
  readonly balanced: boolean;
}

/** A result as it comes from another thread, where objects lose their methods. */
export type ReplayPart = Omit<ReplayResult, 'dropped'> & {
  readonly dropped: Record<'egress' | 'ingress', Pick<DropCounters, 'counts'>>;
};

/** The result of several replays, each of its own share of the frames. */
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
