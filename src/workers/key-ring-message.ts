/** Passes a key ring to another thread: in shared memory, so that passing it leaves no copies of the keys. */
import { ClusterKey, KeyRing, OverlayError } from '../overlay/index.js';

/** A key ring that can be copied to another thread. */
export interface KeyRingMessage {
  readonly tags: readonly number[];
  /** Length of each key in bytes. */
  readonly lengths: readonly number[];
  /** The concatenated keys, preceded by a byte that says whether they are still present. */
  readonly keys: SharedArrayBuffer;
}

const PRESENT = 1;

/**
 * Creates the message for one thread.
 * @param ring undefined for no keys
 * @throws OverlayError `KEY_WIPED`
 */
export function keyRingMessage(ring: KeyRing | undefined): KeyRingMessage {
  const all = ring?.keys ?? [];
  const lengths = all.map((key) => key.use(({ length }) => length));
  const keys = new SharedArrayBuffer(1 + lengths.reduce((sum, length) => sum + length, 0));
  new Uint8Array(keys)[0] = PRESENT;
  let at = 1;
  for (const key of all) {
    at += key.use((bytes) => {
      new Uint8Array(keys, at).set(bytes);
      return bytes.length;
    });
  }
  return { tags: all.map(({ tag }) => tag), lengths, keys };
}

/**
 * Takes the ring from a message and wipes the message's keys. The caller owns the ring's keys.
 * @returns undefined if there are no keys
 * @throws OverlayError `KEY_WIPED` for a message that was taken or wiped before
 */
export function keyRingOfMessage({ tags, lengths, keys }: KeyRingMessage): KeyRing | undefined {
  if (new Uint8Array(keys)[0] !== PRESENT)
    throw new OverlayError('KEY_WIPED', 'the keys of a topology message can be taken only once');
  let at = 1;
  const all = tags.map((tag, i) => {
    at += lengths[i];
    return new ClusterKey(tag, new Uint8Array(keys, at - lengths[i], lengths[i]));
  });
  const ring = all.length === 0 ? undefined : new KeyRing(all);
  wipeMessage({ keys });
  return ring;
}

/** Overwrites the keys of a message with zeros, also for the thread that it was sent to: the memory is shared. */
export function wipeMessage({ keys }: Pick<KeyRingMessage, 'keys'>): void {
  new Uint8Array(keys).fill(0);
}
