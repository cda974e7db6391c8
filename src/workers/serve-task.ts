/** A thread's side of a task. */
import { parentPort, workerData } from 'node:worker_threads';
import { WorkersError } from './error.js';
import { TaskControl, type TaskOutcome, type TaskStart } from './task-message.js';

/** What a thread knows about its task. */
export interface TaskContext {
  /** The thread's index, from 0, and the number of threads. */
  readonly worker: number;
  readonly workers: number;
  /** Whether to end early, with the result so far. */
  readonly stopped: boolean;
  /** Reports how far the thread is. */
  report(progress: number): void;
}

/** Whether a `TaskGroup` started this thread. */
export function isTask(): boolean {
  return parentPort !== null && isStart(workerData);
}

/**
 * Runs this thread's share of a task. Call it once, at the end of the thread's module.
 * @param run gets the `data` for this thread; its result is copied to the thread that started the task
 * @throws WorkersError `NOT_A_WORKER` in a thread that no task started; anything `run` throws
 */
export async function serveTask(run: (data: unknown, context: TaskContext) => Promise<unknown>): Promise<void> {
  if (parentPort === null || !isStart(workerData)) {
    throw new WorkersError('NOT_A_WORKER', 'only a thread that a task group started can serve a task');
  }
  const { worker, workers, control: memory, data } = workerData;
  const control = new TaskControl(memory);
  const context: TaskContext = {
    worker,
    workers,
    get stopped() {
      return control.stopped;
    },
    report: (progress) => control.setProgress(worker, progress),
  };
  const outcome: TaskOutcome = { kind: 'result', result: await run(data, context) };
  parentPort.postMessage(outcome);
}

function isStart(value: unknown): value is TaskStart {
  return typeof value === 'object' && value !== null && 'task' in value && 'worker' in value && 'control' in value;
}
