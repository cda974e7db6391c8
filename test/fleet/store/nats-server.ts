/** A real nats-server with JetStream on a loopback port, its files in a temporary folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setImmediate } from 'node:timers/promises';

/** Where a server listens. @default a free port of 127.0.0.1 */
interface Endpoint {
  readonly host?: string;
  readonly port?: number;
}

export class NatsServer {
  /** Its files, and others that a test wants removed with them. */
  readonly folder = mkdtempSync(join(tmpdir(), 'vtep-nats-'));
  readonly #host: string;
  #process: ChildProcess | undefined;
  /** -1: one that is free. */
  #port: number;

  private constructor({ host = '127.0.0.1', port = -1 }: Endpoint) {
    this.#host = host;
    this.#port = port;
  }

  /** @param config what its configuration file says besides; `FOLDER` in it is the server's folder */
  static async start(
    config = '',
    files: Readonly<Record<string, string>> = {},
    endpoint: Endpoint = {},
  ): Promise<NatsServer> {
    const server = new NatsServer(endpoint);
    writeFileSync(server.path('server.conf'), config.replaceAll('FOLDER', server.folder));
    for (const [name, text] of Object.entries(files)) writeFileSync(server.path(name), text);
    await server.restart();
    return server;
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  get address(): string {
    return `nats://${this.#host}:${this.#port}`;
  }

  /** The same by the name in certificates. */
  get namedAddress(): string {
    return `nats://localhost:${this.#port}`;
  }

  /** Starts the server again, on the same port. */
  async restart(): Promise<void> {
    const options = ['-a', this.#host, '-p', String(this.#port), '-js', '-sd', this.path('store')];
    options.push('-c', this.path('server.conf'));
    const child = spawn('nats-server', options, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      lines.push(line);
      const port = /Listening for client connections on [\d.]+:(\d+)/.exec(line)?.[1];
      if (port !== undefined) this.#port = Number(port);
      if (line.includes('Server is ready')) break;
    }
    child.stderr.resume();
    if (child.exitCode !== null) throw new Error(`nats-server ended: ${lines.join('\n')}`);
  }

  /** The server says nothing from now on, as behind a cable that is cut. Linux: a signal takes its time to stop all threads. */
  async freeze(): Promise<void> {
    const child = this.#process;
    if (child?.pid === undefined) return;
    child.kill('SIGSTOP');
    const tasks = `/proc/${child.pid}/task`;
    const runs = (task: string): boolean => !/\) T /.test(readFileSync(join(tasks, task, 'stat'), 'utf8'));
    while (readdirSync(tasks).some(runs)) await setImmediate();
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Ends the server as kill -9 does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Removes the records that the server has on disk. */
  wipe(): void {
    rmSync(this.path('store'), { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
