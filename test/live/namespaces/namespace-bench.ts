/** Network namespaces for a test file, and the links between them. */
import { existsSync, readdirSync } from 'node:fs';
import { constants } from 'node:os';
import { command } from './command.js';
import { type LinkEnd, NetworkNamespace } from './network-namespace.js';

const NETNS_FOLDER = '/run/netns';
/** What a bench calls its namespaces: the process, the bench's number in it, the namespace's own name. */
const OWN_NAME = /^vt(\d+)-\d+-/;
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const SIGNAL_EXIT = 128;

const open = new Set<NamespaceBench>();
let benches = 0;

/** Removes all that stands, as far as that goes: the process ends anyway. */
function closeAll(): void {
  for (const bench of open) {
    try {
      bench.close();
    } catch {
      // The next bench removes what is left.
    }
  }
}

/** Removes what benches of processes left that were killed. Another bench may do the same at this moment. */
function removeAbandoned(): void {
  if (!existsSync(NETNS_FOLDER)) return;
  for (const name of readdirSync(NETNS_FOLDER)) {
    const owner = OWN_NAME.exec(name)?.[1];
    if (owner === undefined || existsSync(`/proc/${owner}`)) continue;
    try {
      command(['ip', 'netns', 'delete', name]);
    } catch {
      // It is gone, or a bench that comes later tries again.
    }
  }
}

/**
 * Makes network namespaces that no other process's share a name with, and links between them. All are gone after `close`,
 * and when the process ends. Nothing is ever made in the machine's own namespace.
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

  /** Makes an empty namespace with nothing but its loopback. The bench's own prefix stands before the name. */
  namespace(name: string): NetworkNamespace {
    const namespace = new NetworkNamespace(this.#prefix + name);
    this.#namespaces.push(namespace);
    return namespace;
  }

  /** Lays a veth pair between two namespaces, and sets both ends up. */
  link(a: NetworkNamespace, endA: LinkEnd, b: NetworkNamespace, endB: LinkEnd): void {
    a.ip(`link add ${endA.device} type veth peer name ${endB.device} netns ${b.name}`);
    a.configure(endA);
    b.configure(endB);
  }

  /**
   * Kills what runs in the namespaces and removes them. A second call does nothing.
   *
   * @throws {AggregateError} with the words of `ip`, if some can't be removed; the others are
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
