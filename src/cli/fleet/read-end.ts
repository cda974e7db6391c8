/** Reports how a capture ended that was read elsewhere, as `readInput` does for one that is read here. */
import type { PacketSource } from '../../capture/index.js';
import { type CaptureEnd, endedSource } from '../../fleet/internal.js';
import { sayEnd } from '../capture/capture-input.js';

/**
 * Reports damage, and that there are no packets.
 * @returns the capture, for reports
 * @throws CaptureError if no packet of it could be read
 */
export function readEnd(name: string, end: CaptureEnd): PacketSource {
  const source = endedSource(name, end);
  sayEnd(source, end.packets, end.readable);
  return source;
}
