/** Ends streams before their time. */
import type { Http2Stream } from 'node:http2';
import { addAbortSignal } from 'node:stream';

const ABORTED = AbortSignal.abort();

/**
 * Resets a stream with INTERNAL_ERROR: what was sent on it isn't all. `close` of Node ends it before the reset, and who
 * reads the end first takes half a message for a whole one.
 */
export function failStream(stream: Http2Stream): void {
  stream.destroy(new Error('the other side has failed'));
}

/** The same with CANCEL: the message isn't wanted any more. */
export function cancelStream(stream: Http2Stream): void {
  // The only error for which Node sends this code without the end is its own of aborts.
  addAbortSignal(ABORTED, stream);
}
