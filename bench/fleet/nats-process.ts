/** A nats-server of our own, and what it says of itself. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** Clock ticks of /proc in a second. */
const TICKS = 100;

/** Since the server's start. */
export interface ServerCounts {
  readonly cpuSeconds: number;
  readonly residentBytes: number;
  readonly messagesIn: number;
  readonly messagesOut: number;
  readonly bytesIn: number;
  readonly bytesOut: number;
}

/** The server. */
export class NatsProcess {
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly address: string;
  readonly #monitor: string;

  private constructor(child: ChildProcess, folder: string, port: string, monitor: string) {
    this.#child = child;
    this.#folder = folder;
    this.address = `nats://127.0.0.1:${port}`;
    this.#monitor = `http://127.0.0.1:${monitor}/varz`;
  }

  /** Starts it on free ports of loopback. */
  static async start(): Promise<NatsProcess> {
    const folder = mkdtempSync(join(tmpdir(), 'vtep-bench-nats-'));
    const options = ['-a', '127.0.0.1', '-p', '-1', '-m', '-1', '-js', '-sd', folder];
    const child = spawn('nats-server', options, { stdio: ['ignore', 'ignore', 'pipe'] });
    let port = '';
    let monitor = '';
    for await (const line of createInterface({ input: child.stderr })) {
      port = /client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? port;
      monitor = /http monitor on 127\.0\.0\.1:(\d+)/.exec(line)?.[1] ?? monitor;
      if (line.includes('Server is ready')) break;
    }
    child.stderr.resume();
    return new NatsProcess(child, folder, port, monitor);
  }

  async counts(): Promise<ServerCounts> {
    const varz = (await (await fetch(this.#monitor)).json()) as Record<string, number>;
    const stat = readFileSync(`/proc/${this.#child.pid ?? 0}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      cpuSeconds: (Number(fields[11]) + Number(fields[12])) / TICKS,
      residentBytes: varz['mem'],
      messagesIn: varz['in_msgs'],
      messagesOut: varz['out_msgs'],
      bytesIn: varz['in_bytes'],
      bytesOut: varz['out_bytes'],
    };
  }

  close(): void {
    this.#child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
