/** The cost of a packet by stage, and of the whole chain. */
import { type BenchReport, type BenchResult, type FrameSize, Stage } from './result.js';
import { resultsOf, type Setting, usualResults, usualSetting } from './selection.js';

/** Egress and ingress. */
export const Direction = { Out: 'out', In: 'in' } as const;
export type Direction = (typeof Direction)[keyof typeof Direction];

/** A direction's chain, its stages in order, and the one that uses a cipher. */
export const CHAINS = {
  [Direction.Out]: { chain: Stage.Egress, stages: [Stage.Forward, Stage.Encap, Stage.Seal], cipher: Stage.Seal },
  [Direction.In]: { chain: Stage.Ingress, stages: [Stage.Reassemble, Stage.Open, Stage.Decap], cipher: Stage.Open },
} as const;

/** The sizes shown. */
export const COST_SIZES: readonly FrameSize[] = [64, 1400, 'imix'];

/** Nanoseconds per packet of a stage. */
export interface Part {
  readonly stage: Stage;
  readonly nanoseconds: number;
}

/** The cost of a packet of one size with one cipher. */
export interface StageCosts {
  readonly bytes: FrameSize;
  /** In the order of the chain; without stages that weren't measured. */
  readonly parts: readonly Part[];
  /** Nanoseconds per packet of the whole chain, measured separately. */
  readonly chain: number | undefined;
}

/** How far a stage's setting is from its chain's, to be compared lexicographically. */
function distance(result: BenchResult, backend: string, setting: Setting | undefined): number[] {
  return [
    Number(result.backend !== backend),
    Number(!result.encrypted),
    Number(result.batch !== setting?.batch),
    Number(result.flows !== setting?.flows),
    -result.batch,
    result.flows,
  ];
}

function compare(a: readonly number[], b: readonly number[]): number {
  const at = a.findIndex((value, i) => value !== b[i]);
  return at < 0 ? 0 : a[at] - b[at];
}

/** The cost of a direction's encrypted chain, for each size at which the cipher's stage was measured. */
export function stageCosts(report: BenchReport, direction: Direction, backend: string): StageCosts[] {
  const { chain, stages, cipher } = CHAINS[direction];
  const whole = usualResults(report, chain, true);
  const setting = usualSetting(whole.length > 0 ? whole : resultsOf(report, cipher, true));
  const found = stages.map((stage) => ({
    stage,
    results: [...resultsOf(report, stage, true), ...resultsOf(report, stage, false)].filter(
      (result) => result.backend === backend || (result.backend === null && stage !== cipher),
    ),
  }));
  return COST_SIZES.flatMap((bytes): StageCosts[] => {
    const parts = found.flatMap(({ stage, results }): Part[] => {
      const [best] = results
        .filter((result) => result.bytes === bytes)
        .sort((a, b) => compare(distance(a, backend, setting), distance(b, backend, setting)));
      return (best as BenchResult | undefined) === undefined ? [] : [{ stage, nanoseconds: best.nsPerPacket }];
    });
    if (!parts.some(({ stage }) => stage === cipher)) return [];
    const measured = whole.find((result) => result.bytes === bytes && result.backend === backend);
    return [{ bytes, parts, chain: measured?.nsPerPacket }];
  });
}
