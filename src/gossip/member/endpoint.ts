/** Where a member listens, for packets (UDP) and streams (TCP) alike. */
export interface GossipEndpoint {
  /** IPv4 or IPv6 address, 4 or 16 bytes. */
  readonly addr: Uint8Array;
  readonly port: number;
}

/** Whether two members listen at the same place. */
export function sameEndpoint(one: GossipEndpoint, other: GossipEndpoint): boolean {
  if (one === other) return true;
  return one.port === other.port && sameBytes(one.addr, other.addr);
}

/** Whether two byte strings are equal; undefined (nil on the wire) equals an empty one. */
export function sameBytes(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === other) return true;
  const length = one?.length ?? 0;
  if (length !== (other?.length ?? 0)) return false;
  for (let at = 0; at < length; at += 1) if (one?.[at] !== other?.[at]) return false;
  return true;
}
