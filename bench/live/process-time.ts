/** CPU time of processes. */
import { readFileSync } from 'node:fs';

/** Clock ticks per second in /proc: the same on every Linux (`getconf CLK_TCK`). */
const TICKS_PER_SECOND = 100;
/** Positions after the program's name, which may contain spaces and parentheses. */
const USER_TIME = 11;
const SYSTEM_TIME = 12;

/**
 * Reads the CPU time of a process and its threads from /proc/PID/stat, in seconds.
 * @param stat the file's content
 */
export function parseProcessTime(stat: string): number {
  const fields = stat
    .slice(stat.lastIndexOf(')') + 1)
    .trim()
    .split(' ');
  return (Number(fields[USER_TIME]) + Number(fields[SYSTEM_TIME])) / TICKS_PER_SECOND;
}

/** The CPU time of a process and its threads in seconds; 0 if it has ended. */
export function processTime(pid: number): number {
  try {
    return parseProcessTime(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return 0;
  }
}
