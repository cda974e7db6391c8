/** What people call the keys of a ring. */

/**
 * The role of a key, as Swarm's three have them: oldest, current, next.
 * @param index its place in the ring
 * @param transmit place of the key that nodes send with
 */
export function keyRole(index: number, transmit: number): string {
  if (index === transmit) return 'current';
  if (index < transmit) return index === 0 ? 'oldest' : 'older';
  return index === transmit + 1 ? 'next' : `next+${index - transmit - 1}`;
}
