/** Where the status sockets of running nodes are. */
import { accessSync, constants, lstatSync, mkdirSync, readdirSync, type Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SUFFIX = '.sock';
const OWNER_ONLY = 0o700;
const PUBLIC = 0o755;
const OTHERS_WRITE = 0o022;

/** The directories, best first: the system's, the user's, and one for this user below the one for temporary files. */
export function statusDirectories(env: Readonly<Record<string, string | undefined>> = process.env): readonly string[] {
  const runtime = env['XDG_RUNTIME_DIR'] ?? '';
  const own = join(tmpdir(), `vtep-${process.getuid?.() ?? 0}`);
  return ['/run/vtep', ...(runtime.startsWith('/') ? [join(runtime, 'vtep')] : []), own];
}

/** The name of a node's socket: bytes that a file's name can't have, or that would show badly, are in hexadecimal. */
export function socketName(node: string): string {
  const encoded = [...Buffer.from(node)].map((byte) => {
    const text = String.fromCharCode(byte);
    return /[\w.-]/.test(text) ? text : `%${byte.toString(16).padStart(2, '0')}`;
  });
  return `${encoded.join('')}${SUFFIX}`;
}

/** The node that a socket's name belongs to. */
export function nodeOfSocket(name: string): string {
  const bytes = name
    .slice(0, -SUFFIX.length)
    .split(/(%[0-9a-f]{2})/)
    .map((part) => (/^%[0-9a-f]{2}$/.test(part) ? Buffer.from(part.slice(1), 'hex') : Buffer.from(part)));
  return Buffer.concat(bytes).toString();
}

/**
 * The path for a node's socket in the first usable directory, which is created if it is absent.
 * @returns undefined if none is usable
 */
export function defaultSocket(node: string, directories = statusDirectories()): string | undefined {
  const usable = directories.find((directory, i) => isUsable(directory, i === 0 ? PUBLIC : OWNER_ONLY));
  return usable === undefined ? undefined : join(usable, socketName(node));
}

/** A socket in one of the directories. */
export interface FoundSocket {
  readonly node: string;
  readonly path: string;
}

/** The sockets in the directories, of dead processes too, sorted by node. Those of other users are left out. */
export function foundSockets(directories = statusDirectories()): readonly FoundSocket[] {
  const found = directories.flatMap((directory) =>
    namesIn(directory)
      .filter((name) => name.endsWith(SUFFIX) && statsOf(join(directory, name))?.isSocket() === true)
      .map((name): FoundSocket => ({ node: nodeOfSocket(name), path: join(directory, name) })),
  );
  return found.sort((a, b) => (a.node < b.node ? -1 : Number(a.node > b.node)));
}

function isUsable(directory: string, mode: number): boolean {
  try {
    mkdirSync(directory, { mode });
  } catch {
    // It exists, or can't be created.
  }
  const stats = statsOf(directory);
  // Where anybody may create files, the directory may be somebody else's.
  if (stats?.isDirectory() !== true || !isTrusted(stats)) return false;
  try {
    accessSync(directory, constants.W_OK | constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function isTrusted({ uid, mode }: Stats): boolean {
  return (uid === 0 || uid === process.getuid?.()) && (mode & OTHERS_WRITE) === 0;
}

function statsOf(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

function namesIn(directory: string): readonly string[] {
  const stats = statsOf(directory);
  if (stats?.isDirectory() !== true || !isTrusted(stats)) return [];
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
