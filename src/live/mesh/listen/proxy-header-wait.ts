/** Reads the PROXY header of a connection, before anybody else listens on it. */
import type { Socket } from 'node:net';
import { type ProxiedConnection, readProxyHeader } from '../../../mesh/index.js';

/** Who learns what came of it. Only one of the two is called, once, and never after the socket was closed by its peer. */
export interface ProxyHeaderTaker {
  /**
   * The header is there. No listener of the wait is left on the socket, which flows: who takes it over listens at once.
   * @param connection undefined if the sender speaks for itself, or doesn't know the client
   * @param rest what came behind the header: part of the chunk that was read, not a copy
   */
  taken(socket: Socket, connection: ProxiedConnection | undefined, rest: Buffer | undefined): void;
  /** It is malformed, or incomplete at the end or at the deadline; the socket is destroyed. */
  refused(socket: Socket): void;
}

/**
 * Waits for a header. A peer that closes the connection without a byte only looked whether the port is open.
 * @param timeout in which the header must be complete, in milliseconds
 */
export function awaitProxyHeader(socket: Socket, timeout: number, taker: ProxyHeaderTaker): void {
  let bytes: Buffer | undefined;
  const deadline = setTimeout(refuse, timeout);

  function leave(): void {
    clearTimeout(deadline);
    socket.off('data', take).off('end', ended).off('close', leave);
  }
  function refuse(): void {
    leave();
    socket.destroy();
    taker.refused(socket);
  }
  function ended(): void {
    if (bytes !== undefined) {
      refuse();
      return;
    }
    leave();
    socket.destroy();
  }
  function take(chunk: Buffer): void {
    // A header is short: what is joined here is bounded by the longest one.
    bytes = bytes === undefined ? chunk : Buffer.concat([bytes, chunk]);
    const header = readProxyHeader(bytes);
    if (header.kind === 'bad') refuse();
    if (header.kind !== 'header') return;
    leave();
    taker.taken(socket, header.connection, header.length < bytes.length ? bytes.subarray(header.length) : undefined);
  }

  socket.on('data', take).on('end', ended).on('close', leave);
}
