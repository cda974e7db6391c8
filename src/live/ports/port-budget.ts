/** How many published ports may have a socket each. */
import { readFileSync } from 'node:fs';

const LIMITS = '/proc/self/limits';

/**
 * Half of the descriptors that this process may have (proc_pid_limits(5)): a published range may have more ports than that,
 * and connections, containers and nft need descriptors too.
 * @param limits the text of the limits. Default: this process's
 * @returns `Infinity` without a limit, or where the system doesn't tell
 */
export function portBudget(limits = ownLimits()): number {
  const descriptors = /^Max open files +(\d+) /m.exec(limits)?.[1];
  return descriptors === undefined ? Infinity : Math.floor(Number(descriptors) / 2);
}

/** What is said of ports beyond the budget. */
export function overBudget(what: string, count: number, wanted: number): string {
  return `${what} only ${count} of ${wanted} published ports, for want of file descriptors; raise the limit (ulimit -n)`;
}

function ownLimits(): string {
  try {
    return readFileSync(LIMITS, 'latin1');
  } catch {
    return '';
  }
}
