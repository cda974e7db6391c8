/** What became of a frame at a task's published ports. */
export const PortVerdict = {
  /** Dropped: `TaskPorts.drop` has the reason. */
  Dropped: 0,
  /** It goes on, perhaps translated. */
  Passed: 1,
  /** A fragment that is held until its datagram is complete. */
  Held: 2,
  /** A fragment that completed its datagram, which goes on in fragments: `TaskPorts.nextFragment` has them. */
  Fragments: 3,
} as const;
export type PortVerdict = (typeof PortVerdict)[keyof typeof PortVerdict];
