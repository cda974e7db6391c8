import type { GossipCounters } from './swarm-gossip.js';

/** Counts what a member sends, receives and drops. */
export class RunningCounters implements GossipCounters {
  packetsSent = 0;
  packetsReceived = 0;
  bytesSent = 0;
  bytesReceived = 0;
  streamsOpened = 0;
  streamsAccepted = 0;
  streamsFailed = 0;
  readonly #dropped = new Map<string, number>();

  get dropped(): Readonly<Record<string, number>> {
    return Object.fromEntries(this.#dropped);
  }

  /** Counts a packet, stream or message that is dropped. The reasons are fixed names. */
  drop(reason: string, count = 1): void {
    this.#dropped.set(reason, (this.#dropped.get(reason) ?? 0) + count);
  }

  /** The counters as they are now. */
  report(): GossipCounters {
    const { packetsSent, packetsReceived, bytesSent, bytesReceived, dropped } = this;
    const { streamsOpened, streamsAccepted, streamsFailed } = this;
    return {
      packetsSent,
      packetsReceived,
      bytesSent,
      bytesReceived,
      streamsOpened,
      streamsAccepted,
      streamsFailed,
      dropped,
    };
  }
}
