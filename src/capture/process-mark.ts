/**
 * Which process made a file, as part of the file's name: its pid, when it started (pids are reused), and a hash of the
 * boot and the pid namespace, outside of which a pid says nothing.
 */
import { createHash } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** In place of the start time where the system doesn't report it. */
const UNKNOWN = '0';
const MAX_PID = 2 ** 31 - 1;
const PLACE_DIGITS = 8;

/** What /proc says about a process: its state, and when it was started, in ticks of the system's clock. */
function processOf(pid: number | 'self'): { readonly state: string; readonly start: string } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    // The program's name is in parentheses and may hold anything. After it come the fields 3, 4, ... (proc(5)).
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields.length > 19 ? { state: fields[0], start: fields[19] } : undefined;
  } catch {
    return undefined;
  }
}

/** When this process started, in ticks of the system's clock; `0` where the system doesn't report it. */
export function ownStart(): string {
  return processOf('self')?.start ?? UNKNOWN;
}

/**
 * Whether a process of this pid namespace has certainly ended.
 * @param start as `ownStart` of that process gave it
 */
export function isGone(pid: number, start: string): boolean {
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return true;
  }
  if (start === UNKNOWN) return false;
  const found = processOf(pid);
  // A process that has ended but hasn't been waited for (Z, X) does nothing any more.
  return found !== undefined && (found.start !== start || found.state === 'Z' || found.state === 'X');
}

function pidSpace(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'latin1')} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
}

let ownPlace: string | undefined;

/** Where this process's pid is valid. */
function place(): string {
  return (ownPlace ??= createHash('sha256').update(pidSpace()).digest('hex').slice(0, PLACE_DIGITS));
}

/** This process's mark: `PID-START-PLACE`. */
export function processMark(): string {
  return `${process.pid}-${ownStart()}-${place()}`;
}

/** What is known about the process that a mark names. */
export const MarkedProcess = {
  /** It has ended. */
  Gone: 'gone',
  /** It runs, or may run. */
  Running: 'running',
  /** It ran on another machine, in another container, or before a reboot. */
  Elsewhere: 'elsewhere',
} as const;
export type MarkedProcess = (typeof MarkedProcess)[keyof typeof MarkedProcess];

/** What is known about the process of a mark; undefined if the text is no mark. */
export function markedProcess(mark: string): MarkedProcess | undefined {
  const match = /^(\d{1,10})-(\d{1,20})-([0-9a-f]{8})$/.exec(mark);
  if (match === null) return undefined;
  const pid = Number(match[1]);
  if (pid < 1 || pid > MAX_PID) return undefined;
  if (match[3] !== place() || match[2] === UNKNOWN) {
    return pid === process.pid ? MarkedProcess.Running : MarkedProcess.Elsewhere;
  }
  return isGone(pid, match[2]) ? MarkedProcess.Gone : MarkedProcess.Running;
}
