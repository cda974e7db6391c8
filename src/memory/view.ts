/**
 * Unaligned word access to packets: a DataView reads and writes 32 bits at once. Views are cached per array, since one
 * per packet would be garbage. Meant for arrays that hold many packets; small ones don't live long enough.
 */

/** Whether this machine is little-endian. */
export const LITTLE_ENDIAN = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

const views = new WeakMap<Uint8Array, DataView>();
// The packets of a batch share one array, so the last view is nearly always the right one.
let last: Uint8Array = new Uint8Array(0);
let lastView = new DataView(last.buffer);

/** The view over an array's bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return bytes === last ? lastView : cachedView(bytes);
}

function cachedView(bytes: Uint8Array): DataView {
  let view = views.get(bytes);
  if (view === undefined) {
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    views.set(bytes, view);
  }
  last = bytes;
  lastView = view;
  return view;
}
