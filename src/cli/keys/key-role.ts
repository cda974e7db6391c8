/** Role names for the keys of a ring. */

/**
 * The role of a key, named after Swarm's three: oldest, current, next.
 * @param index its index in the ring
 * @param transmit index of the key that nodes transmit with
 */
export function keyRole(index: number, transmit: number): string {
  if (index === transmit) return 'current';
  if (index < transmit) return index === 0 ? 'oldest' : 'older';
  return index === transmit + 1 ? 'next' : `next+${index - transmit - 1}`;
}
