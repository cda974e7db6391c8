/**
 * Bounds of a running member, on what strangers and members can make it do and hold. Those of its tables are parameters
 * of the member itself.
 */
export interface GossipBounds {
  /** Packets of unknown senders that are decrypted, per 100 ms; others are dropped as `rate`. @default 200 */
  readonly strangerPackets: number;
  /** Packets of one member, per 100 ms. @default 500 */
  readonly memberPackets: number;
  /** Packets of all members, per 100 ms. @default 2000 */
  readonly packets: number;
  /** Bytes of streams read from unknown senders, per 100 ms; they wait for more. @default 4194304 */
  readonly strangerStreamBytes: number;
  /** Streams that unknown senders have open; a further one closes the oldest. @default 64 */
  readonly strangerStreams: number;
  /** Streams that members have open; further ones are refused. @default 256 */
  readonly memberStreams: number;
  /** Streams that this member has open. @default 128 */
  readonly openedStreams: number;
  /** Bytes held of all streams of unknown senders, and of one of them. @default 16777216 */
  readonly strangerBytes: number;
  /** Bytes held of all streams of members, opened ones included. @default 67108864 */
  readonly memberBytes: number;
}

/** Enough for swarms of some thousand nodes. */
export const DEFAULT_GOSSIP_BOUNDS: GossipBounds = {
  strangerPackets: 200,
  memberPackets: 500,
  packets: 2000,
  strangerStreamBytes: 4 * 1024 * 1024,
  strangerStreams: 64,
  memberStreams: 256,
  openedStreams: 128,
  strangerBytes: 16 * 1024 * 1024,
  memberBytes: 64 * 1024 * 1024,
};
