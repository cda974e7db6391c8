import { type TableEvent } from '../wire/messages.js';

const MILLISECONDS = 1000;
/** A residual time that is worth passing on: a share of the whole, so that no deletion goes round for ever. */
const REBROADCAST_SHARE = 6;

/** A time for which a deleted entry is still remembered, as its events have it: in whole seconds. */
export function residualSeconds(milliseconds: number): number {
  return Math.floor(milliseconds / MILLISECONDS);
}

/** How long an entry that an event deletes is still remembered, in milliseconds: at most `reapEntryTime`. */
export function residualTime({ residualReapTime }: TableEvent, reapEntryTime: number): number {
  // An engine that doesn't know residual times leaves them out.
  return residualReapTime > 0 ? Math.min(residualReapTime * MILLISECONDS, reapEntryTime) : reapEntryTime;
}

/** Whether a deletion of an entry that this node didn't know is worth passing on. */
export function isLasting({ residualReapTime }: TableEvent, reapEntryTime: number): boolean {
  return residualReapTime * MILLISECONDS > reapEntryTime / REBROADCAST_SHARE;
}
