/** What the command line uses of a fleet, which is not part of the public API: a node's figures, captures read by jobs. */
export { CaptureJobError, type CaptureJobErrorCode } from './captures/error.js';
export { CaptureWorker, type CaptureWorkerOptions, type WorkerTotals } from './captures/capture-worker.js';
export { type CaptureEnd, endedSource } from './captures/job-message.js';
export { serveJobs } from './captures/job-thread.js';
export { JobThreads } from './captures/job-threads.js';
export { type JobKeys } from './captures/parts.js';
export { type CapturePlan, type JobAnswer, type JobRunner, type RunOptions } from './captures/plan.js';
export { QueueRunner, type QueueRunnerOptions, type RunProgress } from './captures/queue-runner.js';
export { MAX_KEYS } from './captures/run-files.js';
export { ThreadRunner } from './captures/thread-runner.js';
export { storeMetrics } from './node/store-metrics.js';
export { storeSections } from './node/store-section.js';
