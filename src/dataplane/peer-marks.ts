/** Which nodes packets were exchanged with, and how: a mark for each, which costs a packet one write. */

/** How a packet crossed the underlay. */
export const PeerMark = {
  /** As clear VXLAN. */
  Clear: 1,
  /** In ESP. */
  Encrypted: 2,
} as const;
export type PeerMark = (typeof PeerMark)[keyof typeof PeerMark];

const FIRST_CAPACITY = 16;

/** A byte for each node, with the marks that were set since its reader cleared them. */
export class PeerMarks {
  /** By node: `PeerMark`s. A change of the tables may replace the array: don't keep it across batches. */
  bytes = new Uint8Array(FIRST_CAPACITY);

  /** Clears the marks of a node, and makes room for it. */
  renew(node: number): void {
    if (node >= this.bytes.length) {
      const larger = new Uint8Array(2 * Math.max(this.bytes.length, node));
      larger.set(this.bytes);
      this.bytes = larger;
    }
    this.bytes[node] = 0;
  }

  /**
   * The marks of a node, which are cleared.
   * @returns `PeerMark`s, or 0
   */
  take(node: number): number {
    const marks = this.bytes[node] ?? 0;
    if (marks !== 0) this.bytes[node] = 0;
    return marks;
  }
}
