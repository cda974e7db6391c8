/** Where requests can go: an address of a service, with what is known of its health. */

/** Milliseconds that a target gets nothing new after it couldn't be reached; doubled each time, up to the maximum. */
const FIRST_BACKOFF = 1000;
const MAX_BACKOFF = 30_000;
/** Doublings after which it is the maximum anyway. */
const MAX_DOUBLINGS = 5;

/**
 * An address and port. The same object for all routes that lead there.
 *
 * Health is that of connections, not of responses: one failure to connect takes a target out, as nginx does (`max_fails=1`),
 * since a request whose connection fails goes to another target anyway; for 1 s, and twice as long each time up to 30 s, as
 * Envoy's ejection does. Meanwhile it is tried (`TargetProbes`), and comes back with the first connection that succeeds.
 * If all targets of a route are out, it is as if none were.
 */
export class Target {
  readonly host: string;
  readonly port: number;
  /** Name of the task; of the service, for a virtual IP. */
  readonly name: string;
  /** What a cookie of the mesh says for it: digits that don't tell the address. */
  readonly cookie: string;
  /** Requests and connections that are under way. */
  active = 0;
  /** Failures to reach it since the last success. */
  failures = 0;
  /** Until when nothing new goes here, by the mesh's clock in milliseconds. */
  downUntil = 0;
  /** Set once no route leads here: connections are closed after the requests that are under way. */
  isLeaving = false;
  /** When the last failure was noticed. */
  #failedAt = -Infinity;

  constructor(host: string, port: number, name = '', cookie = '') {
    this.host = host;
    this.port = port;
    this.name = name;
    this.cookie = cookie;
  }

  /**
   * A connection to it could not be made.
   * @param now the mesh's clock in milliseconds
   * @param began when it was begun, if that is known: one that was before the last failure tells nothing more, and
   * neither does one to a target that is out
   */
  failed(now: number, began?: number): void {
    if (began === undefined ? now < this.downUntil : began < this.#failedAt) return;
    this.#failedAt = now;
    this.downUntil = now + Math.min(MAX_BACKOFF, FIRST_BACKOFF * 2 ** Math.min(this.failures, MAX_DOUBLINGS));
    this.failures++;
  }

  /** A connection to it was made. */
  succeeded(): void {
    this.failures = 0;
    this.downUntil = 0;
  }

  /** What is known of its health says nothing any more, and neither do connections that were begun before. */
  forgetFailures(now: number): void {
    this.succeeded();
    this.#failedAt = now;
  }
}
