/** A part of a running node that has packets of its own beside the overlay's, such as the gateway's switch. */

/** Moves packets in a node's turns, when its descriptors are ready or it has some buffered. */
export interface LivePart {
  /** Descriptors to poll for input. The list may change between turns; the node then updates its poll set. */
  readonly descriptors: readonly number[];
  /** Whether it has buffered packets that poll(2) doesn't report. */
  readonly pending: boolean;
  /**
   * Moves waiting packets, at most some hundred.
   * @param isReady whether a descriptor, by its index, is ready
   * @param now monotonic clock in seconds
   * @returns number of packets moved
   */
  turn(isReady: (index: number) => boolean, now: number): number;
}
