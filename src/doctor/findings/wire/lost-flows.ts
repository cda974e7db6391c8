/** What one capture has and the other lacks, by direction: shared by the findings about lost packets. */
import { type CaptureMatch, matchedCaptures, nodeText, type MatchedFlow, TraceKind } from '../../capture/index.js';
import type { CaptureEvidence, Occurrence } from '../../evidence/capture.js';
import type { Evidence } from '../../evidence/evidence.js';

/** Packets that must be missing before it counts. */
const ENOUGH = 3;
/** Repetitions by packets if each was captured twice; those at the ends of what both captures cover aren't counted. */
const LEAST_OF_TWICE = 0.8;

/** A flow of which packets are lost between two captures. */
export interface LostFlow {
  readonly flow: MatchedFlow;
  readonly match: CaptureMatch;
  /** The capture that has the packets, and the one that lacks them. */
  readonly has: CaptureEvidence;
  readonly lacks: CaptureEvidence;
  readonly lost: Occurrence;
  /** Packets of the flow that `has` has, within the time that both cover. */
  readonly sent: number;
  /** Whether nothing of it arrives. */
  readonly isAll: boolean;
}

/** The flows of networks, and of gossip, that lose packets between captures. */
export function lostFlows(evidence: Evidence): LostFlow[] {
  const found: LostFlow[] = [];
  for (const match of matchedCaptures(evidence)) {
    for (const flow of match.flows) {
      if (!isComparable(match, flow)) continue;
      for (const isFirst of [true, false]) {
        const lost = isFirst ? flow.onlyFirst : flow.onlySecond;
        if (lost.count < ENOUGH) continue;
        const [has, lacks] = isFirst ? [match.first, match.second] : [match.second, match.first];
        const sent = flow.matched + lost.count;
        found.push({ flow, match, has, lacks, lost, sent, isAll: flow.matched === 0 });
      }
    }
  }
  return found;
}

/** Whether a capture has packets that a snaplen cut. */
function isCut({ survey }: CaptureEvidence): boolean {
  return (survey.accounting.dropped['CAPTURE_TRUNCATED'] ?? 0) > 0;
}

/**
 * Whether the packets of a flow can be found in the other capture. Those that a snaplen cut are matched by fewer bytes than whole
 * ones, so that none fits; ESP is matched by the beginning of its header.
 */
export function isComparable({ first, second }: CaptureMatch, { kind }: MatchedFlow): boolean {
  return kind === TraceKind.Esp || !(isCut(first) || isCut(second));
}

/** Whether a capture has anything of a flow's direction; a capture of the other direction lacks it all. */
export function hasDirection({ traffic, frames }: CaptureEvidence, { source, destination }: MatchedFlow): boolean {
  return [...traffic, ...frames].some((row) => row.source === source && row.destination === destination);
}

/** Whether other traffic of the same direction arrives: what is missing is then not left out with the whole direction. */
function othersArrive({ flow, match, lacks }: LostFlow): boolean {
  const others = match.flows.filter((other) => other !== flow && other.matched > 0);
  const isSame = others.some((other) => other.source === flow.source && other.destination === flow.destination);
  const isBack = others.some((other) => other.source === flow.destination && other.destination === flow.source);
  return isSame || (isBack && hasDirection(lacks, flow));
}

/** Whether all ESP is lost, though other traffic arrives. */
export function isEspBlocked(lost: LostFlow): boolean {
  return lost.flow.kind === TraceKind.Esp && lost.isAll && othersArrive(lost);
}

/** Whether all VXLAN is lost, though other traffic arrives. */
export function isVxlanBlocked(lost: LostFlow): boolean {
  return lost.flow.kind === TraceKind.Vxlan && lost.isAll && othersArrive(lost);
}

/**
 * Whether the capture that has the packets may have each of them twice, as one of several devices or a mirror of two ports has: half
 * of every direction is then missing in the other.
 */
export function mayBeTwice({ has, match }: LostFlow): boolean {
  const isFirst = has === match.first;
  const flows = match.flows.filter(({ matched }) => matched >= ENOUGH);
  return (
    flows.length > 0 &&
    flows.every(({ matched, onlyFirst, onlySecond }) => {
      const lost = (isFirst ? onlyFirst : onlySecond).count;
      return lost >= LEAST_OF_TWICE * matched && lost <= matched;
    })
  );
}

/** Flows by the VTEPs that they are between, whichever way they go. */
export function byPair(flows: readonly LostFlow[]): LostFlow[][] {
  const pairs = new Map<string, LostFlow[]>();
  for (const lost of flows) {
    const name = [lost.flow.source, lost.flow.destination].sort().join(' ');
    const of = pairs.get(name);
    if (of === undefined) pairs.set(name, [lost]);
    else of.push(lost);
  }
  return [...pairs.values()];
}

/** The directions of flows for people: `from node1 to node2`, or `between node1 and node2`. */
export function directionText(evidence: Evidence, flows: readonly LostFlow[]): string {
  const [{ flow }] = flows;
  if (flows.every((other) => other.flow.source === flow.source)) {
    return `from ${nodeText(evidence, flow.source)} to ${nodeText(evidence, flow.destination)}`;
  }
  const [one, two] = [flow.source, flow.destination].sort();
  return `between ${nodeText(evidence, one)} and ${nodeText(evidence, two)}`;
}
