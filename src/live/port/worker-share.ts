/** A node's part of the work of a VTEP with several workers. */
import type { PacketBatch } from '../../memory/index.js';
import type { ReadonlyNodeTables } from '../../overlay/index.js';

/** Which peers a worker owns, and what happens to the frames for others. */
export interface WorkerShare {
  /**
   * Whether this worker has the SAs with a peer.
   * @param vtep the peer's VTEP address, 4 or 16 bytes
   */
  owns(vtep: Uint8Array): boolean;
  /**
   * Hands over those frames of an encrypted network whose destination is a peer of another worker. The rest stays in the
   * batch, in order.
   * @param batch frames of endpoints of this node, all of one network
   * @param now seconds of the node's clock
   * @returns number of frames that could not be handed over, and were removed too
   */
  divert(batch: PacketBatch, tables: ReadonlyNodeTables, now: number): number;
}
