/**
 * What threads and workers that examine captures need: nothing of the findings, which take longer to load than to look at a
 * capture.
 */
export { CaptureExam } from './capture/capture-exam.js';
export type { ExamPart } from './capture/shares/exam-part.js';
export { InnerOwners } from './capture/shares/inner-owners.js';
export { EXAM_RESULT_VERSION, type ExamResult, examResult } from './results/exam-result.js';
export { readExamResult } from './results/read-exam-result.js';
export { type RotatedFile, rotatedCaptures } from './results/rotated-captures.js';
