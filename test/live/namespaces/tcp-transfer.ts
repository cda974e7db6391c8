/** A stream of random bytes between namespaces, digested on both sides, since iperf3 doesn't check the content. */
import { join } from 'node:path';
import { ROOT } from '../../repository.js';
import { type NetworkNamespace } from './network-namespace.js';

/** What one side saw. */
export interface Stream {
  readonly bytes: number;
  readonly sha256: string;
}

/** What both sides saw. */
export interface Transfer {
  readonly sent: Stream;
  readonly received: Stream;
}

const END = join(ROOT, 'dist/test/live/namespaces/tcp-end.js');
const PORT = 7000;
const PATIENCE_MS = 60_000;

/**
 * Sends bytes over one TCP connection to an address of the server's namespace.
 *
 * @throws {Error} with the output of both sides, if one fails or takes too long
 */
export async function tcpTransfer(
  server: NetworkNamespace,
  client: NetworkNamespace,
  { address, bytes, patience = PATIENCE_MS }: { address: string; bytes: number; patience?: number },
): Promise<Transfer> {
  const receiver = server.start([process.execPath, END, 'receive', String(PORT)]);
  try {
    await receiver.line('stderr', /listening/);
    const sender = client.start([process.execPath, END, 'send', address, String(PORT), String(bytes)]);
    const [sent, received] = await Promise.all([sender.end(patience), receiver.end(patience)]);
    if (sent.status !== 0 || received.status !== 0) throw new Error(`TCP transfer: ${sent.stderr}${received.stderr}`);
    return { sent: JSON.parse(sent.stdout) as Stream, received: JSON.parse(received.stdout) as Stream };
  } finally {
    receiver.kill();
  }
}
