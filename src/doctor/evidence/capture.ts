/** What captures hold, as findings use it. */
import type { SurveyReport } from '../../inspect/index.js';

/** The first of some packets, and their number. */
export interface Occurrence {
  readonly count: number;
  /** Numbers of the first packets, from 1, in ascending order; at most 5. */
  readonly packets: readonly number[];
  /** Time of the first, in seconds since 1970; undefined if the capture has no times. */
  readonly firstSeconds: number | undefined;
  readonly lastSeconds: number | undefined;
}

/** An occurrence between two VTEPs, in one direction. */
export interface TunnelOccurrence extends Occurrence {
  readonly source: string;
  readonly destination: string;
  /** VNI; -1 if unknown or of no matter. */
  readonly vni: number;
}

/** An occurrence between two addresses inside a network, in one direction. */
export interface InnerOccurrence extends TunnelOccurrence {
  readonly innerSource: string;
  readonly innerDestination: string;
}

/**
 * A capture file that doctor looked at. What each table holds is in the file of `src/doctor/capture/` that collects it; its
 * type is declared there and listed here.
 */
export interface CaptureEvidence {
  readonly file: string;
  /** The survey of the file: `inspect`'s report, with conversations. */
  readonly survey: SurveyReport;
  readonly firstSeconds: number | undefined;
  readonly lastSeconds: number | undefined;
  /** Why the file could not be read to its end; undefined if it could. */
  readonly damage: string | undefined;
}
