import { Severity } from '../../../finding.js';
import { loggedLines } from './logged-lines.js';

/** The engine can't enter a peer into the kernel's tables. */
export const peerEntryRefused = loggedLines({
  id: 'peer-entry-refused',
  title: "The engine couldn't enter a peer into the forwarding tables",
  severity: Severity.Error,
  sample: 'Peer add operation failed: could not add fdb entry ... : file exists',
  matches: (text) =>
    /peer (?:add|delete|update)? ?operation failed|could not (?:add|delete) (?:fdb|neighbou?r) entry|(?:fdb|neighbou?r) entry .*(?:already present|file exists)/.test(
      text,
    ),
  what: 'could not enter peers into the forwarding or neighbour tables of a network',
  means:
    'The endpoint that the line names cannot be reached from the node: frames to it are dropped, or go to its former node.',
  advice: ['Compare the FDB and the neighbours of the network, enter what is missing, and update the engine.'],
  commands: [
    'for n in /var/run/docker/netns/*; do echo $n; nsenter --net=$n bridge fdb; nsenter --net=$n ip neigh; done',
  ],
  threads: ['moby/moby#52661', 'moby/moby#53663', 'moby/moby#35807'],
  explains: [],
});
