/** What the page and its worker tell each other. */
import type { DoctorReport } from '../../../src/doctor/index.js';
import type { KeyTimelineReport, SurveyReport } from '../../../src/inspect/index.js';
import type { ByteLocation } from '../capture/byte-store.js';
import type { IndexTables } from '../index/capture-index.js';
import type { PacketPart } from '../index/packet-columns.js';

/** A text that the user gave: keys, outputs of commands, inspect dumps. */
export interface GivenText {
  readonly name: string;
  readonly text: string;
}

/** What a worker reads captures for. */
export const IndexWork = {
  /** First the index, then the reports. */
  All: 'all',
  /** The index alone, up to `indexed`, so that another worker makes the reports at the same time. */
  Index: 'index',
  /** The reports alone, up to `reported`. */
  Reports: 'reports',
} as const;
export type IndexWork = (typeof IndexWork)[keyof typeof IndexWork];

/** Page to worker: index these captures. A worker does this once; to stop it, the page ends the worker. */
export interface IndexRequest {
  readonly kind: 'index';
  readonly captures: readonly ByteLocation[];
  readonly texts: readonly GivenText[];
  /** Whether to decrypt ESP, with the keys of `texts`. */
  readonly decrypt: boolean;
  /**
   * What to read them for.
   * @default IndexWork.All
   */
  readonly work?: IndexWork;
}

/** What is known once every packet has been read. */
export interface IndexReports {
  readonly survey: SurveyReport;
  readonly timeline: KeyTimelineReport;
  readonly doctor: DoctorReport;
}

/** Worker to page. */
export type WorkerMessage =
  | {
      /** More packets, in order; the page adds them to its columns. Tables replace those of the message before. */
      readonly kind: 'packets';
      readonly part: PacketPart;
      readonly tables: IndexTables;
      /** Bytes read, of all files. */
      readonly position: number;
      readonly size: number;
    }
  /** Every packet has been posted: these are the tables. */
  | { readonly kind: 'indexed'; readonly tables: IndexTables }
  /** The captures are read once more, and examined; position and size are bytes, of all files. */
  | { readonly kind: 'examined'; readonly position: number; readonly size: number }
  /** The end. */
  | { readonly kind: 'done'; readonly reports: IndexReports; readonly tables: IndexTables }
  /** The end of `IndexWork.Reports`. */
  | { readonly kind: 'reported'; readonly reports: IndexReports }
  /** A file that isn't a capture, keys that can't be read: nothing is indexed, or not that file. */
  | { readonly kind: 'problem'; readonly name: string; readonly message: string; readonly fatal: boolean };
