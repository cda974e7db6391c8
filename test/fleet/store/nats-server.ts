/** A real nats-server with JetStream on a loopback port, its files in a temporary folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

export class NatsServer {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vtep-nats-'));
  #process: ChildProcess | undefined;
  /** -1: one that is free. */
  #port = -1;

  /** @param more arguments of nats-server, the same at each start */
  private constructor(readonly more: readonly string[]) {}

  static async start(more: readonly string[] = []): Promise<NatsServer> {
    const server = new NatsServer(more);
    await server.restart();
    return server;
  }

  get address(): string {
    return `nats://127.0.0.1:${this.#port}`;
  }

  /** Starts the server again, on the same port. */
  async restart(): Promise<void> {
    const options = ['-a', '127.0.0.1', '-p', String(this.#port), '-js', '-sd', this.#folder, ...this.more];
    const child = spawn('nats-server', options, { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stderr })) {
      lines.push(line);
      const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port !== undefined) this.#port = Number(port);
      if (line.includes('Server is ready')) break;
    }
    child.stderr.resume();
    if (child.exitCode !== null) throw new Error(`nats-server ended: ${lines.join('\n')}`);
  }

  /** Ends the server as kill -9 does. */
  async kill(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGKILL');
    await exit;
  }

  /** Removes everything that the server has on disk. */
  wipe(): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async close(): Promise<void> {
    await this.kill();
    this.wipe();
  }
}
