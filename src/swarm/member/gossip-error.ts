import { VtepError } from '../../error.js';

/** What can go wrong with a running member. */
export type GossipErrorCode =
  /** An option that can't be used. */
  | 'BAD_OPTION'
  /** Another program uses the port: a Docker engine, perhaps. */
  | 'PORT_IN_USE'
  /** No local interface has the address. */
  | 'NOT_THERE'
  /** Not permitted. */
  | 'NOT_PERMITTED'
  /** A socket failed. */
  | 'SOCKET_FAILED'
  /** The thread ended by itself. */
  | 'THREAD_ENDED'
  /** The member has been closed. */
  | 'CLOSED';

/** An error of a running member. */
export class GossipError extends VtepError<GossipErrorCode> {}

/** What a socket's error means. */
export function socketError(where: string, error: Error): GossipError {
  const { code, message } = error as NodeJS.ErrnoException;
  switch (code) {
    case 'EADDRINUSE':
      return new GossipError('PORT_IN_USE', `${where}: the port is in use, perhaps by a Docker engine`, {
        cause: error,
      });
    case 'EADDRNOTAVAIL':
      return new GossipError('NOT_THERE', `${where}: no local interface has this address`, { cause: error });
    case 'EACCES':
    case 'EPERM':
      return new GossipError('NOT_PERMITTED', `${where}: permission denied`, { cause: error });
    default:
      return new GossipError('SOCKET_FAILED', `${where}: ${message}`, { cause: error });
  }
}
