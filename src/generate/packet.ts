/** A packet as planned: everything that its bytes follow from. Rendering it twice gives the same bytes. */

/** How a packet differs from what its sender meant it to be. */
export const Alteration = {
  /** The inner transport's checksum is wrong. */
  BadChecksum: 1,
  /** A bit of the last byte is flipped: the ICV's, or the payload's. */
  FlipBit: 2,
  /** The last outer fragment is lost. */
  LoseFragment: 4,
  /** Captured only in part. */
  Truncate: 8,
  /** Lost between the nodes: the receiver's capture doesn't have it. */
  LostOnTheWay: 16,
  /** Its SA skips many sequence numbers before it. */
  SkipSequence: 32,
  /** Its SA spares a sequence number before it. */
  SpareSequence: 1024,
  /** It has the sequence number that was spared: as if it had been sent then. */
  SparedSequence: 64,
  /** Its SA's sequence numbers begin at 1 again. */
  RestartSequence: 128,
  /** It comes again later. */
  Replay: 256,
  /** It comes after those that follow. */
  Delay: 512,
} as const;

/** No fault. */
export const NO_FAULT = -1;

/** A planned packet. */
export class PlannedPacket {
  /** Nanoseconds since the first one. */
  time = 0;
  /** Index of its lane. */
  lane = 0;
  /** Bytes of the varying payload. */
  length = 0;
  /** TCP. */
  flags = 0;
  sequence = 0;
  acknowledgment = 0;
  timestamp = 0;
  echoed = 0;
  /** The client's port. */
  port = 0;
  /** ICMP sequence number, DNS id. */
  word = 0;
  /** Identifications of the inner and the outer IP header. */
  innerId = 0;
  outerId = 0;
  /** Outer UDP source port. */
  outerPort = 0;
  /** Index of the SA, or -1, and the sequence number under it. */
  sa = -1;
  espHigh = 0;
  espLow = 0;
  /** `Alteration`s. */
  alterations = 0;
  /** Index of the fault that it shows, or `NO_FAULT`. */
  fault: number = NO_FAULT;

  /** Bytes of the frame on the wire, outer fragments not counted. */
  frameLength = 0;
  /** Number of outer fragments; 1 if it is whole. */
  fragments = 1;
  /** Records in the capture, and their bytes with headers. */
  records = 1;
  recordBytes = 0;

  /** Makes it the same as another. */
  copy(from: PlannedPacket): void {
    this.time = from.time;
    this.lane = from.lane;
    this.length = from.length;
    this.flags = from.flags;
    this.sequence = from.sequence;
    this.acknowledgment = from.acknowledgment;
    this.timestamp = from.timestamp;
    this.echoed = from.echoed;
    this.port = from.port;
    this.word = from.word;
    this.innerId = from.innerId;
    this.outerId = from.outerId;
    this.outerPort = from.outerPort;
    this.sa = from.sa;
    this.espHigh = from.espHigh;
    this.espLow = from.espLow;
    this.alterations = from.alterations;
    this.fault = from.fault;
    this.frameLength = from.frameLength;
    this.fragments = from.fragments;
    this.records = from.records;
    this.recordBytes = from.recordBytes;
  }
}
