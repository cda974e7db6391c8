/** Where the packets of a table of conversations went. */

/** What became of the packets that a flow table got: `packets` is the sum of the others. */
export interface FlowAccounting {
  readonly packets: number;
  /** Packets of the conversations. */
  readonly inConversations: number;
  /** Frames without IP: ARP, LLDP and so on. */
  readonly withoutIp: number;
  /** Packets whose headers are malformed, or truncated before the ports. */
  readonly unreadable: number;
  /** Later fragments whose first fragment wasn't seen before them, so that their ports are unknown. */
  readonly strayFragments: number;
  /** Packets of conversations that the full table couldn't list. */
  readonly unlisted: number;
}

/** Counts of packets that are in no conversation, whatever other packets there are. */
export type OutsidePackets = Pick<FlowAccounting, 'withoutIp' | 'unreadable'>;
