/** A Docker engine in a network namespace, with its own data. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
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

/** The processes with a text in their arguments. */
function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
      } catch {
        return false;
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

/** What an engine is started with. */
export interface EngineOptions {
  /**
   * Its name in a swarm.
   * @default this machine's
   */
  readonly hostname?: string;
  /**
   * How it stores images. The default copies files, which works anywhere; undefined leaves the choice to the engine.
   * @default vfs
   */
  readonly storageDriver?: string | undefined;
}

/** A running engine. */
export class DockerEngine {
  readonly #folder = mkdtempSync(join(tmpdir(), 'vtep-dockerd-'));
  readonly #namespace: string;
  readonly #options: EngineOptions;
  #child: ChildProcess | undefined;

  /** @param namespace name of its network namespace */
  constructor(namespace: string, options: EngineOptions = {}) {
    this.#namespace = namespace;
    this.#options = { storageDriver: 'vfs', ...options };
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
    const inside = ['nsenter', `--net=/run/netns/${this.#namespace}`];
    const { hostname, storageDriver } = this.#options;
    const named = ['unshare', '--uts', 'sh', '-c', 'hostname "$0" && exec "$@"', hostname ?? ''];
    const words = [...inside, ...(hostname === undefined ? [] : named)];
    words.push('setpriv', '--pdeathsig', 'TERM', DOCKERD);
    const options = ['--config-file', path('config.json'), '--data-root', path('data'), '--exec-root', path('exec')];
    const more = ['--pidfile', path('pid'), '-H', `unix://${path('socket')}`];
    if (storageDriver !== undefined) more.push('--storage-driver', storageDriver);
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

  /** Path of a network namespace that the engine made, by its name under the exec root: `1-<network id>`. */
  namespacePath(name: string): string {
    return join(this.#folder, 'exec/netns', name);
  }

  /** Runs the client, and returns its output. Arguments are separated by spaces. */
  docker(words: string): string {
    return this.client(words.split(' ')).trim();
  }

  /**
   * Runs the client, with the classic builder.
   * @param input its standard input
   * @param timeout milliseconds until it is ended. Default: that of `command`
   */
  client(words: readonly string[], input?: Uint8Array, timeout?: number): string {
    const socket = `unix://${join(this.#folder, 'socket')}`;
    return command(['env', 'DOCKER_BUILDKIT=0', 'docker', '-H', socket, ...words], input, timeout);
  }

  /** Runs the client, and returns what it printed on both of its outputs. */
  output(words: readonly string[]): string {
    const socket = `unix://${join(this.#folder, 'socket')}`;
    return command(['sh', '-c', 'exec docker -H "$0" "$@" 2>&1', socket, ...words]);
  }

  /** Runs the client without blocking this thread. */
  async begin(words: readonly string[]): Promise<void> {
    const socket = `unix://${join(this.#folder, 'socket')}`;
    const child = spawn('docker', ['-H', socket, ...words], { env: ENVIRONMENT, stdio: 'ignore' });
    const [status] = (await once(child, 'exit')) as [number | null];
    if (status !== 0) throw new Error(`docker ${words.join(' ')}: exit status ${status}`);
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

  /** Removes the data, and the processes and mounts that an engine leaves that was killed. */
  remove(): void {
    for (const pid of processesWith(this.#folder)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended.
      }
    }
    for (const line of readFileSync('/proc/mounts', 'utf8').split('\n').reverse()) {
      const [, target = ''] = line.split(' ');
      if (target.startsWith(`${this.#folder}/`)) command(['umount', target]);
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
