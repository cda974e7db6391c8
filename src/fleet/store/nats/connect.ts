/** Connects to NATS with the files of credentials that its client takes. */
import { readFileSync } from 'node:fs';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import type { Authenticator, NatsConnection, NodeConnectionOptions } from '@nats-io/transport-node';
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
   * Servers of a cluster that keep a copy of each record: 1, 3 or 5. A bucket that is there with fewer is refused.
   * @default 1 if the bucket is made now
   */
  readonly replicas?: number;
  /**
   * Whether the store is made if there is none. Without it, a mistyped overlay is an error and leaves nothing behind.
   * @default true
   */
  readonly creates?: boolean;
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
    ...(credentials === undefined ? [] : [credentialsOf(transport, credentials)]),
    ...(nkey === undefined ? [] : [nkeyOf(transport, nkey)]),
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
    ...((tls !== undefined || servers.some((server) => server.startsWith('tls:'))) && {
      tls: tlsOptions(servers, tls),
    }),
  };
  try {
    return await transport.connect(settings);
  } catch (error) {
    throw storeFailure(error, 'read', `connect to ${servers.join(', ')}`);
  }
}

interface TlsSettings {
  ca?: string;
  cert?: string;
  key?: string;
  checkServerIdentity: (host: string, certificate: PeerCertificate) => Error | undefined;
}

function tlsOptions(servers: readonly string[], { ca, cert, key }: TlsFiles = {}): TlsSettings {
  return {
    ...(ca !== undefined && { ca: text(readFile(ca)) }),
    ...(cert !== undefined && { cert: text(readFile(cert)) }),
    ...(key !== undefined && { key: text(readFile(key)) }),
    checkServerIdentity: (_, certificate) => identityFault(servers, certificate),
  };
}

/**
 * The certificate must be for one of the servers that the user named. The client alone would hold that of a server
 * named by its address against the name localhost.
 */
function identityFault(servers: readonly string[], certificate: PeerCertificate): Error | undefined {
  const hosts = servers.map((server) => new URL(server).hostname.replace(/^\[|\]$/g, ''));
  const faults = hosts.map((host) => checkServerIdentity(host, certificate));
  return faults.includes(undefined) ? undefined : faults[0];
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

/** Reads the seed at once: the client would only find out that it is none when the server asks for a signature. */
function nkeyOf(transport: NatsPackages['transport'], path: string): Authenticator {
  const seed = new TextEncoder().encode(text(readFile(path)).trim());
  return parsed(path, 'NKEY seed', () => {
    transport.nkeys.fromSeed(seed);
    return transport.nkeyAuthenticator(seed);
  });
}

function credentialsOf(transport: NatsPackages['transport'], path: string): Authenticator {
  const content = readFile(path);
  return parsed(path, 'credentials', () => {
    const authenticator = transport.credsAuthenticator(content);
    authenticator('nonce');
    return authenticator;
  });
}

/** Without the client's own error, which might quote the file. */
function parsed<T>(path: string, what: string, parse: () => T): T {
  try {
    return parse();
  } catch {
    throw new StoreError('UNREADABLE', `${quoted(path)} has no ${what}`);
  }
}
