/**
 * Runs findings over the evidence. A cause hides its consequences: clear VXLAN that a node refuses isn't reported as traffic in
 * one direction, too.
 */
import { FINDINGS } from './catalogue.js';
import type { Evidence, InputSummary } from './evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity, type Subject } from './finding.js';

/** A diagnosis and the finding that it belongs to. */
export interface Found extends Diagnosis {
  readonly finding: Finding;
}

/** A diagnosis that isn't reported, since it is a consequence. */
export interface Consequence {
  readonly found: Found;
  /** What explains it. */
  readonly cause: Found;
}

/** What doctor found. */
export interface DoctorResult {
  /** The most severe and most certain first. */
  readonly found: readonly Found[];
  readonly consequences: readonly Consequence[];
  /** By id of the finding: number of diagnoses beyond the limit of one finding. */
  readonly omitted: ReadonlyMap<string, number>;
  /** Commands whose output would tell more, each once. */
  readonly collect: readonly string[];
  readonly inputs: readonly InputSummary[];
}

/** Most diagnoses of one finding: a list of thousands of endpoints with the same fault helps nobody. */
export const MAX_DIAGNOSES = 50;

const SEVERITIES: readonly Severity[] = [Severity.Error, Severity.Warning, Severity.Note];
const CERTAINTIES: readonly Certainty[] = [Certainty.Certain, Certainty.Likely, Certainty.Possible];

/**
 * Finds what is wrong.
 * @param findings
 * @default all
 */
export function diagnose(evidence: Evidence, findings: readonly Finding[] = FINDINGS): DoctorResult {
  const omitted = new Map<string, number>();
  const all = findings.flatMap((finding) => diagnosesOf(finding, evidence, omitted));
  const isSame = sameMatter(evidence);
  const causes = causesOf(all, isSame);
  const found = all.filter((one) => !causes.has(one));
  const collect = new Set(
    found.flatMap(({ certainty, collect: commands = [] }) => (certainty === Certainty.Certain ? [] : commands)),
  );
  return {
    found: found.sort((a, b) => rank(a) - rank(b)),
    consequences: [...causes].map(([one, cause]) => ({ found: one, cause })),
    omitted,
    collect: [...collect],
    inputs: evidence.inputs,
  };
}

function diagnosesOf(finding: Finding, evidence: Evidence, omitted: Map<string, number>): Found[] {
  const found: Found[] = [];
  let more = 0;
  for (const diagnosis of finding.find(evidence)) {
    const one = { ...diagnosis, finding };
    if (found.length < MAX_DIAGNOSES) {
      found.push(one);
      continue;
    }
    more += 1;
    // Fifty notes don't keep an error from being listed.
    const least = found.reduce((worst, each, i) => (rank(each) >= rank(found[worst]) ? i : worst), 0);
    if (rank(one) < rank(found[least])) found.splice(least, 1, one);
  }
  if (more > 0) omitted.set(finding.id, more);
  return found;
}

/** The most severe first, of these the most certain, then in the order of the catalogue. */
function rank({ severity, certainty }: Found): number {
  return SEVERITIES.indexOf(severity) * CERTAINTIES.length + CERTAINTIES.indexOf(certainty);
}

/** Consequences with their causes. */
function causesOf(all: readonly Found[], isSame: (a: Subject, b: Subject) => boolean): Map<Found, Found> {
  const causes = new Map<Found, Found>();
  const byRank = [...all].sort((a, b) => rank(a) - rank(b));
  for (const cause of byRank) {
    const { explains } = cause.finding;
    if (explains.length === 0) continue;
    for (const one of byRank) {
      if (causes.has(one) || !explains.includes(one.finding.id)) continue;
      // What may be the cause doesn't hide what certainly is there, nor what costs something what is lost.
      if (cause.certainty === Certainty.Possible && one.certainty !== Certainty.Possible) continue;
      if (SEVERITIES.indexOf(cause.severity) > SEVERITIES.indexOf(one.severity)) continue;
      if (isSame(cause.subject, one.subject) && !isCausedBy(cause, one, causes)) causes.set(one, cause);
    }
  }
  return causes;
}

/** Whether something is a consequence of another, or the same: two findings that explain each other don't hide both. */
function isCausedBy(one: Found, other: Found, causes: ReadonlyMap<Found, Found>): boolean {
  for (let at: Found | undefined = one; at !== undefined; at = causes.get(at)) if (at === other) return true;
  return false;
}

/**
 * Whether two subjects can be about the same matter. Nodes are known by name and by each of their addresses. What is between two
 * nodes is another matter than what is between one of them and a third, unless both are about one endpoint.
 */
function sameMatter({ nodes }: Evidence): (a: Subject, b: Subject) => boolean {
  const names = new Map<string, string>();
  for (const { name, addresses } of nodes) {
    for (const address of addresses) names.set(address, name === '' ? addresses[0] : name);
  }
  const named = (list: readonly string[]): Set<string> => new Set(list.map((node) => names.get(node) ?? node));
  return (a, b) => {
    if (a.vni !== undefined && b.vni !== undefined && a.vni !== b.vni) return false;
    if (a.spi !== undefined && b.spi !== undefined && a.spi !== b.spi) return false;
    const [ours, theirs] = [a.endpoints, b.endpoints];
    const hasEndpoints = ours !== undefined && theirs !== undefined;
    if (hasEndpoints && !ours.some((one) => theirs.includes(one))) return false;
    if (a.nodes === undefined || b.nodes === undefined) return true;
    const [own, others] = [named(a.nodes), named(b.nodes)];
    const common = [...own].filter((node) => others.has(node)).length;
    return common >= (hasEndpoints ? 1 : Math.min(2, own.size, others.size));
  };
}
