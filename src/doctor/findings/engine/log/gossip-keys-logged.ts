import { Severity } from '../../../finding.js';
import { loggedLines } from './logged-lines.js';

/** The engine can't decrypt gossip. */
export const gossipKeysLogged = loggedLines({
  id: 'gossip-keys-logged',
  title: "The engine can't decrypt the gossip of other nodes",
  severity: Severity.Error,
  sample: 'memberlist: Decrypt packet failed: no installed keys could decrypt the message',
  matches: (text) => /no installed keys could decrypt/.test(text),
  what: "has none of the keys that others' gossip is encrypted with",
  means:
    'The node missed rotations of the keys, or nodes of another swarm send to it. It learns no new endpoints, and encrypted networks carry nothing.',
  advice: [
    'Restart the engine of the node that missed the rotation, and check that it reaches the managers (TCP 2377).',
  ],
  commands: ['docker node ls', 'systemctl restart docker'],
  threads: ['moby/moby#25608', 'moby/moby#26692', 'moby/moby#30590', 'moby/libnetwork#2462'],
  explains: ['gossip-wrong-keys', 'gossip-suspicions', 'gossip-one-way', 'peers-differ', 'rotation-missed'],
});
