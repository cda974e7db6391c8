/** Two connections that become one: what either side sends goes to the other, no faster than it takes it. */
import type { Socket } from 'node:net';

/** Ends a connection with a reset, if it isn't closed yet: the other side must not take a cut stream for a whole one. */
export function reset(socket: Socket): void {
  if (socket.destroyed) return;
  // A socket that isn't connected has nobody to reset.
  if (socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}

/** Passes on the end of one side, once what came before is written. */
export function passEnd(to: Socket): void {
  if (!to.destroyed && !to.writableEnded) to.end();
}

/** Closes one side after the other has: orderly if that was, otherwise with a reset. */
export function passClose(from: Socket, hadError: boolean, to: Socket): void {
  if (to.destroyed) return;
  if (hadError || !from.readableEnded) reset(to);
  else to.destroySoon();
}
