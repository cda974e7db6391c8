/** What the threads of `doctor --workers` need: nothing of the findings, which take longer to load than to look at a capture. */
export { CaptureExam } from './capture/capture-exam.js';
export type { ExamPart } from './capture/shares/exam-part.js';
export { InnerOwners } from './capture/shares/inner-owners.js';
