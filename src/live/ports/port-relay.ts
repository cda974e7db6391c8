/** What the proxy's thread has per port, and what its relays share. */
import type { ProxyCounters, ProxyLimits, ProxyRoute } from './port-proxy.js';

/** Serves one port. */
export interface PortRelay {
  /** Begins to serve the port; rejects if it can't. */
  listen(): Promise<void>;
  /** Leads what comes from now on to another target. */
  lead(route: ProxyRoute): void;
  /** Stops, and closes all connections. */
  close(): void;
}

/** What relays share. */
export interface RelayContext {
  readonly limits: ProxyLimits;
  readonly counters: { -readonly [Name in keyof ProxyCounters]: number };
  /** Reports an error of a port, once. */
  trouble(route: ProxyRoute, error: NodeJS.ErrnoException): void;
}
