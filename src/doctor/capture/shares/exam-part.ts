/** What one thread found in its share of a capture, as plain data for the thread that reports. */
import type { SurveyPart } from '../../../inspect/internal.js';
import type { UnansweredQueries } from '../dns-watch.js';
import type { FloodedFrames, ReservedBits } from '../header-watch.js';
import type { RetransmissionStorm, TcpTrace } from '../tcp-watch.js';
import type { TunnelFrames } from '../tunnel-watch.js';
import type { WrongChecksums } from '../checksum-watch.js';
import type { DirectionColumns } from './direction-columns.js';

/** A thread's findings in its share of the packets. */
export interface ExamPart {
  readonly survey: SurveyPart;
  /** Whether what it found can't be merged exactly. */
  readonly inexact: boolean;
  /** Rows in use of each table, in a fixed order. */
  readonly used: readonly number[];
  readonly frames: readonly TunnelFrames[];
  readonly wrongChecksums: readonly WrongChecksums[];
  readonly directions: DirectionColumns;
  readonly tcp: readonly TcpTrace[];
  readonly storms: readonly RetransmissionStorm[];
  readonly unansweredQueries: readonly UnansweredQueries[];
  readonly reservedBits: readonly ReservedBits[];
  readonly flooded: readonly FloodedFrames[];
}
