/** Turns between slices of long work, in which the page draws and takes input. */

/** How long a slice may keep the page from drawing. */
const SLICE_MS = 8;

/**
 * Waits for a turn each time that 8 ms have passed, and not otherwise.
 * @param signal cancels
 * @returns a function to be awaited between slices, which throws the signal's reason once it is aborted
 */
export function turnsOf(signal: AbortSignal): () => Promise<void> {
  let end = performance.now() + SLICE_MS;
  return async () => {
    signal.throwIfAborted();
    if (performance.now() < end) return;
    await nextTask();
    signal.throwIfAborted();
    end = performance.now() + SLICE_MS;
  };
}

/** A task of its own, without the delay of timers. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(undefined);
  });
}
