/** What a member has counted since its start. */
export class MemberCounts {
  /** Probes that were answered, and those that were not. */
  probes = 0;
  failedProbes = 0;
  /** Probes that only the stream answered: UDP doesn't get through. */
  streamOnlyProbes = 0;
  /** Probes that were answered only through other members: UDP doesn't get through directly. */
  relayedProbes = 0;
  /** Accusations of itself that it contradicted. */
  refutations = 0;
  /** Accusations passed on for members that don't know of them. */
  forwardedAccusations = 0;
  /** Pings meant for another name. */
  misdirectedPings = 0;
  /** Acks and nacks for no probe in progress. */
  unknownAnswers = 0;
  /** `alive` messages with impossible versions. */
  badVersions = 0;
  /** Names that appeared at a second address. */
  conflicts = 0;
  /** Incarnations too high to be refuted. */
  impossibleIncarnations = 0;
  /** Members refused since the table is full. */
  refusedMembers = 0;
  /** Indirect pings refused since too many are in progress. */
  refusedRelays = 0;
  /** Push/pulls that were exchanged, and streams that failed. */
  pushPulls = 0;
  failedStreams = 0;
}
