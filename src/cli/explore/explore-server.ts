/**
 * Serves the explorer and the files that it shows, on loopback only. The link that is printed works once: it has a token, which is
 * exchanged for a cookie that scripts can't read. Requests from other pages, and for other names that resolve to this machine, are
 * refused.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendFile } from './served-file.js';

/** A file for the page, with the name that the page shows: a capture, which is read in ranges, or a text. */
export type ExploredFile =
  | { readonly kind: 'capture'; readonly name: string; readonly path: string; readonly size: number }
  | { readonly kind: 'text'; readonly name: string; readonly text: string };

/** Milliseconds that a client may take to send a request. */
const TIMEOUT = 10_000;
const SECRET_BYTES = 16;
const LOOPBACK = '127.0.0.1';
const FILE_PATH = /^\/files\/(\d{1,6})$/;
/** The page's own policy is in it; a header is needed against frames. */
const HEADERS = {
  'content-security-policy': "frame-ancestors 'none'",
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
} as const;

function secret(): string {
  return randomBytes(SECRET_BYTES).toString('hex');
}

/** Compares secrets in a time that depends on their lengths only. */
function isSame(given: string | null | undefined, expected: string): boolean {
  if (given === null || given === undefined) return false;
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}

/** JSON that can't end the script element of a page that it is in. */
function jsonForScript(value: unknown): string {
  return JSON.stringify(value).replaceAll('<', '\\u003c');
}

/** The page with the list of served files in it. */
export function pageWith(page: string, files: readonly ExploredFile[]): string {
  const list = files.map((file, index) => {
    const { name } = file;
    const url = `/files/${index}`;
    return file.kind === 'capture' ? { name, url, size: file.size } : { name, url };
  });
  const place = /(<script type="application\/json" id="served-files">)[^<]*/;
  if (!place.test(page)) throw new Error('the page of the explorer has no place for files');
  return page.replace(place, (_, start: string) => `${start}${jsonForScript(list)}`);
}

/** A server for one explorer. */
export class ExploreServer {
  /** The link to open, once. */
  readonly url: string;
  readonly #server: Server;

  private constructor(server: Server, url: string) {
    this.#server = server;
    this.url = url;
  }

  /**
   * Listens on loopback.
   * @param page HTML of the explorer
   * @param port 0 for any
   * @throws the error of the system, such as EADDRINUSE
   */
  static async listen(page: string, files: readonly ExploredFile[], port = 0): Promise<ExploreServer> {
    const access = new Access();
    const html = pageWith(page, files);
    const server = createServer({ requestTimeout: TIMEOUT, headersTimeout: TIMEOUT }, (request, response) => {
      for (const [name, value] of Object.entries(HEADERS)) response.setHeader(name, value);
      if (access.allows(request, response)) answer(html, files, request, response);
    });
    await new Promise<void>((listening, failed) => {
      server.once('error', failed);
      server.listen(port, LOOPBACK, listening);
    });
    access.port = (server.address() as AddressInfo).port;
    return new ExploreServer(server, `http://${LOOPBACK}:${access.port}/?token=${access.token}`);
  }

  /** Closes all connections. */
  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** Who may read. */
class Access {
  readonly token = secret();
  port = 0;
  readonly #session = secret();
  #isTokenUsed = false;

  /** Whether a request may be answered; if not, it has been. */
  allows(request: IncomingMessage, response: ServerResponse): boolean {
    const { host } = request.headers;
    // A name under somebody's control may resolve to this machine (DNS rebinding).
    if (host !== `${LOOPBACK}:${this.port}` && host !== `localhost:${this.port}`) {
      refuse(response, 421, 'this server has another name');
      return false;
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.setHeader('allow', 'GET, HEAD');
      refuse(response, 405, 'only GET and HEAD');
      return false;
    }
    const cookie = `vtep-explore-${this.port}`;
    const cookies = (request.headers.cookie ?? '').split(/;\s*/);
    const sessions = cookies.filter((one) => one.startsWith(`${cookie}=`)).map((one) => one.slice(cookie.length + 1));
    const url = urlOf(request);
    const token = url.searchParams.get('token');
    if (url.pathname === '/' && token !== null && !this.#isTokenUsed && isSame(token, this.token)) {
      this.#isTokenUsed = true;
      response.setHeader('set-cookie', `${cookie}=${this.#session}; HttpOnly; SameSite=Strict; Path=/`);
      response.writeHead(303, { location: '/' }).end();
      return false;
    }
    if (sessions.some((one) => isSame(one, this.#session))) return true;
    const why = this.#isTokenUsed
      ? 'The link of vtep explore works once, in the browser that opened it first. Run vtep explore again for another.'
      : 'Open the link that vtep explore printed.';
    refuse(response, 403, why);
    return false;
  }
}

/** The path and the query of a request; those of no page if they are malformed. */
function urlOf({ url = '' }: IncomingMessage): URL {
  const text = `http://${LOOPBACK}${url}`;
  return new URL(url.startsWith('/') && URL.canParse(text) ? text : `http://${LOOPBACK}/malformed`);
}

function refuse(response: ServerResponse, status: number, why: string): void {
  response.writeHead(status, { 'content-type': 'text/plain; charset=utf-8' }).end(`${why}\n`);
}

function send(response: ServerResponse, type: string, text: string): void {
  response.writeHead(200, { 'content-type': `${type}; charset=utf-8` }).end(text);
}

function answer(
  html: string,
  files: readonly ExploredFile[],
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const { pathname } = urlOf(request);
  const index = FILE_PATH.exec(pathname)?.[1];
  const file = index === undefined ? undefined : files.at(Number(index));
  if (pathname === '/') send(response, 'text/html', html);
  else if (file === undefined) refuse(response, 404, 'there is no such page');
  else if (file.kind === 'text') send(response, 'text/plain', file.text);
  else sendFile(file.path, request, response);
}
