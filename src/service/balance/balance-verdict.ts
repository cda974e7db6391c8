/** What became of a frame. */
export const BalanceVerdict = {
  /** Dropped: `LoadBalancer.drop` has the reason. */
  Dropped: 0,
  /** Translated: it leaves on the backends' leg. */
  ToBackend: 1,
  /** Translated: it leaves on the clients' leg. */
  ToClient: 2,
  /** Turned into the balancer's own answer: it leaves on the leg it came from. */
  Answered: 3,
  /** A fragment that is held until its datagram is complete. */
  Held: 4,
  /** A fragment that completed its datagram, which leaves in fragments: `LoadBalancer.nextFragment` has them. */
  Fragments: 5,
} as const;
export type BalanceVerdict = (typeof BalanceVerdict)[keyof typeof BalanceVerdict];
