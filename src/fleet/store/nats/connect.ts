/** Connects to NATS with the files of credentials that its client takes. */
import { readFileSync } from 'node:fs';
import { type NatsConnection, type NodeConnectionOptions } from '@nats-io/transport-node';
import { quoted } from '../../../text/plain-text.js';
import { StoreError } from '../../error.js';
import { type StoreAddress } from './address.js';
import { storeFailure } from './failure.js';
import { type NatsPackages } from './packages.js';

/** Files for TLS, in PEM. */
export interface TlsFiles {
  /** Certificates of the authorities that are trusted. @default those of Node */
  readonly ca?: string;
  /** The client's certificate. */
  readonly cert?: string;
  /** The key of the client's certificate. */
  readonly key?: string;
}

export interface NatsOptions {
  /** A file with a user's JWT and NKEY seed, as `nsc` writes it. */
  readonly credentials?: string;
  /** A file with an NKEY seed. */
  readonly nkey?: string;
  readonly tls?: TlsFiles;
  /** The name that the server shows for the connection. @default `vtep` */
  readonly name?: string;
  /**
   * Milliseconds to wait for the connection, and for each answer.
   * @default 5000
   */
  readonly timeout?: number;
  /**
   * Servers of a cluster that keep a copy of each record, if the bucket is made now: 1, 3 or 5.
   * @default 1
   */
  readonly replicas?: number;
}

export const DEFAULT_TIMEOUT = 5_000;
/** Milliseconds between pings. A server that leaves two without an answer is taken for gone. */
const PING_INTERVAL = 5_000;
/** Milliseconds between attempts to reconnect. There is no last one. */
const RECONNECT_WAIT = 250;

/** @throws StoreError `UNAVAILABLE`, `NOT_PERMITTED`, `UNREADABLE` */
export async function connectNats(
  { transport }: NatsPackages,
  { servers }: StoreAddress,
  options: NatsOptions,
): Promise<NatsConnection> {
  const { name = 'vtep', timeout = DEFAULT_TIMEOUT, tls, credentials, nkey } = options;
  const authenticator = [
    ...(credentials === undefined ? [] : [transport.credsAuthenticator(readFile(credentials))]),
    ...(nkey === undefined ? [] : [transport.nkeyAuthenticator(trimmed(readFile(nkey)))]),
  ];
  const settings: NodeConnectionOptions = {
    servers: [...servers],
    name,
    timeout,
    pingInterval: PING_INTERVAL,
    maxPingOut: 2,
    maxReconnectAttempts: -1,
    reconnectTimeWait: RECONNECT_WAIT,
    noAsyncTraces: true,
    ...(authenticator.length > 0 && { authenticator }),
    ...((tls !== undefined || servers.some((server) => server.startsWith('tls:'))) && { tls: tlsOptions(tls) }),
  };
  try {
    return await transport.connect(settings);
  } catch (error) {
    throw storeFailure(error, 'read', `connect to ${servers.join(', ')}`);
  }
}

function tlsOptions({ ca, cert, key }: TlsFiles = {}): { ca?: string; cert?: string; key?: string } {
  return {
    ...(ca !== undefined && { ca: text(readFile(ca)) }),
    ...(cert !== undefined && { cert: text(readFile(cert)) }),
    ...(key !== undefined && { key: text(readFile(key)) }),
  };
}

function readFile(path: string): Uint8Array {
  try {
    return readFileSync(path);
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw new StoreError('UNREADABLE', `${quoted(path)} can't be read: ${code}`, { cause: error });
  }
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

function trimmed(bytes: Uint8Array): Uint8Array {
  return new TextEncoder().encode(text(bytes).trim());
}
