/**
 * A device as a source of packets through Wireshark's dumpcap: it is there wherever Wireshark is, needs no cap package,
 * and on most systems the members of group wireshark may capture with it, though not with Node.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { type CaptureBatch, CaptureError, openCapture, type PacketSource, StreamReader } from '../../capture/index.js';
import { LiveError } from '../../live/index.js';
import { inQuotes, plainMessage } from '../../text/plain-text.js';

/** Maximum number of characters kept of its standard error. */
const MAX_ERROR_TEXT = 4096;
const GRACE_MS = 5000;
const PROGRAM = 'dumpcap';

/** Packets received and dropped, in its last line. */
const DROPS = /Packets received\/dropped on interface [^\n]{0,200}: \d{1,20}\/(\d{1,20})/;

/** A capture by dumpcap. */
export class DumpcapSource {
  damage: CaptureError | undefined;
  /** Packets that the kernel dropped; known after the end. */
  kernelDrops: number | undefined;
  readonly #child: ChildProcess;
  readonly #ended: Promise<DumpcapEnd>;
  readonly #source: PacketSource;
  #stopped = false;

  private constructor(child: ChildProcess, ended: Promise<DumpcapEnd>, source: PacketSource) {
    this.#child = child;
    this.#ended = ended;
    this.#source = source;
  }

  /**
   * Opens a device.
   * @param filters in order of preference: the first that libpcap accepts for the device is used
   * @throws LiveError `CAP_UNAVAILABLE` if dumpcap isn't installed, `NOT_PERMITTED`, `NO_SUCH_DEVICE`, `BAD_FILTER`,
   *   `DEVICE_UNUSABLE`
   */
  static async open(device: string, filters: readonly string[]): Promise<DumpcapSource> {
    const [filter = '', ...others] = filters;
    const options = ['-q', '-i', device, ...(filter === '' ? [] : ['-f', filter]), '-w', '-'];
    // In a group of its own: a terminal's interrupt would end it before its packets are read.
    const child = spawn(PROGRAM, options, { stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    const ended = endOf(child);
    try {
      return new DumpcapSource(child, ended, await openCapture(new StreamReader(child.stdout, device)));
    } catch (error) {
      child.kill('SIGKILL');
      if (!(error instanceof CaptureError)) throw error;
      const failure = failureOf(device, await ended);
      // libpcap rejects a filter with VLANs on a device that can't have them.
      if (failure.code === 'BAD_FILTER' && others.length > 0) return DumpcapSource.open(device, others);
      throw failure;
    }
  }

  async next(): Promise<CaptureBatch | undefined> {
    const batch = await this.#source.next();
    if (batch !== undefined) return batch;
    const { words } = await this.#ended;
    const drops = DROPS.exec(words)?.[1];
    if (drops !== undefined) this.kernelDrops = Number(drops);
    if (!this.#stopped) this.damage = new CaptureError('DEVICE_GONE', `dumpcap ended: ${reasonIn(words)}`);
    return undefined;
  }

  /** Stops the capture; `next` still returns packets read before. */
  stop(): void {
    this.#stopped = true;
    this.#child.kill('SIGINT');
    setTimeout(() => this.#child.kill('SIGKILL'), GRACE_MS).unref();
  }

  async close(): Promise<void> {
    this.#stopped = true;
    this.#child.kill('SIGKILL');
    await this.#source.close();
    await this.#ended;
  }
}

interface DumpcapEnd {
  /** Its standard error. */
  readonly words: string;
  /** Whether there is no such program. */
  readonly absent: boolean;
}

function endOf(child: ChildProcess): Promise<DumpcapEnd> {
  let words = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => void (words = (words + text).slice(-MAX_ERROR_TEXT)));
  return new Promise((done) => {
    child.once('error', (error: NodeJS.ErrnoException) =>
      done({ words: error.message, absent: error.code === 'ENOENT' }),
    );
    child.once('close', () => done({ words, absent: false }));
  });
}

function failureOf(device: string, { words, absent }: DumpcapEnd): LiveError {
  if (absent)
    return new LiveError('CAP_UNAVAILABLE', 'dumpcap is not installed (on Debian: apt-get install wireshark-common)');
  const text = `${inQuotes(device)}: ${reasonIn(words)}`;
  if (/filter/i.test(words)) return new LiveError('BAD_FILTER', text);
  if (/permission|not permitted/i.test(words)) return new LiveError('NOT_PERMITTED', text);
  if (/no such device|doesn't exist|no interface/i.test(words)) return new LiveError('NO_SUCH_DEVICE', text);
  return new LiveError('DEVICE_UNUSABLE', text);
}

/** Its complaint: the first line that isn't about its progress. */
function reasonIn(words: string): string {
  const lines = words.split('\n').map((line) => line.replace(/^dumpcap: /, '').trim());
  const said = lines.find((line) => line !== '' && !/^(Capturing on|File:|Packets )/.test(line));
  return plainMessage(said ?? 'it gave no reason');
}
