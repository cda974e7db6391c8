/** Runs a process with an open device: starts it, receives its reports, and explains why it exited. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type ChildReport, REPORT_DESCRIPTOR } from './child-report.js';
import { LiveError } from '../error.js';

/** Maximum number of characters kept of the process's standard error. */
const MAX_ERROR_TEXT = 4096;
/** Time for a process to exit on request before it is killed. */
const GRACE_MS = 10_000;

/** How the process exited. */
export interface DeviceProcessEnd {
  /** It exited on request, or when done. */
  readonly orderly: boolean;
  /** cap found that the device disappeared or went down, and aborted the process. */
  readonly deviceGone: boolean;
  /** Description of any other exit. */
  readonly words: string;
}

/** A child process, its pipes and reports. */
export class DeviceProcess {
  /** Resolves when the process has exited and all its reports are processed. */
  readonly ended: Promise<DeviceProcessEnd>;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly #child: ChildProcess;
  readonly #device: string;
  readonly #onReport: (report: ChildReport) => void;
  readonly #opened: Promise<number>;

  /**
   * Starts the process.
   * @param program its main module
   * @param order its parameters, passed as JSON
   * @param onReport called for each report after it has opened the device
   */
  constructor(program: URL, device: string, order: unknown, onReport: (report: ChildReport) => void) {
    this.#device = device;
    this.#onReport = onReport;
    // Detached, so that a terminal's interrupt reaches only this process; the child exits when its pipes close.
    const child = spawn(process.execPath, [fileURLToPath(program), JSON.stringify(order)], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child = child;
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    // Writes to an exited child fail; `ended` reports why it exited.
    this.stdin.on('error', () => undefined);
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (words = (words + text).slice(-MAX_ERROR_TEXT)));
    const lines = createInterface({ input: child.stdio[REPORT_DESCRIPTOR] as Readable });
    const reportsEnded = new Promise<void>((resolve) => lines.once('close', resolve));
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve({ orderly: false, deviceGone: false, words: error.message }));
      child.once('close', (code, signal) => {
        void reportsEnded.then(() => resolve({ orderly: code === 0, ...describeExit(code, signal, words) }));
      });
    });
    this.#opened = new Promise((resolve, reject) => {
      lines.on('line', (line) => {
        const report = JSON.parse(line) as ChildReport;
        if (report.kind === 'opened') resolve(report.linkType);
        else if (report.kind === 'failed') reject(new LiveError(report.code, report.message));
        else this.#onReport(report);
      });
      void this.ended.then((end) => reject(this.#failure(end)));
    });
    // No unhandled rejection if the caller doesn't wait.
    this.#opened.catch(() => undefined);
  }

  /**
   * Waits until the device is open.
   * @returns its link type
   * @throws LiveError `CAP_UNAVAILABLE`, `NO_SUCH_DEVICE`, `NOT_PERMITTED`, `BAD_FILTER`, `DEVICE_UNUSABLE`,
   * `DEVICE_GONE`
   */
  async open(): Promise<number> {
    try {
      return await this.#opened;
    } catch (error) {
      this.kill();
      throw error;
    }
  }

  /** Resolves once the process has exited as requested; kills it if that takes too long. */
  async exited(): Promise<DeviceProcessEnd> {
    const timer = setTimeout(() => this.kill(), GRACE_MS);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Requests the process's exit by SIGTERM. */
  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  /** Kills the process. */
  kill(): void {
    this.#child.kill('SIGKILL');
    this.stdin.destroy();
    this.stdout.destroy();
  }

  #failure(end: DeviceProcessEnd): LiveError {
    const shown = JSON.stringify(this.#device);
    if (end.deviceGone) return new LiveError('DEVICE_GONE', `${shown} disappeared or went down`);
    return new LiveError('DEVICE_UNUSABLE', `${shown}: the process that opens it exited: ${end.words}`);
  }
}

function describeExit(
  code: number | null,
  signal: NodeJS.Signals | null,
  words: string,
): { deviceGone: boolean; words: string } {
  const deviceGone = signal === 'SIGABRT' && words.includes('cb_packets');
  const last = words.trim().split('\n').at(-1) ?? '';
  return { deviceGone, words: `${signal ?? `exit ${String(code)}`}${last === '' ? '' : `, ${last}`}` };
}
