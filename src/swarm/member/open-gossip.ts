import { LocalGossip, type SwarmGossipSettings } from './local-gossip.js';
import type { SwarmGossip, SwarmGossipListener, SwarmGossipOptions } from './swarm-gossip.js';

/**
 * Becomes a member of a swarm's gossip, in this thread. Packets that strangers send cost this thread time, within
 * bounds; `startGossipThread` keeps them away from it.
 * @throws GossipError `BAD_OPTION`, `PORT_IN_USE`, `NOT_THERE`, `NOT_PERMITTED`, `SOCKET_FAILED`
 * @example
 * import { openGossip } from 'vtep/swarm';
 *
 * const gossip = await openGossip(
 *   {
 *     endpoint: { addr: Uint8Array.of(127, 0, 0, 1), port: 7946 },
 *     seeds: [{ addr: Uint8Array.of(127, 0, 0, 2), port: 7946 }],
 *   },
 *   {
 *     changed: (changes) => console.log(changes.map(({ kind, key }) => `${kind} ${key}`)),
 *     trouble: (text) => console.error(text),
 *     ended: (error) => console.error(error.message),
 *   },
 * );
 * gossip.joinNetwork('r0yqus78gwe90z4dmog6y22cv');
 * const { members } = await gossip.report();
 * console.log(members.map(({ name, state }) => `${name} ${state}`));
 * await gossip.close();
 */
export function openGossip(
  options: SwarmGossipOptions,
  listener: SwarmGossipListener,
  settings: SwarmGossipSettings = {},
): Promise<SwarmGossip> {
  return LocalGossip.open(options, listener, settings);
}
