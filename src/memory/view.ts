/**
 * Words of packets at any offset: a DataView reads and writes 32 bits at once, and one is kept for each array, since making
 * one for each packet would be garbage. For arrays that many packets stand in; small ones come and go too often.
 */

const views = new WeakMap<Uint8Array, DataView>();
// Packets of a batch stand in the same array, so the last one's view nearly always serves.
let last: Uint8Array = new Uint8Array(0);
let lastView = new DataView(last.buffer);

/** The view over an array's bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return bytes === last ? lastView : look(bytes);
}

function look(bytes: Uint8Array): DataView {
  let view = views.get(bytes);
  if (view === undefined) {
    view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    views.set(bytes, view);
  }
  last = bytes;
  lastView = view;
  return view;
}
