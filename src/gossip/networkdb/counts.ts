/** What NetworkDB has counted since its start. */
export class NetworkDbCounts {
  /** Table events that changed something here, and those that said nothing new. */
  tableEvents = 0;
  staleEvents = 0;
  /** Table events for networks that this node isn't on, and of owners that are not on the network. */
  foreignNetworks = 0;
  unknownOwners = 0;
  /** Network events about nodes that are not members. */
  unknownNodes = 0;
  /** Lamport times too far ahead. */
  impossibleTimes = 0;
  /** Own entries repeated or deleted since others had them wrong. */
  refutedEntries = 0;
  bulkSyncs = 0;
  /** Bulk syncs whose other half didn't come. */
  unansweredSyncs = 0;
  /** Refused since a table is full. */
  refusedNodes = 0;
  refusedNetworks = 0;
  refusedAttachments = 0;
  refusedEntries = 0;
}
