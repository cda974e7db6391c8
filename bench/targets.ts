/** Performance targets of the data plane, and whether a run reached them. */
import { figure } from './figure.js';
import { type BenchReport, type BenchResult, type FrameSize, type PeerResult, Stage } from './result.js';
import { fastest, measured, usualResults } from './selection.js';
import type { TunnelResult } from './tunnels.js';

/** Outcome of a target. */
export const Outcome = {
  Reached: 'reached',
  /** By the fastest run, but not by the median. */
  AtBest: 'by the best round',
  NotReached: 'not reached',
  NotMeasured: 'not measured',
} as const;
export type Outcome = (typeof Outcome)[keyof typeof Outcome];

/** One target compared with a run. */
export interface Target {
  readonly what: string;
  readonly aim: string;
  /** The run's figure, with its unit; empty if it wasn't measured. */
  readonly reached: string;
  readonly outcome: Outcome;
}

/** The peers' names for a cipher object per packet, and for Intel's library in a C loop. */
const CIPHER_OBJECT = /^create(?:Ci|Deci)pheriv/i;
const C_LOOP = /ipsec-mb/i;

function target(what: string, aim: string, reached: number | undefined, unit: string, holds: boolean): Target {
  if (reached === undefined) return { what, aim, reached: '', outcome: Outcome.NotMeasured };
  const outcome = holds ? Outcome.Reached : Outcome.NotReached;
  return { what, aim, reached: `${figure(reached)} ${unit}`, outcome };
}

function atLeast(what: string, least: number, unit: string, reached: number | undefined, than = ''): Target {
  return target(what, `at least ${least} ${unit}${than}`, reached, unit, (reached ?? 0) >= least);
}

function below(what: string, limit: number, unit: string, reached: number | undefined): Target {
  return target(what, `below ${limit} ${unit}`, reached, unit, (reached ?? limit) < limit);
}

/** A target derived from nanoseconds per packet: for the median, and for the fastest run. */
function ofResult(
  result: BenchResult | undefined,
  make: (reached: number | undefined) => Target,
  unitOf: (nanoseconds: number) => number,
): Target {
  const median = make(result && unitOf(result.nsPerPacket));
  if (result === undefined || !(result.best > 0)) return median;
  const fastest = make(unitOf(result.best));
  const outcome =
    median.outcome === Outcome.NotReached && fastest.outcome === Outcome.Reached ? Outcome.AtBest : median.outcome;
  return { ...median, reached: `${median.reached}; best round ${fastest.reached}`, outcome };
}

/** How many times as fast vtep is. */
function ratio(
  ours: Pick<BenchResult, 'nsPerPacket'> | undefined,
  theirs: Pick<PeerResult, 'nsPerPacket'> | undefined,
): number | undefined {
  return ours === undefined || theirs === undefined ? undefined : theirs.nsPerPacket / ours.nsPerPacket;
}

/** The ratio of the most tunnels to the fewest, for the stage, profile and size with the highest one. */
function tunnelTarget(results: readonly TunnelResult[]): Target {
  const ratios = results.map(({ ratio: slower }) => slower).filter((slower) => slower > 0);
  const worst = ratios.length === 0 ? undefined : Math.max(...ratios);
  return target('10,000 tunnels', 'at most 1.3 x the time of 100', worst, 'x', (worst ?? 0) <= 1.3);
}

/** Every target, most important first; all with the largest batch, see `usualResults`. */
export function targetsOf(report: BenchReport): Target[] {
  const best = (stage: Stage, encrypted: boolean, bytes: FrameSize, backend?: string): BenchResult | undefined =>
    fastest(
      usualResults(report, stage, encrypted).filter(
        (result) => result.bytes === bytes && (backend === undefined || result.backend === backend),
      ),
    );
  const peer = (name: RegExp, stage: Stage): PeerResult | undefined =>
    fastest(
      report.peers.filter((one) => one.stage === stage && one.bytes === 1400 && name.test(one.peer) && measured(one)),
    );
  const ciphers = [Stage.Seal, Stage.Open].flatMap((stage) => {
    const openssl = best(stage, true, 1400, 'openssl');
    const ipsecMb = best(stage, true, 1400, 'ipsec-mb');
    const object = peer(CIPHER_OBJECT, stage);
    const than = ' createCipheriv per packet';
    return [
      atLeast(`${stage} 1400 bytes, openssl`, 6, 'x', ratio(openssl, object), than),
      atLeast(`${stage} 1400 bytes, ipsec-mb`, 20, 'x', ratio(ipsecMb, object), than),
      atLeast(`${stage} 1400 bytes, ipsec-mb`, 0.9, 'x', ratio(ipsecMb, peer(C_LOOP, stage)), ' its C loop'),
    ];
  });
  const imix = best(Stage.Egress, true, 'imix');
  const large = best(Stage.Egress, true, 1400);
  const inC = peer(C_LOOP, Stage.Seal);
  const overC = large && inC && large.nsPerPacket - inC.nsPerPacket;
  const throughNode = ratio(large, best(Stage.Egress, true, 1400, 'node'));
  return [
    ...ciphers,
    ofResult(
      imix,
      (reached) => atLeast('encrypted egress, IMIX', 2.1, 'Mpps', reached),
      (nanoseconds) => 1e3 / nanoseconds,
    ),
    ofResult(
      large,
      (reached) => atLeast('encrypted egress, 1400 bytes', 20, 'Gbit/s', reached),
      (nanoseconds) => (8 * 1400) / nanoseconds,
    ),
    atLeast('encrypted egress, 1400 bytes', 10, 'x', throughNode, ' the same through node'),
    below('encrypted egress, 1400 bytes, beyond the C loop', 120, 'ns', overC),
    ...[Stage.Egress, Stage.Ingress].map((stage) =>
      ofResult(
        best(stage, false, 64),
        (reached) => below(`clear ${stage}, 64 bytes`, 60, 'ns', reached),
        (nanoseconds) => nanoseconds,
      ),
    ),
    tunnelTarget(report.tunnels ?? []),
  ];
}
