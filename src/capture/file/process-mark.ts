/**
 * Identifies the process that made a file, as part of the file's name: its pid, its start time (pids are reused), and a
 * hash of the boot id and pid namespace, outside of which a pid is meaningless.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** Used if the system doesn't report the start time. */
const UNKNOWN = '0';
const MAX_PID = 2 ** 31 - 1;
const SCOPE_DIGITS = 8;

/** State and start time, in clock ticks, of a process from /proc. */
function processOf(pid: number | 'self'): { readonly state: string; readonly start: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The command name is in parentheses and may contain anything. Fields 3, 4, ... follow it (proc(5)).
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields.length > 19 ? { state: fields[0], start: fields[19] } : undefined;
  } catch {
    return undefined;
  }
}

/** Start time of this process in clock ticks; `0` if the system doesn't report it. */
export function ownStart(): string {
  return processOf('self')?.start ?? UNKNOWN;
}

/**
 * Whether a process of this pid namespace has certainly ended.
 * @param start that process's `ownStart`
 */
export function isGone(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
  }
  if (start === UNKNOWN) return false;
  const found = processOf(pid);
  // A process that has ended but has not been reaped (Z, X) counts as gone.
  return found !== undefined && (found.start !== start || found.state === 'Z' || found.state === 'X');
}

function pidSpace(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

let ownScope: string | undefined;

/** Hash of the scope in which this process's pid is valid. */
function pidScope(): string {
  return (ownScope ??= createHash('sha256').update(pidSpace()).digest('hex').slice(0, SCOPE_DIGITS));
}

/** This process's mark: `PID-START-SCOPE`. */
export function processMark(): string {
  return `${process.pid}-${ownStart()}-${pidScope()}`;
}

/** State of the process that a mark identifies. */
export const MarkedProcess = {
  /** It has ended. */
  Gone: 'gone',
  /** It is running, or may be. */
  Running: 'running',
  /** It ran on another machine, in another container, or before a reboot. */
  Elsewhere: 'elsewhere',
} as const;
export type MarkedProcess = (typeof MarkedProcess)[keyof typeof MarkedProcess];

/** State of the process of a mark; undefined if the text isn't a mark. */
export function markedProcess(mark: string): MarkedProcess | undefined {
  const match = /^(\d{1,10})-(\d{1,20})-([0-9a-f]{8})$/.exec(mark);
  if (match === null) return undefined;
  const pid = Number(match[1]);
  if (pid < 1 || pid > MAX_PID) return undefined;
  if (match[3] !== pidScope() || match[2] === UNKNOWN) {
    return pid === process.pid ? MarkedProcess.Running : MarkedProcess.Elsewhere;
  }
  return isGone(pid, match[2]) ? MarkedProcess.Gone : MarkedProcess.Running;
}
