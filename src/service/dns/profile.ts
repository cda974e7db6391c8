/**
 * The engine whose answers are reproduced. They differ in how answers are truncated, what happens when upstream servers
 * fail, PTR queries outside the reverse zones, and AAAA on networks with IPv6.
 */
export const DnsProfile = {
  /** Docker 20.10, and 23.0: the swarms of the recordings. */
  Docker20: '20.10',
  /** Docker 25 and later. */
  Current: 'current',
} as const;
export type DnsProfile = (typeof DnsProfile)[keyof typeof DnsProfile];
