/** Reads what an exam in another process found: input like any other. */
import { quoted } from '../../text/plain-text.js';
import { CaptureTrace } from '../capture/capture-trace.js';
import { DoctorError } from '../error.js';
import type { CaptureEvidence } from '../evidence/capture.js';
import { evidenceShape } from './evidence-shape.js';
import { EXAM_RESULT_VERSION, type ExamResult } from './exam-result.js';
import { object, oneOf, optional } from '../../inspect/internal.js';
import { traceShape } from './trace-shape.js';

const resultShape = object<ExamResult>({
  version: oneOf(EXAM_RESULT_VERSION),
  evidence: evidenceShape,
  trace: optional(traceShape),
});

/**
 * The evidence in what another process sent: of an exam without conversations and names, with tables of the default sizes.
 * @param value as `node:v8` deserialized it
 * @throws DoctorError `BAD_RESULT` if it isn't a result of this version, or isn't within its bounds
 */
export function readExamResult(value: unknown): CaptureEvidence {
  const wrong = resultShape(value);
  if (wrong !== undefined) {
    throw new DoctorError('BAD_RESULT', `not the result of an exam by this version of vtep: ${quoted(wrong)}`);
  }
  const { evidence, trace } = value as ExamResult;
  return { ...evidence, trace: trace && CaptureTrace.fromColumns(trace) };
}
