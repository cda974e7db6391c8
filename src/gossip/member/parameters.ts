/** How a member behaves. All times are in milliseconds. */
export interface MemberParameters {
  /** Time between probes of successive members, at a health score of 0. @default 1000 */
  readonly probeInterval: number;
  /** How long a direct ping is waited for before other members are asked. @default 500 */
  readonly probeTimeout: number;
  /** Members asked to ping one that doesn't answer. @default 3 */
  readonly indirectChecks: number;
  /** Whether a member that doesn't answer is also pinged over TCP. @default true */
  readonly streamPing: boolean;
  /** @default 200 */
  readonly gossipInterval: number;
  /** Members that each round of gossip goes to. @default 3 */
  readonly gossipNodes: number;
  /** How long a dead member still gets gossip, so that it learns of its death, and is remembered. @default 30000 */
  readonly gossipToTheDeadTime: number;
  /** Time between full exchanges of state in clusters of up to 32; see {@link pushPullInterval}. @default 30000 */
  readonly pushPullInterval: number;
  /** Shortest suspicion, in probe intervals per power of ten of members. @default 4 */
  readonly suspicionMult: number;
  /** Longest suspicion, as a multiple of the shortest; 1 is SWIM without Lifeguard's suspicion. @default 6 */
  readonly suspicionMaxTimeoutMult: number;
  /** Health scores are below this; 1 is SWIM without Lifeguard's awareness. @default 8 */
  readonly awarenessMaxMultiplier: number;
  /** Whether the next ping to a suspect carries the suspicion (Lifeguard's buddy system). @default true */
  readonly suspectWithPing: boolean;
  /** Whether nacks are asked for (Lifeguard). @default true */
  readonly nacks: boolean;
  /** How often each message is passed on, times the power of ten of members. @default 4 */
  readonly retransmitMult: number;
  /** Longest packet before encryption, in bytes. @default 1400 */
  readonly packetBytes: number;
  /** What encryption adds, in bytes: 29 with a key, 0 without. @default 29 */
  readonly encryptionOverhead: number;
  /** How long a stream may take. @default 10000 */
  readonly streamTimeout: number;
  /** After what time the name of a dead member may appear at another address; 0 is never. @default 0 */
  readonly deadNodeReclaimTime: number;
  /**
   * Whether accusations reach their subject also through members that don't know it, and whenever a stale `alive`
   * shows that it doesn't know: memberlist issue 311, fixed as in its pull request 345, but each accusation is passed
   * on once. Without it, a node restarted under its old name can stay dead for some members until a push/pull between
   * the right two. No released memberlist does this; the messages are ordinary ones. @default true
   */
  readonly forwardAccusations: boolean;
  /**
   * Whether a dead member's incarnation is raised by later evidence of its death. Without it, as in memberlist up to
   * 0.6.0, alive@2 revives a member after dead@1 and dead@10. @default true
   */
  readonly monotonicIncarnations: boolean;
  /**
   * Whether a suspicion learned in a push/pull counts as that of the node that it was exchanged with, and confirms none
   * that is there already. As memberlist has it, each node takes it for its own: a node that was cut off for a while tells everybody whom it suspects, and takes
   * the echo for confirmations. In a swarm that is worse, as all nodes try to reach a failed one every second.
   *
   * @default true
   */
  readonly attributeHearsay: boolean;
  /** Members remembered, dead ones included; others are refused and counted. @default 16384 */
  readonly maxMembers: number;
  /** Messages queued for gossip; the most often sent one makes room for a new one, and is counted. @default 32768 */
  readonly maxBroadcasts: number;
  /** Pings in progress for others; more requests are refused and counted. @default 1024 */
  readonly maxRelays: number;
}

/** memberlist's settings for local networks, which Docker uses unchanged. */
export const DEFAULT_MEMBER_PARAMETERS: MemberParameters = {
  probeInterval: 1000,
  probeTimeout: 500,
  indirectChecks: 3,
  streamPing: true,
  gossipInterval: 200,
  gossipNodes: 3,
  gossipToTheDeadTime: 30_000,
  pushPullInterval: 30_000,
  suspicionMult: 4,
  suspicionMaxTimeoutMult: 6,
  awarenessMaxMultiplier: 8,
  suspectWithPing: true,
  nacks: true,
  retransmitMult: 4,
  packetBytes: 1400,
  encryptionOverhead: 29,
  streamTimeout: 10_000,
  deadNodeReclaimTime: 0,
  forwardAccusations: true,
  monotonicIncarnations: true,
  attributeHearsay: true,
  maxMembers: 16_384,
  maxBroadcasts: 32_768,
  maxRelays: 1024,
};

/** What to change for SWIM as in its paper, without Lifeguard: fixed suspicion, no awareness, no nacks, no buddies. */
export const PLAIN_SWIM: Partial<MemberParameters> = {
  suspicionMaxTimeoutMult: 1,
  awarenessMaxMultiplier: 1,
  suspectWithPing: false,
  nacks: false,
};

/** Members from which on full exchanges of state become rarer. */
const PUSH_PULL_SCALE_FROM = 32;

/** Shortest suspicion in a cluster of `members`, in milliseconds: `mult * max(1, log10 members) * interval`. */
export function suspicionTimeout(mult: number, members: number, interval: number): number {
  const scale = Math.max(1, Math.log10(Math.max(1, members)));
  return Math.floor(mult * Math.floor(scale * 1000) * interval) / 1000;
}

/** How often a message is passed on in a cluster of `members`: `mult * ceil(log10(members + 1))`. */
export function retransmitLimit(mult: number, members: number): number {
  return mult * Math.ceil(Math.log10(members + 1));
}

/** Time between full exchanges of state: `interval`, and once more per doubling of members above 32. */
export function pushPullInterval(interval: number, members: number): number {
  if (members <= PUSH_PULL_SCALE_FROM) return interval;
  return interval * (Math.ceil(Math.log2(members) - Math.log2(PUSH_PULL_SCALE_FROM)) + 1);
}
