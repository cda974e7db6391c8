/**
 * The status of a running node over a Unix socket: `GET /v1/status`. It is HTTP because any client can ask it
 * (`curl --unix-socket`), and because that defines errors and the end of an answer whose length isn't known in advance.
 *
 * It runs in the node's thread, between its turns: the tables are there. An answer is written in slices of a
 * millisecond, so a packet never waits longer for it, whatever the tables hold.
 */
import { existsSync, lstatSync, unlinkSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { dirname } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { LiveError } from '../error.js';
import { readStatus } from './status-client.js';
import { statusDocument, type StatusSelection } from './status-document.js';
import type { StatusSections } from './status-section.js';

/** Longest path of a Unix socket in bytes (unix(7)). */
const MAX_PATH = 107;
/** Maximum number of clients; a further one is turned away. */
const CLIENTS = 8;
/** Milliseconds that a client may take to send its request, or to read a part of the answer. */
const TIMEOUT = 5000;
const CHECK = 1000;
/** Milliseconds of work between two turns of the node. */
const SLICE = 1;
const DEFAULT_ROWS = 1000;
const MAX_ROWS = 1 << 24;
/** How long to wait for the process that has the socket to say who it is, in milliseconds. */
const PATIENCE = 2000;
/** Only the owner may connect. */
const OWNER_ONLY = 0o177;

/** A server for one node. */
export class StatusServer {
  readonly path: string;
  readonly #server: Server;

  private constructor(path: string, server: Server) {
    this.path = path;
    this.#server = server;
  }

  /**
   * Listens on a socket that only its owner can use. The socket of a process that no longer runs is replaced.
   * @param path at most 107 bytes
   * @throws LiveError `STATUS_IN_USE` if another process listens there, `NOT_PERMITTED`, `STATUS_UNUSABLE`
   */
  static async listen(path: string, sections: StatusSections): Promise<StatusServer> {
    const length = Buffer.byteLength(path);
    if (length > MAX_PATH) {
      const text = `${path}: the path of a socket has at most ${MAX_PATH} bytes, not ${length}`;
      throw new LiveError('STATUS_UNUSABLE', text);
    }
    const server = serverOf(sections);
    try {
      await listenOn(server, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw listenFailed(path, error);
      await removeStale(path);
      await listenOn(server, path).catch((again: unknown) => {
        throw listenFailed(path, again);
      });
    }
    server.on('error', () => undefined);
    return new StatusServer(path, server);
  }

  /** Closes all connections, and removes the socket. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

function serverOf(sections: StatusSections): Server {
  const limits = { requestTimeout: TIMEOUT, headersTimeout: TIMEOUT, connectionsCheckingInterval: CHECK };
  const server = createServer(limits, (request, response) => {
    answer(sections, request, response).catch(() => response.destroy());
  });
  server.maxConnections = CLIENTS;
  server.maxRequestsPerSocket = 1;
  server.timeout = TIMEOUT;
  return server;
}

async function answer(sections: StatusSections, request: IncomingMessage, response: ServerResponse): Promise<void> {
  response.setHeader('connection', 'close');
  const url = urlOf(request.url ?? '/');
  if (request.method !== 'GET') {
    response.writeHead(405, { allow: 'GET' }).end();
    return;
  }
  const selection = url?.pathname === '/v1/status' ? selectionOf(url.searchParams, [...sections.keys()]) : undefined;
  if (selection === undefined) {
    const names = [...sections.keys()].join(', ');
    const text = `see /v1/status?section=NAME&rows=N, with sections ${names}\n`;
    response.writeHead(url?.pathname === '/v1/status' ? 400 : 404, { 'content-type': 'text/plain' }).end(text);
    return;
  }
  response.writeHead(200, { 'content-type': 'application/json' });
  for (const piece of statusDocument(sections, selection, SLICE, () => performance.now())) {
    if (response.destroyed) return;
    // A client that reads slowly gets the next piece when it has read this one.
    if (!response.write(piece)) await drained(response);
    await setImmediate();
  }
  response.end();
}

function urlOf(text: string): URL | undefined {
  try {
    return new URL(text, 'http://vtep');
  } catch {
    return undefined;
  }
}

/** What a request asks for; undefined if it is invalid. */
function selectionOf(query: URLSearchParams, names: readonly string[]): StatusSelection | undefined {
  const asked = new Set(query.getAll('section'));
  const rows = query.get('rows') ?? String(DEFAULT_ROWS);
  const isValid = /^\d{1,8}$/.test(rows) && Number(rows) <= MAX_ROWS && [...asked].every((one) => names.includes(one));
  if (!isValid) return undefined;
  return { sections: asked.size === 0 ? names : names.filter((one) => asked.has(one)), rows: Number(rows) };
}

/** Waits until the client has read, or is gone. */
async function drained(response: ServerResponse): Promise<void> {
  await new Promise<void>((done) => {
    const finish = (): void => {
      response.off('drain', finish);
      response.off('close', finish);
      done();
    };
    response.once('drain', finish);
    response.once('close', finish);
  });
}

async function listenOn(server: Server, path: string): Promise<void> {
  await new Promise<void>((done, fail) => {
    const failed = (error: Error): void => {
      server.off('listening', listening);
      fail(error);
    };
    const listening = (): void => {
      server.off('error', failed);
      done();
    };
    server.once('error', failed);
    server.once('listening', listening);
    // Node binds within listen(), so that nobody else can connect even for a moment.
    const before = process.umask(OWNER_ONLY);
    try {
      server.listen(path);
    } finally {
      process.umask(before);
    }
  });
}

/**
 * Removes a socket that no process listens on.
 * @throws LiveError `STATUS_IN_USE`, `STATUS_UNUSABLE`
 */
async function removeStale(path: string): Promise<void> {
  if (!isSocket(path)) throw new LiveError('STATUS_UNUSABLE', `${path}: exists, and is not a socket`);
  const owner = await ownerOf(path);
  if (owner !== undefined) {
    throw new LiveError('STATUS_IN_USE', `${path}: in use by ${owner}; stop it first, or choose another path`);
  }
  try {
    unlinkSync(path);
  } catch (error) {
    throw listenFailed(path, error);
  }
}

function isSocket(path: string): boolean {
  try {
    return lstatSync(path).isSocket();
  } catch {
    // Removed meanwhile.
    return true;
  }
}

/** Who listens on a socket; undefined if nobody does. */
async function ownerOf(path: string): Promise<string | undefined> {
  try {
    const { node } = await readStatus(path, { sections: ['node'], rows: 0 }, PATIENCE);
    const { name, pid } = node as { readonly name: unknown; readonly pid: unknown };
    return `node ${String(name)}, process ${String(pid)}`;
  } catch (error) {
    if (error instanceof LiveError && error.code === 'NOT_THERE') return undefined;
    return 'another process';
  }
}

function listenFailed(path: string, cause: unknown): LiveError {
  const { code, message } = cause as NodeJS.ErrnoException;
  // Node reports EACCES for it.
  if (!existsSync(dirname(path))) {
    return new LiveError('STATUS_UNUSABLE', `${path}: its directory doesn't exist`, { cause });
  }
  switch (code) {
    case 'EACCES':
    case 'EPERM':
      return new LiveError('NOT_PERMITTED', `${path}: permission denied; choose another path`, { cause });
    default:
      return new LiveError('STATUS_UNUSABLE', `${path}: can't listen there (${code ?? message})`, { cause });
  }
}
