import { aliases, nodesWith, startText } from '../../derived/nodes.js';
import { counted, exhibit, listed } from '../../derived/wording.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const PORTS: ReadonlyMap<number, string> = new Map([
  [7946, 'gossip'],
  [2377, 'the manager'],
]);

/** Connections to other nodes get no answer. */
export const swarmConnectionUnanswered: Finding = {
  id: 'swarm-connection-unanswered',
  title: 'Connections to other nodes of the swarm are not answered',
  severity: Severity.Warning,
  looksAt: 'conntrack -L',
  fires: 'a connection to TCP 7946 or 2377 is in the state SYN_SENT, without a reply',
  means: 'The other node is down, or a firewall between the two drops the connection.',
  threads: ['docker/docs#8640', 'moby/moby#40184'],
  explains: [],
  find: findUnanswered,
};

function* findUnanswered(evidence: Evidence): Generator<Diagnosis> {
  for (const node of nodesWith(evidence, InputKind.Conntrack)) {
    const waiting = node.connections.filter(
      ({ protocol, state, unreplied, destinationPort }) =>
        protocol === 'tcp' && state === 'SYN_SENT' && unreplied && PORTS.has(destinationPort),
    );
    if (waiting.length === 0) continue;
    const peers = waiting.map(
      ({ destination, destinationPort }) => `${destination}, TCP ${destinationPort} (${PORTS.get(destinationPort)})`,
    );
    yield {
      severity: Severity.Warning,
      certainty: Certainty.Possible,
      summary: `${startText(node)} gets no answer from ${listed(peers)}.`,
      subject: { nodes: [...new Set([...aliases(node), ...waiting.map(({ destination }) => destination)])] },
      exhibits: [exhibit(`${counted(waiting.length, 'connection')} in SYN_SENT`, waiting)],
      advice: ['See whether the other node is up, and open TCP 2377 and TCP and UDP 7946 between the nodes.'],
      commands: waiting
        .slice(0, 3)
        .map(({ destination, destinationPort }) => `nc -zvw3 ${destination} ${destinationPort}`),
      collect: ['docker node ls', 'iptables-save -c   # on the other node'],
    };
  }
}
