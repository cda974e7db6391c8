/** One diagnosis for what several captures show: both ends of a tunnel are captures of the same fault. */
import type { Evidence } from '../evidence/evidence.js';
import { Certainty, type Diagnosis, type Exhibit, Severity } from '../finding.js';

/** Exhibits of a merged diagnosis, at most. */
const MAX_EXHIBITS = 8;
const NUMBERS = /\d[\d.,]*/g;

/** What two diagnoses of one finding have in common if they are of the same fault: the subject, and the words. */
function nameOf({ subject, summary }: Diagnosis): string {
  return `${JSON.stringify(subject)} ${summary.replace(NUMBERS, '#')}`;
}

const SEVERITIES: readonly Severity[] = [Severity.Error, Severity.Warning, Severity.Note];
const CERTAINTIES: readonly Certainty[] = [Certainty.Certain, Certainty.Likely, Certainty.Possible];

/** The lower, the more a diagnosis says. */
function rank({ severity, certainty }: Diagnosis): number {
  return SEVERITIES.indexOf(severity) * CERTAINTIES.length + CERTAINTIES.indexOf(certainty);
}

/** Adds what another diagnosis shows by packets; what it says of its capture as a whole may not hold for both. */
function joined(one: readonly Exhibit[], other: readonly Exhibit[]): readonly Exhibit[] {
  const known = new Set(one.map((exhibit) => JSON.stringify(exhibit)));
  const more = other.filter(
    (exhibit) =>
      exhibit.places?.some(({ packet }) => packet !== undefined) === true && !known.has(JSON.stringify(exhibit)),
  );
  return [...one, ...more].slice(0, MAX_EXHIBITS);
}

/**
 * Merges the diagnoses of a finding that are about the same: the most severe and most certain one remains, with the exhibits of all.
 * @param find finds them capture by capture
 */
export function perSubject(find: (evidence: Evidence) => Iterable<Diagnosis>): (evidence: Evidence) => Diagnosis[] {
  return (evidence) => {
    const merged = new Map<string, Diagnosis>();
    for (const diagnosis of find(evidence)) {
      const name = nameOf(diagnosis);
      const before = merged.get(name);
      if (before === undefined) {
        merged.set(name, diagnosis);
        continue;
      }
      const [base, other] = rank(diagnosis) < rank(before) ? [diagnosis, before] : [before, diagnosis];
      merged.set(name, { ...base, exhibits: joined(base.exhibits, other.exhibits) });
    }
    return [...merged.values()];
  };
}
