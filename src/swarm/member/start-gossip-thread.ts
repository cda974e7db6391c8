import type { SwarmGossipSettings } from './local-gossip.js';
import type { SwarmGossip, SwarmGossipListener, SwarmGossipOptions } from './swarm-gossip.js';
import { ThreadedGossip } from './threaded-gossip.js';

/**
 * Becomes a member of a swarm's gossip in a thread of its own, so that what strangers send never delays this one.
 * Changes come at most 20 ms after the member learned them; while the listener takes its time, several changes of an
 * entry become one.
 * @throws GossipError `BAD_OPTION`, `PORT_IN_USE`, `NOT_THERE`, `NOT_PERMITTED`, `SOCKET_FAILED`, `THREAD_ENDED`
 * @example
 * import { startGossipThread } from 'vtep/swarm';
 *
 * const gossip = await startGossipThread(
 *   {
 *     endpoint: { addr: Uint8Array.of(192, 168, 50, 3), port: 7946 },
 *     seeds: [{ addr: Uint8Array.of(192, 168, 50, 1), port: 7946 }],
 *   },
 *   {
 *     changed: (changes) => console.log(changes.map(({ kind, key }) => `${kind} ${key}`)),
 *     trouble: (text) => console.error(text),
 *     ended: (error) => console.error(error.message),
 *   },
 * );
 * gossip.joinNetwork('r0yqus78gwe90z4dmog6y22cv');
 * gossip.setEntry('r0yqus78gwe90z4dmog6y22cv', 'my_table', 'my-key', new TextEncoder().encode('my value'));
 * await gossip.close();
 */
export function startGossipThread(
  options: SwarmGossipOptions,
  listener: SwarmGossipListener,
  settings: SwarmGossipSettings = {},
): Promise<SwarmGossip> {
  return ThreadedGossip.start(options, listener, settings);
}
