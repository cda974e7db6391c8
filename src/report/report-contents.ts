/** What a page shows, as plain data. */
import type { KeyTimelineReport, SurveyReport } from '../inspect/index.js';

/** A part of an input: a line of a text, or a packet of a capture. */
export interface ReportPlace {
  /** Name of the file, as given. */
  readonly file: string;
  /** Line from 1. */
  readonly line?: number;
  /** Packet number from 1, as Wireshark counts. */
  readonly packet?: number;
}

/** Something that is wrong, with its evidence and its remedy. All texts are plain text; the page escapes them. */
export interface ReportFinding {
  /** For programs: `mtu-too-big`. */
  readonly id: string;
  /** One line: what kind of fault it is. */
  readonly title: string;
  readonly severity: 'error' | 'warning' | 'note';
  readonly certainty: 'certain' | 'likely' | 'possible';
  /** One sentence that names the nodes, networks and numbers concerned. */
  readonly summary: string;
  /** What it means for the traffic. */
  readonly means: string;
  /** What was seen, and where. */
  readonly exhibits: readonly { readonly text: string; readonly places?: readonly ReportPlace[] }[];
  /** What to do, in order: sentences. */
  readonly advice: readonly string[];
  /** Commands for it, ready to paste. */
  readonly commands: readonly string[];
  /** Public issues that describe it: `moby/moby#30766`. */
  readonly threads: readonly string[];
}

/** Everything on a page. */
export interface ReportContents {
  /** What the captures hold: the report of a `Survey` with `flows`. */
  readonly survey: SurveyReport;
  /** The report of a `KeyTimeline` over the same captures; undefined or without packets if there is no ESP. */
  readonly timeline?: KeyTimelineReport | undefined;
  /** What is wrong; if undefined, the page shows the survey's problems in their place. */
  readonly findings?: readonly ReportFinding[] | undefined;
  /** By `id`: number of further findings of that kind, which `findings` doesn't list. */
  readonly omitted?: Readonly<Record<string, number>> | undefined;
  /** Commands whose output would tell more. */
  readonly collect?: readonly string[] | undefined;
  /** Version of the program, for the last line. */
  readonly version?: string | undefined;
}
