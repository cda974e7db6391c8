/** A Docker engine in a network namespace, with its own data. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { command, ENVIRONMENT } from '../live/namespaces/command.js';
import { lacking } from '../live/namespaces/requirements.js';

const DOCKERD = '/usr/sbin/dockerd';
const START_MS = 60_000;
const STOP_MS = 30_000;
const LOOK_MS = 200;

/** Why engines can't run here, or undefined. In CI, a missing requirement fails the tests. */
export function engineRequirements(): string | undefined {
  if (process.env['CI'] === 'true') return undefined;
  if (!existsSync(DOCKERD)) return `${DOCKERD} is not installed (Debian: docker.io)`;
  if (!existsSync('/usr/sbin/iptables')) return 'iptables is not installed (Debian: iptables)';
  return lacking();
}

/** A running engine. */
export class DockerEngine {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vtep-dockerd-'));
  readonly #namespace: string;
  #child: ChildProcess | undefined;

  /** @param namespace name of its network namespace */
  constructor(namespace: string) {
    this.#namespace = namespace;
    // An engine without a config file of its own would read the machine's.
    writeFileSync(join(this.#folder, 'config.json'), '{}');
  }

  /** What the engine logged. */
  get log(): string {
    return readFileSync(join(this.#folder, 'log'), 'utf8');
  }

  /**
   * Starts the engine, and waits until it answers.
   *
   * @throws {Error} with the end of its log
   */
  async start(): Promise<void> {
    const path = (name: string): string => join(this.#folder, name);
    const log = openSync(path('log'), 'a');
    // `ip netns exec` would hide the control groups.
    const words = ['nsenter', `--net=/run/netns/${this.#namespace}`, 'setpriv', '--pdeathsig', 'TERM', DOCKERD];
    const options = ['--config-file', path('config.json'), '--data-root', path('data'), '--exec-root', path('exec')];
    const more = ['--pidfile', path('pid'), '-H', `unix://${path('socket')}`, '--storage-driver', 'vfs'];
    const child = spawn(words[0] ?? '', [...words.slice(1), ...options, ...more], {
      env: ENVIRONMENT,
      stdio: ['ignore', log, log],
    });
    this.#child = child;
    const until = Date.now() + START_MS;
    for (;;) {
      try {
        this.docker('version');
        return;
      } catch (error) {
        if (Date.now() > until || child.exitCode !== null) {
          throw new Error(`dockerd didn't start: ${this.log.slice(-2000)}`, { cause: error });
        }
      }
      await sleep(LOOK_MS);
    }
  }

  /** Runs the client, and returns its output. Arguments are separated by spaces. */
  docker(words: string): string {
    return command(['docker', '-H', `unix://${join(this.#folder, 'socket')}`, ...words.split(' ')]).trim();
  }

  /** Stops the engine; its data stay. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGTERM');
    const late = await Promise.race([ended, sleep(STOP_MS, 'late', { ref: false })]);
    if (late === 'late') child.kill('SIGKILL');
  }

  /** Removes the data. */
  remove(): void {
    for (const line of readFileSync('/proc/mounts', 'utf8').split('\n').reverse()) {
      const [, target = ''] = line.split(' ');
      if (target.startsWith(`${this.#folder}/`)) command(['umount', target]);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
