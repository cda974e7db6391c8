import { WorkersError } from './error.js';

/** Maximum number of workers of a group. */
export const MAX_WORKERS = 64;

/** @throws WorkersError `BAD_GROUP` */
export function checkWorkers(workers: number): void {
  if (Number.isInteger(workers) && workers >= 1 && workers <= MAX_WORKERS) return;
  throw new WorkersError('BAD_GROUP', `a group has 1 to ${MAX_WORKERS} workers, not ${workers}`);
}
