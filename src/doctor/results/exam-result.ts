/** What an exam found as plain data, to be sent to the process that diagnoses: `node:v8` serializes it. */
import type { TraceColumns } from '../capture/capture-trace.js';
import type { CaptureEvidence } from '../evidence/capture.js';

/** Changes with every change of what a result has: both ends must be of one version. */
export const EXAM_RESULT_VERSION = 1;

/**
 * What an exam found. Its tables are bounded as those of `CaptureExam` are. The trace has 25 bytes for each packet of the overlay,
 * and at most 26.3 MB.
 */
export interface ExamResult {
  readonly version: typeof EXAM_RESULT_VERSION;
  readonly evidence: Omit<CaptureEvidence, 'trace'>;
  /** Undefined if the exam kept none: there is no other capture to compare with. */
  readonly trace: TraceColumns | undefined;
}

/** The evidence of an exam as plain data. `readExamResult` is its counterpart. */
export function examResult({ trace, ...evidence }: CaptureEvidence): ExamResult {
  return { version: EXAM_RESULT_VERSION, evidence, trace: trace?.columns() };
}
