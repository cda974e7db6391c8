/** Sockets between loopback addresses, and the requirements of their tests. */
import { LiveError } from '../../src/live/index.js';
import { linux } from '../../src/live/system/linux.js';
import { Poller } from '../../src/live/system/poller.js';
import { SocketType, SystemSocket } from '../../src/live/socket/system-socket.js';

/** Two loopback addresses. */
export const HERE = Uint8Array.of(127, 0, 0, 2);
export const THERE = Uint8Array.of(127, 0, 0, 3);
export const LOOPBACK6 = Uint8Array.from({ length: 16 }, (_, i) => (i === 15 ? 1 : 0));

function reasonOf(open: () => void): string | undefined {
  try {
    open();
    return undefined;
  } catch (error) {
    if (error instanceof LiveError) return error.message;
    throw error;
  }
}

/** Why a test of system sockets is skipped, or false. None are skipped in CI. */
export function withoutSockets(): string | false {
  return process.env['CI'] === 'true' ? false : (reasonOf(() => void linux()) ?? false);
}

/** Why a test of raw sockets is skipped, or false. None are skipped in CI. */
export function withoutRawSockets(): string | false {
  if (process.env['CI'] === 'true') return false;
  return reasonOf(() => new SystemSocket(4, SocketType.Raw, 255, 'IP packets').close()) ?? false;
}

/** How long a test waits for something certain, in milliseconds: a busy machine is slow. */
const PATIENCE = 20_000;

/** Calls `take`, which returns how many it took, until the total is `count`: a busy kernel delivers late. */
export function untilTaken(count: number, descriptors: readonly number[], take: () => number): void {
  const poller = new Poller(descriptors);
  const end = performance.now() + PATIENCE;
  for (let taken = 0; taken < count && performance.now() < end;) {
    poller.wait(100);
    taken += take();
  }
}

/** A UDP port that no other test file uses. */
export function portOf(number: number): number {
  return 20_000 + ((process.pid * 16 + number) % 12_000);
}
