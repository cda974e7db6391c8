/** Network namespaces: what is opened within one stays in it, whatever the process is in then (setns(2)). */
import { readdirSync } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { lastErrno } from '../foreign/index.js';
import { withoutKeys } from '../secret-text.js';
import { LiveError } from './error.js';
import { callFailed, cString, Errno, linux } from './linux.js';

const CLOSE_ON_EXEC = 0o2000000;
const NEW_NETWORK = 0x40000000;
/** Where `ip netns` keeps them by name. */
const NAMED = '/run/netns';
/** Names of namespaces in a message at most. */
const MAX_NAMES = 20;
const OWN = '/proc/thread-self/ns/net';

/** The path of a namespace: as it is, or of a name of `ip netns`. */
export function namespacePath(name: string): string {
  return isAbsolute(name) ? name : join(NAMED, name);
}

function openNamespace(path: string): number {
  const memory = cString(path);
  return linux().open(memory.address, CLOSE_ON_EXEC, 0);
}

function enter(descriptor: number, what: string): void {
  if (linux().setns(descriptor, NEW_NETWORK) >= 0) return;
  const errno = lastErrno();
  const error = callFailed(what, errno, 'CAP_SYS_ADMIN');
  throw errno === Errno.Invalid ? new LiveError('NOT_THERE', `${error.message}: it is no network namespace`) : error;
}

/**
 * Calls `run` while this thread is in a namespace; it is back when this returns.
 * @param name of `ip netns`, or a path
 * @throws LiveError `NOT_THERE`, `NOT_PERMITTED`; whatever `run` throws
 */
export function inNamespace<T>(name: string, run: () => T): T {
  const { close } = linux();
  // What stands in a name's place may be a key.
  const said = JSON.stringify(withoutKeys(name));
  const own = openNamespace(OWN);
  if (own < 0) throw callFailed('open the network namespace of this thread');
  try {
    const other = openNamespace(namespacePath(name));
    if (other < 0) {
      const error = callFailed(`open the network namespace ${said}`);
      if (error.code !== 'NOT_THERE') throw error;
      throw new LiveError('NOT_THERE', `there is no network namespace ${said}; ${knownNamespaces()}`);
    }
    try {
      enter(other, `enter the network namespace ${said}`);
    } finally {
      close(other);
    }
    let result: T;
    try {
      result = run();
    } catch (error) {
      enter(own, 'come back from a network namespace');
      throw error;
    }
    enter(own, 'come back from a network namespace');
    return result;
  } finally {
    close(own);
  }
}

/** The first twenty names, and how many more there are. */
export function namesInMessage(names: readonly string[]): string {
  const more = names.length - MAX_NAMES;
  return [...names].sort().slice(0, MAX_NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '');
}

function knownNamespaces(): string {
  try {
    return `there are ${namesInMessage(readdirSync(NAMED))} (ip netns)`;
  } catch {
    return 'make it first (ip netns add)';
  }
}
