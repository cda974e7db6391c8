/** Network namespaces for a test file, and the links between them. */
import { existsSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { command } from './command.js';
import { type LinkEnd, NetworkNamespace } from './network-namespace.js';

const NETNS_FOLDER = '/run/netns';
/** Names of namespaces: the pid, the bench's number in the process, and the namespace's name. */
const OWN_NAME = /^vt(\d+)-\d+-/;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SIGNAL_EXIT = 128;

const open = new Set<NamespaceBench>();
let benches = 0;

/** Removes everything, best effort: the process is exiting. */
function closeAll(): void {
  for (const bench of open) {
    try {
      bench.close();
    } catch {
      // The next bench removes the rest.
    }
  }
}

/** Removes what benches of killed processes left. Another bench may do the same concurrently. */
function removeAbandoned(): void {
  if (!existsSync(NETNS_FOLDER)) return;
  for (const name of readdirSync(NETNS_FOLDER)) {
    const owner = OWN_NAME.exec(name)?.[1];
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    try {
      command(['ip', 'netns', 'delete', name]);
    } catch {
      // It is gone already, or a later bench tries again.
    }
  }
}

/**
 * Creates uniquely named network namespaces and links between them. All are removed by `close` and when the process
 * exits. Nothing is ever created in the machine's own namespace.
 */
export class NamespaceBench {
  readonly #prefix = `vt${process.pid}-${++benches}-`;
  readonly #namespaces: NetworkNamespace[] = [];

  constructor() {
    removeAbandoned();
    if (benches === 1) {
      process.once('exit', closeAll);
      for (const signal of SIGNALS) process.once(signal, () => process.exit(SIGNAL_EXIT + constants.signals[signal]));
    }
    open.add(this);
  }

  /** Creates a namespace with only loopback. Its name gets the bench's prefix. */
  namespace(name: string): NetworkNamespace {
    const namespace = new NetworkNamespace(this.#prefix + name);
    this.#namespaces.push(namespace);
    return namespace;
  }

  /** Creates a veth pair between two namespaces, and brings both ends up. */
  link(a: NetworkNamespace, endA: LinkEnd, b: NetworkNamespace, endB: LinkEnd): void {
    a.ip(`link add ${endA.device} type veth peer name ${endB.device} netns ${b.name}`);
    a.configure(endA);
    b.configure(endB);
  }

  /**
   * Kills the processes in the namespaces and removes them. A second call does nothing.
   *
   * @throws {AggregateError} with the messages of `ip`, if some can't be removed; the others are
   */
  close(): void {
    open.delete(this);
    const failures: unknown[] = [];
    for (const namespace of this.#namespaces.splice(0)) {
      try {
        namespace.remove();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw new AggregateError(failures, failures.map(String).join('; '));
  }
}
