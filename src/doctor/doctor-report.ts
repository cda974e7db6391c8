/** What doctor found as plain data: the format of its `--json`, and what the page of `vtep report` begins with. */
import type { DoctorResult, Found } from './diagnose.js';
import type { InputSummary } from './evidence/evidence.js';
import { type Certainty, type Exhibit, Severity, type Subject } from './finding.js';

/** A diagnosis. */
export interface FindingReport {
  /** Stable between versions. */
  readonly id: string;
  readonly title: string;
  readonly severity: Severity;
  readonly certainty: Certainty;
  /** One sentence that names nodes, networks and numbers. */
  readonly summary: string;
  readonly subject: Subject;
  readonly exhibits: readonly Exhibit[];
  /** What it means for the traffic. */
  readonly means: string;
  /** What to do, in order. */
  readonly advice: readonly string[];
  /** Commands for it. */
  readonly commands: readonly string[];
  /** Commands whose output would make it certain, or rule it out. */
  readonly collect: readonly string[];
  /** Public issues that describe it: `moby/moby#30766`. */
  readonly threads: readonly string[];
}

/** Everything that doctor says. */
export interface DoctorReport {
  /** The most severe and most certain first. */
  readonly findings: readonly FindingReport[];
  /** Number of findings by severity. */
  readonly counts: Readonly<Record<Severity, number>>;
  /** What isn't reported as a finding, since one of those above explains it. */
  readonly consequences: readonly { readonly id: string; readonly summary: string; readonly cause: string }[];
  /** By id: number of further diagnoses of that finding. */
  readonly omitted: Readonly<Record<string, number>>;
  /** Commands whose output would tell more. */
  readonly collect: readonly string[];
  readonly inputs: readonly InputSummary[];
}

/** A result as plain data. */
export function doctorReport({ found, consequences, omitted, collect, inputs }: DoctorResult): DoctorReport {
  const count = (severity: Severity): number => found.filter((one) => one.severity === severity).length;
  return {
    findings: found.map(findingReport),
    counts: {
      [Severity.Error]: count(Severity.Error),
      [Severity.Warning]: count(Severity.Warning),
      [Severity.Note]: count(Severity.Note),
    },
    consequences: consequences.map(({ found: { finding, summary }, cause }) => ({
      id: finding.id,
      summary,
      cause: cause.finding.id,
    })),
    omitted: Object.fromEntries(omitted),
    collect,
    inputs,
  };
}

function findingReport({ finding, ...diagnosis }: Found): FindingReport {
  const { severity, certainty, summary, subject, exhibits, advice, commands = [], collect = [] } = diagnosis;
  const { id, title, means, threads } = finding;
  return { id, title, severity, certainty, summary, subject, exhibits, means, advice, commands, collect, threads };
}
