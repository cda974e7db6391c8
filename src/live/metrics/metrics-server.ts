/** Metrics over HTTP: one page at `GET /metrics`, served from a separate thread. */
import { isIPv6 } from 'node:net';
import { Worker } from 'node:worker_threads';
import { LiveError } from '../error.js';

/** The listening address. */
export interface MetricsAddress {
  readonly host: string;
  /** 0 for any free port. */
  readonly port: number;
}

/**
 * A message from the thread: it is listening, it failed to, or a client wants a page.
 * @internal
 */
export type ThreadMessage =
  | { readonly kind: 'listening'; readonly port: number }
  | { readonly kind: 'failed'; readonly code: string | undefined; readonly message: string }
  | { readonly kind: 'wanted' };

/**
 * A page for the thread; undefined if making it failed.
 * @internal
 */
export interface PageMessage {
  readonly page: string | undefined;
}

/** `HOST:PORT`, an IPv6 address in brackets. */
export function hostAndPort(host: string, port: number): string {
  return isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

const THREAD = new URL('./metrics-thread.js', import.meta.url);
/** Heap limit of the thread in MiB; pages are outside of the heap. */
const MEMORY = 64;

/** An HTTP server for one page. */
export class MetricsServer {
  /** The port that it listens on. */
  readonly port: number;
  readonly #thread: Worker;

  private constructor(thread: Worker, port: number) {
    this.#thread = thread;
    this.port = port;
  }

  /**
   * Starts listening.
   * @param page makes the page, in the calling thread: at most once per second, and only on request. If it throws,
   *   clients get status 500
   * @param onEnd called with the reason if the thread exits before `close`; no page is served from then on
   * @throws LiveError `PORT_IN_USE`, `NOT_THERE`, `NOT_PERMITTED`, `SYSTEM_CALL`
   */
  static async listen(
    address: MetricsAddress,
    page: () => string,
    onEnd: (why: string) => void = () => undefined,
  ): Promise<MetricsServer> {
    const thread = new Worker(THREAD, {
      workerData: address,
      resourceLimits: { maxOldGenerationSizeMb: MEMORY },
    });
    const port = await new Promise<number>((done, fail) => {
      let listening = false;
      thread.once('error', (error: NodeJS.ErrnoException) => {
        if (listening) onEnd(error.message);
        else fail(listenFailed(error, address));
      });
      thread.on('message', (message: ThreadMessage) => {
        if (message.kind === 'wanted') {
          thread.postMessage({ page: pageOf(page) } satisfies PageMessage);
        } else if (message.kind === 'failed') {
          fail(listenFailed(message, address));
        } else {
          listening = true;
          done(message.port);
        }
      });
    }).catch(async (error: unknown) => {
      await thread.terminate();
      throw error;
    });
    return new MetricsServer(thread, port);
  }

  /** Stops the server and closes all connections. */
  close(): void {
    void this.#thread.terminate();
  }
}

function pageOf(page: () => string): string | undefined {
  try {
    return page();
  } catch {
    return undefined;
  }
}

function listenFailed(
  error: { readonly code?: string | undefined; readonly message: string },
  { host, port }: MetricsAddress,
): LiveError {
  const where = `metrics on ${hostAndPort(host, port)}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new LiveError('PORT_IN_USE', `${where}: the port is in use; choose another`, { cause: error });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new LiveError('NOT_THERE', `${where}: no local interface has this address`, { cause: error });
    case 'EACCES':
      return new LiveError('NOT_PERMITTED', `${where}: permission denied; choose a port above 1023`, { cause: error });
    default:
      return new LiveError('SYSTEM_CALL', `${where}: ${error.message}`, { cause: error });
  }
}
