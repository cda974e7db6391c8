/** Why a port can't be listened on, and what to do about it. */
import type { Listening } from './listening.js';

/** An address and port as people write them: IPv6 in brackets. */
export function listeningText({ address, port }: Listening): string {
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

/** The message for an error of listen(2) or bind(2). */
export function listenTrouble(listening: Listening, error: NodeJS.ErrnoException): string {
  return `the mesh can't listen on ${listeningText(listening)}: ${reasonOf(listening, error)}; trying again`;
}

function reasonOf({ kind }: Listening, { code, message }: NodeJS.ErrnoException): string {
  if (code === 'EADDRINUSE') return `another program uses it; stop that program, or set another port in mesh.${kind}`;
  if (code === 'EACCES') return `permission denied; run as root, or set a port above 1023 in mesh.${kind}`;
  if (code === 'EADDRNOTAVAIL') return 'no local interface has this address; add it, or change mesh.listen';
  return message;
}

/** The message for an error of accept(2). */
export function acceptTrouble(listening: Listening, { code, message }: NodeJS.ErrnoException): string {
  const isLimit = code === 'EMFILE' || code === 'ENFILE';
  const why = isLimit ? 'too many files are open; raise the limit (ulimit -n, or LimitNOFILE of systemd)' : message;
  return `the mesh loses connections to ${listeningText(listening)}: ${why}`;
}
