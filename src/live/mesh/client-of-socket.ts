/** Clients of sockets. */
import type { Socket } from 'node:net';
import type { ProxiedConnection } from '../../mesh/index.js';
import type { Client } from './client.js';
import { plainAddress } from './client-address.js';
import type { TrustedPeers } from './client-trust.js';

/** The peer of a socket. */
export class SocketClient implements Client {
  readonly address: string;
  readonly port: number;
  readonly localPort: number;
  readonly isTrusted: boolean;
  readonly #socket: Socket;
  #localAddress: string | undefined;

  /** @param localPort the port that is listened on */
  constructor(socket: Socket, localPort: number, trusted: TrustedPeers) {
    this.address = plainAddress(socket.remoteAddress);
    this.port = socket.remotePort ?? 0;
    this.localPort = localPort;
    this.isTrusted = trusted.has(this.address);
    this.#socket = socket;
  }

  /** Asked of the kernel when it is needed, which is seldom; empty if the socket was closed before. */
  get localAddress(): string {
    return (this.#localAddress ??= plainAddress(this.#socket.localAddress));
  }
}

/** Whom a PROXY header names. */
export function proxiedClient(connection: ProxiedConnection, trusted: TrustedPeers): Client {
  const address = plainAddress(connection.source);
  return {
    address,
    port: connection.sourcePort,
    localAddress: plainAddress(connection.destination),
    localPort: connection.destinationPort,
    isTrusted: trusted.has(address),
  };
}
