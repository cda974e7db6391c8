/** A process that has a device open: starts it, hears what it reports, and says why it ended. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type ChildReport, REPORT_DESCRIPTOR } from './child-report.js';
import { LiveError } from './error.js';

/** What is kept of its words on standard error. */
const MAX_WORDS = 4096;
/** A process that was told to end and doesn't is ended. */
const GRACE_MS = 10_000;

/** How it ended. */
export interface DeviceProcessEnd {
  /** It ended as it was told to, or because it had done everything. */
  readonly orderly: boolean;
  /** cap found that the device went away or down, and ended the process. */
  readonly deviceGone: boolean;
  /** What is to be said of any other end. */
  readonly words: string;
}

/** A child process, its pipes and reports. */
export class DeviceProcess {
  /** When it is over, and everything that it reported was heard. */
  readonly ended: Promise<DeviceProcessEnd>;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly #child: ChildProcess;
  readonly #device: string;
  readonly #onReport: (report: ChildReport) => void;
  readonly #opened: Promise<number>;

  /**
   * Starts it.
   * @param program its file
   * @param order handed to it as JSON
   * @param onReport hears what it reports after it opened the device
   */
  constructor(program: URL, device: string, order: unknown, onReport: (report: ChildReport) => void) {
    this.#device = device;
    this.#onReport = onReport;
    // Detached: a terminal's interrupt is this process's to handle, and the child ends when its pipes do.
    const child = spawn(process.execPath, [fileURLToPath(program), JSON.stringify(order)], {
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
      detached: true,
    });
    this.#child = child;
    this.stdin = child.stdin;
    this.stdout = child.stdout;
    // A child that is gone takes no more; its end says why.
    this.stdin.on('error', () => undefined);
    let words = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => void (words = (words + text).slice(-MAX_WORDS)));
    const lines = createInterface({ input: child.stdio[REPORT_DESCRIPTOR] as Readable });
    const heard = new Promise<void>((resolve) => lines.once('close', resolve));
    this.ended = new Promise((resolve) => {
      child.once('error', (error) => resolve({ orderly: false, deviceGone: false, words: error.message }));
      child.once('close', (code, signal) => {
        void heard.then(() => resolve({ orderly: code === 0, ...meaning(code, signal, words) }));
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
    // Whoever doesn't wait for it isn't told.
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

  /** Sees to it that it ends soon, after it was told to. */
  async soon(): Promise<DeviceProcessEnd> {
    const timer = setTimeout(() => this.kill(), GRACE_MS);
    try {
      return await this.ended;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Tells it to end, by a signal. */
  terminate(): void {
    this.#child.kill('SIGTERM');
  }

  /** Ends it. */
  kill(): void {
    this.#child.kill('SIGKILL');
    this.stdin.destroy();
    this.stdout.destroy();
  }

  #failure(end: DeviceProcessEnd): LiveError {
    const shown = JSON.stringify(this.#device);
    if (end.deviceGone) return new LiveError('DEVICE_GONE', `${shown} went away or down`);
    return new LiveError('DEVICE_UNUSABLE', `${shown}: the process that was to open it ended: ${end.words}`);
  }
}

function meaning(
  code: number | null,
  signal: NodeJS.Signals | null,
  words: string,
): { deviceGone: boolean; words: string } {
  const deviceGone = signal === 'SIGABRT' && words.includes('cb_packets');
  const last = words.trim().split('\n').at(-1) ?? '';
  return { deviceGone, words: `${signal ?? `exit ${String(code)}`}${last === '' ? '' : `, ${last}`}` };
}
