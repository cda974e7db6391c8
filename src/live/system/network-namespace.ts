/** Network namespaces: sockets opened within one stay in it after the thread has left it (setns(2)). */
import { readdirSync, statSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { lastErrno } from '../../foreign/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { LiveError } from '../error.js';
import { callFailed, cString, Errno, linux } from './linux.js';

const CLOSE_ON_EXEC = 0o2000000;
const NEW_NETWORK = 0x40000000;
/** Directory of the namespaces named by `ip netns`. */
const NAMED = '/run/netns';
/** Maximum number of namespace names in a message. */
const MAX_NAMES = 20;
const OWN = '/proc/thread-self/ns/net';

/** The path of a namespace, given as a path or a name of `ip netns`. */
export function namespacePath(name: string): string {
  return isAbsolute(name) ? name : join(NAMED, name);
}

/**
 * Identifies the namespace that currently has a name; unique among existing namespaces. Keeps nothing open.
 * @param name a name of `ip netns`, or a path
 * @returns undefined if there is none
 */
export function namespaceIdentity(name: string): string | undefined {
  try {
    const { dev, ino } = statSync(namespacePath(name));
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

function openNamespace(path: string): number {
  const memory = cString(path);
  return linux().open(memory.address, CLOSE_ON_EXEC, 0);
}

function enter(descriptor: number, what: string): void {
  if (linux().setns(descriptor, NEW_NETWORK) >= 0) return;
  const errno = lastErrno();
  const error = callFailed(what, errno, 'CAP_SYS_ADMIN');
  throw errno === Errno.Invalid ? new LiveError('NOT_THERE', `${error.message}: not a network namespace`) : error;
}

/** An open network namespace, which stays the same whatever happens to its name. Must be closed. */
export class OpenNamespace {
  readonly descriptor: number;
  /** The name, quoted, for errors. */
  readonly quotedName: string;

  /**
   * Opens a namespace.
   * @param name a name of `ip netns`, or a path
   * @throws LiveError `NOT_THERE`, `NOT_PERMITTED`
   */
  constructor(name: string) {
    this.quotedName = inQuotes(name);
    this.descriptor = openNamespace(namespacePath(name));
    if (this.descriptor >= 0) return;
    const error = callFailed(`open the network namespace ${this.quotedName}`, lastErrno(), 'CAP_SYS_ADMIN');
    if (error.code !== 'NOT_THERE') throw error;
    throw new LiveError('NOT_THERE', `there is no network namespace ${this.quotedName}; ${knownNamespaces()}`);
  }

  /**
   * Calls `run` with this thread in the namespace, then returns to the previous one.
   * @throws LiveError `NOT_THERE`, `NOT_PERMITTED`; anything that `run` throws
   */
  within<T>(run: () => T): T {
    const { close } = linux();
    const own = openNamespace(OWN);
    if (own < 0) throw callFailed("open this thread's network namespace");
    try {
      enter(this.descriptor, `enter the network namespace ${this.quotedName}`);
      let result: T;
      try {
        result = run();
      } catch (error) {
        enter(own, 'leave a network namespace');
        throw error;
      }
      enter(own, 'leave a network namespace');
      return result;
    } finally {
      close(own);
    }
  }

  close(): void {
    linux().close(this.descriptor);
  }
}

/** The first twenty names, and the number of further ones. */
export function namesInMessage(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return [...names].sort().slice(0, MAX_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function knownNamespaces(): string {
  try {
    return `there are ${namesInMessage(readdirSync(NAMED))} (ip netns)`;
  } catch {
    return 'create it first (ip netns add)';
  }
}
