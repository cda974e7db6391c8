/** A network namespace with a veth pair that nothing else uses. */
import assert from 'node:assert/strict';
import { type ChildProcessByStdio, spawn, spawnSync } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { missing } from '../repository.js';
import { MAIN } from '../cli/run.js';
import { loadCap } from '../../src/live/device/cap-package.js';

/** Why tests of devices are skipped, or false. In CI none are: a missing requirement fails the test. */
export function devicesMissing(): string | false {
  if (process.env['CI'] === 'true') return false;
  if (process.platform !== 'linux') return 'network namespaces are of Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  try {
    loadCap();
  } catch (error) {
    return (error as Error).message;
  }
  return spawnSync('ip', ['-V']).error === undefined ? missing('setpriv') : 'ip is not installed';
}

function ip(...words: string[]): void {
  const { status, stderr } = spawnSync('ip', words, { encoding: 'utf8' });
  assert.equal(status, 0, `ip ${words.join(' ')}: ${stderr}`);
}

/** The outcome of a process. */
export interface Ended {
  readonly status: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A running process. */
export class Running {
  readonly child: ChildProcessByStdio<Writable, Readable, Readable>;
  /** Resolves when it has exited. */
  readonly ended: Promise<Ended>;
  #stderr = '';
  #stdout: Buffer[] = [];

  /**
   * @param reads whether to read its standard output from the start
   * @param env variables to set, or to remove if undefined. Default: a wide screen
   */
  constructor(program: string, words: readonly string[], reads = true, env: NodeJS.ProcessEnv = { COLUMNS: '1000' }) {
    this.child = spawn(program, words, { stdio: ['pipe', 'pipe', 'pipe'], env: { ...process.env, ...env } });
    this.child.stdin.on('error', () => undefined);
    if (reads) this.read();
    this.child.stderr.setEncoding('utf8').on('data', (text: string) => void (this.#stderr += text));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (status) => {
        resolve({ status, stdout: Buffer.concat(this.#stdout), stderr: this.#stderr });
      });
    });
  }

  /** Its standard output until now. */
  get printed(): string {
    return Buffer.concat(this.#stdout).toString();
  }

  /** Starts reading its standard output. */
  read(): void {
    this.child.stdout.on('data', (bytes: Buffer) => void this.#stdout.push(bytes));
  }

  /** Waits until it writes to standard output, or exits. */
  async prints(words: string): Promise<void> {
    const { child } = this;
    while (!this.printed.includes(words) && child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(this.printed.includes(words), `it ended without ${JSON.stringify(words)}: ${this.#stderr}`);
  }

  /** Waits until it writes to standard error, or exits. */
  async says(words: string): Promise<void> {
    const { child } = this;
    while (!this.#stderr.includes(words) && child.exitCode === null && child.signalCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    assert.ok(this.#stderr.includes(words), `it says ${JSON.stringify(this.#stderr)}, not ${JSON.stringify(words)}`);
  }
}

/** The namespace and its devices `vh1a` and `vh1b`. */
export class Veth {
  readonly namespace = `vh1-${process.pid}`;

  constructor() {
    ip('netns', 'add', this.namespace);
    // The kernel's neighbour discovery would be captured, too.
    for (const which of ['all', 'default']) {
      const path = `/proc/sys/net/ipv6/conf/${which}/disable_ipv6`;
      ip('netns', 'exec', this.namespace, 'sh', '-c', `if [ -e ${path} ]; then echo 1 > ${path}; fi`);
    }
    this.connect();
  }

  /** Creates the pair. */
  connect(): void {
    this.ip('link', 'add', 'vh1a', 'mtu', '2000', 'type', 'veth', 'peer', 'name', 'vh1b', 'mtu', '2000');
    for (const name of ['vh1a', 'vh1b']) this.ip('link', 'set', name, 'up');
  }

  /** Runs `ip` in the namespace. */
  ip(...words: string[]): void {
    ip('-n', this.namespace, ...words);
  }

  /** Waits until a device has sent so many packets since `from`, or their sender has exited. */
  async sends(device: string, packets: number, from: number, running: Running): Promise<void> {
    while (this.sent(device) < from + packets && running.child.exitCode === null) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** Number of packets that a device has sent. */
  sent(device: string): number {
    const words = ['-n', this.namespace, '-json', '-stats', 'link', 'show', 'dev', device];
    const { stdout } = spawnSync('ip', words, { encoding: 'utf8' });
    return (JSON.parse(stdout) as [{ readonly stats64: { readonly tx: { readonly packets: number } } }])[0].stats64.tx
      .packets;
  }

  /** Starts `vtep` in the namespace. */
  start(words: readonly string[], reads = true): Running {
    return new Running('ip', ['netns', 'exec', this.namespace, process.execPath, MAIN, ...words], reads);
  }

  /** Runs `vtep` in the namespace. */
  async run(words: readonly string[]): Promise<Ended> {
    const running = this.start(words);
    running.child.stdin.end();
    return running.ended;
  }

  /** Sends the frames of a capture again and again until something has happened. */
  async sendUntil(capture: string, happened: Promise<unknown>): Promise<void> {
    const sender = this.start(['inject', capture, '--to', 'vh1a', '--pps', '100', '--loops', '1000000']);
    await happened;
    sender.child.kill('SIGTERM');
    const { status, stderr } = await sender.ended;
    assert.equal(status, 0, stderr);
  }

  /** Starts `vtep capture` and waits until it captures. */
  async capture(words: readonly string[], reads = true): Promise<Running> {
    const buffer = words.includes('--buffer') ? [] : ['--buffer', '128'];
    const running = this.start(['capture', 'vh1b', ...buffer, ...words], reads);
    await running.says('capturing from vh1b');
    return running;
  }

  /** Stops a capture like a terminal's Ctrl-C. */
  async end(running: Running): Promise<Ended> {
    // `ip netns exec` becomes the program that it runs.
    running.child.kill('SIGINT');
    return running.ended;
  }

  /** Removes everything. */
  remove(): void {
    spawnSync('ip', ['netns', 'del', this.namespace]);
  }
}
