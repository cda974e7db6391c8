/** What is asked for: each a host of its own, so that the proxies look it up. */

/** A kind of load. */
export interface MeshLoad {
  readonly host: string;
  readonly path: string;
  /** Bytes of the content, or of a message. */
  readonly bytes: number;
}

export const SMALL: MeshLoad = { host: 'small.example.org', path: '/', bytes: 64 };
export const LARGE: MeshLoad = { host: 'large.example.org', path: '/', bytes: 1_000_000 };
export const WEB_SOCKET: MeshLoad = { host: 'socket.example.org', path: '/', bytes: 64 };

/** A server's address. */
export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

/** Addresses of the backends by host. */
export type HostAddresses = Readonly<Record<string, readonly ServerAddress[]>>;
