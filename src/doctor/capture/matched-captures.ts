/** All captures of the evidence, compared two by two: computed once for the findings that need it. */
import type { CaptureEvidence } from '../evidence/capture.js';
import type { Evidence } from '../evidence/evidence.js';
import { type CaptureMatch, matchCaptures } from './capture-match.js';

/** Pairs of captures that are compared; with more than 16 files, the others are left out. */
const MAX_PAIRS = 120;

/** A capture and the node that it was taken on. */
export interface NodeCapture {
  /** Empty if unknown. */
  readonly node: string;
  readonly capture: CaptureEvidence;
}

const known = new WeakMap<Evidence, readonly CaptureMatch[]>();

/** Every capture with its node. */
export function capturesOf(evidence: Evidence): NodeCapture[] {
  return evidence.nodes.flatMap(({ name, captures }) => captures.map((capture) => ({ node: name, capture })));
}

/** The captures that have to do with each other. */
export function matchedCaptures(evidence: Evidence): readonly CaptureMatch[] {
  const found = known.get(evidence);
  if (found !== undefined) return found;
  const captures = capturesOf(evidence).map(({ capture }) => capture);
  const matches: CaptureMatch[] = [];
  let pairs = 0;
  for (let i = 0; i < captures.length; i++) {
    for (let j = i + 1; j < captures.length && pairs < MAX_PAIRS; j++) {
      if (captures[i].trace === undefined || captures[j].trace === undefined) continue;
      pairs++;
      const match = matchCaptures(captures[i], captures[j]);
      if (match !== undefined) matches.push(match);
    }
  }
  known.set(evidence, matches);
  return matches;
}
