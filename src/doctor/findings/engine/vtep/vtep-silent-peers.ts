import { aliases, startText } from '../../../derived/nodes.js';
import { objectsAt, textOf } from '../../../derived/status-document.js';
import { exhibit, listed } from '../../../derived/wording.js';
import type { Evidence } from '../../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../../finding.js';
import { nodeStatuses } from './status-input.js';

/** Nodes whose gossip arrives, but not their packets. */
export const vtepSilentPeers: Finding = {
  id: 'vtep-silent-peers',
  title: 'Gossip of a node arrives, but none of its overlay packets',
  severity: Severity.Error,
  looksAt: 'vtep status --json of a node in a swarm',
  fires: 'the section `gossip` lists silent nodes: they are alive, are sent packets and pinged, and nothing comes back',
  means:
    'A firewall lets gossip (7946) through and drops the data path: UDP 4789, or IP protocol 50 for encrypted networks.',
  threads: ['moby/moby#26523', 'docker/docs#8640'],
  explains: ['one-sided-esp', 'one-sided-traffic'],
  find: findSilent,
};

function* findSilent(evidence: Evidence): Generator<Diagnosis> {
  for (const { node, status, place } of nodeStatuses(evidence)) {
    const silent = objectsAt(status, 'gossip', 'silent');
    for (const protocol of ['VXLAN', 'ESP']) {
      const peers = silent.filter((peer) => textOf(peer['protocol']) === protocol);
      if (peers.length === 0) continue;
      const names = peers.map((peer) => `${textOf(peer['node'])} (${textOf(peer['vtep'])})`);
      const port = protocol === 'ESP' ? 'IP protocol 50' : 'the UDP port of the data path, 4789';
      yield {
        severity: Severity.Error,
        certainty: Certainty.Likely,
        summary: `${startText(node)} hears gossip of ${listed(names)}, but gets no ${protocol}.`,
        subject: {
          nodes: [...aliases(node), ...peers.flatMap((peer) => [textOf(peer['node']), textOf(peer['vtep'])])],
        },
        exhibits: [exhibit(`silent: ${listed(names)}, ${protocol}`, [{ place }])],
        advice: [`Open ${port} between the nodes, in both directions.`],
        commands: [
          protocol === 'ESP' ? 'iptables -I INPUT -p esp -j ACCEPT' : 'iptables -I INPUT -p udp --dport 4789 -j ACCEPT',
        ],
        collect: [
          `tcpdump -nn -c 20 '${protocol === 'ESP' ? 'ip proto 50' : 'udp port 4789'}'   # on both nodes`,
          'iptables-save -c',
        ],
      };
    }
  }
}
