/** What a finding is: one kind of fault, when it is found, and what to do about it. */
import type { Evidence } from './evidence/evidence.js';
import type { Place } from './evidence/place.js';

/** How bad it is. */
export const Severity = {
  /** Traffic is lost, or isn't protected. */
  Error: 'error',
  /** It costs something, or will break. */
  Warning: 'warning',
  /** Unusual, or explains a number. */
  Note: 'note',
} as const;
export type Severity = (typeof Severity)[keyof typeof Severity];

/** How sure doctor is. */
export const Certainty = {
  /** The inputs show it. */
  Certain: 'certain',
  /** The inputs show its effects, and hardly anything else has them. */
  Likely: 'likely',
  /** One of several causes that the inputs can't tell apart. */
  Possible: 'possible',
} as const;
export type Certainty = (typeof Certainty)[keyof typeof Certainty];

/** What a diagnosis is about. Two subjects are the same matter if no field that both have excludes it. */
export interface Subject {
  /** Names of nodes, or addresses of VTEPs. */
  readonly nodes?: readonly string[];
  readonly vni?: number;
  /** Inner addresses. */
  readonly endpoints?: readonly string[];
  readonly spi?: number;
}

/** A piece of evidence: what was seen, and where. */
export interface Exhibit {
  /** For people, without a full stop: `6 outer fragments from 192.168.50.1, first at 12:00:01.5`. */
  readonly text: string;
  /** Where: lines and packet numbers, at most 5. */
  readonly places?: readonly Place[];
}

/** One occurrence of a finding. */
export interface Diagnosis {
  readonly severity: Severity;
  readonly certainty: Certainty;
  /** One sentence that names the nodes, networks and numbers concerned. */
  readonly summary: string;
  readonly subject: Subject;
  readonly exhibits: readonly Exhibit[];
  /** What to do, in order: sentences. */
  readonly advice: readonly string[];
  /** Commands for it, ready to paste. */
  readonly commands?: readonly string[];
  /** Commands that would tell what the inputs can't, if it isn't certain. */
  readonly collect?: readonly string[];
}

/** One kind of fault. */
export interface Finding {
  /** For `--explain`, `--json` and `generate --fault`: `mtu-too-big`. */
  readonly id: string;
  /** One line: `Packets are larger than the path between the nodes takes`. */
  readonly title: string;
  /** The highest severity of its diagnoses. */
  readonly severity: Severity;
  /** What it looks at, for the documentation. */
  readonly looksAt: string;
  /** When it fires, for the documentation. */
  readonly fires: string;
  /** What it means for the traffic, for people who don't know it: one to three sentences. */
  readonly means: string;
  /** Public issues that describe it: `moby/moby#30766`. */
  readonly threads: readonly string[];
  /** Ids of findings that are its consequences: with the same subject, they are not reported beside it. */
  readonly explains: readonly string[];
  /** Finds its occurrences. Never throws for any evidence. */
  readonly find: (evidence: Evidence) => Iterable<Diagnosis>;
}
