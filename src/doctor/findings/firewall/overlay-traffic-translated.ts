import { aliases, nodesWith, nodeText, ownAddresses, startText } from '../../derived/nodes.js';
import { counted, exhibit, listed } from '../../derived/wording.js';
import type { TrackedConnection } from '../../evidence/firewall.js';
import { type Evidence, InputKind } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const VXLAN_PORT = 4789;
const GOSSIP_PORT = 7946;
/** How conntrack prints ESP. */
const ESP: ReadonlySet<string> = new Set(['esp', '50', 'unknown']);

/** NAT changes the addresses of packets between nodes. */
export const overlayTrafficTranslated: Finding = {
  id: 'overlay-traffic-translated',
  title: 'Packets between the nodes are translated by NAT',
  severity: Severity.Error,
  looksAt: 'conntrack -L',
  fires:
    "a connection of VXLAN or ESP has a reply direction that isn't the reverse of its addresses, or of VXLAN's port",
  means:
    'The receiver sees another source address than the one in its tables: Linux drops such frames (VXLAN_ENTRY_EXISTS), finds no SA, or finds wrong checksums inside ESP.',
  threads: ['moby/moby#30727', 'moby/moby#37115', 'moby/moby#53004', 'moby/moby#43359'],
  explains: ['outer-source-not-vtep', 'one-sided-esp', 'one-sided-traffic', 'unknown-spi', 'sa-for-wrong-address'],
  find: findTranslated,
};

function* findTranslated(evidence: Evidence): Generator<Diagnosis> {
  const ports = new Set([
    VXLAN_PORT,
    ...evidence.nodes.flatMap(({ engines }) => engines.map((one) => one.dataPathPort)),
  ]);
  for (const node of nodesWith(evidence, InputKind.Conntrack)) {
    const own = ownAddresses(node);
    const translated = node.connections.filter(
      (connection) => isOverlay(connection, ports) && isTranslated(connection),
    );
    // With known addresses, those of containers that run a VTEP of their own are left out.
    const between = translated.filter(
      ({ source, destination }) => own.size === 0 || own.has(source) || own.has(destination),
    );
    if (between.length === 0) continue;
    const port =
      between.find(({ protocol, destinationPort }) => protocol === 'udp' && destinationPort !== 0)?.destinationPort ??
      VXLAN_PORT;
    const texts = between.map(({ source, destination, replySource, replyDestination }) =>
      source === replyDestination
        ? `${destination} becomes ${replySource} in packets from ${source}`
        : `${source} becomes ${replyDestination} in packets to ${destination}`,
    );
    yield {
      severity: Severity.Error,
      certainty: Certainty.Certain,
      summary: `${startText(node)} translates addresses of packets between nodes: ${listed(texts)}.`,
      subject: {
        nodes: [...new Set([...aliases(node), ...between.flatMap(({ source, destination }) => [source, destination])])],
      },
      exhibits: [exhibit(`${counted(between.length, 'translated connection')} of VXLAN, ESP or gossip`, between)],
      advice: [
        `On ${nodeText(node)}, exempt packets between the nodes from NAT, before the rule that translates them.`,
        'Remove the entries of conntrack afterwards: they keep translating as long as packets flow.',
      ],
      commands: [
        `iptables -t nat -I POSTROUTING -p udp --dport ${port} -j ACCEPT`,
        'iptables -t nat -I POSTROUTING -p esp -j ACCEPT',
        `conntrack -D -p udp --dport ${port}`,
      ],
      collect: ['iptables-save -t nat -c'],
    };
  }
}

function isOverlay({ protocol, destinationPort, sourcePort }: TrackedConnection, ports: ReadonlySet<number>): boolean {
  if (ESP.has(protocol)) return sourcePort === 0 && destinationPort === 0;
  return protocol === 'udp' && destinationPort !== 0 && (ports.has(destinationPort) || destinationPort === GOSSIP_PORT);
}

function isTranslated(one: TrackedConnection): boolean {
  // Another source port changes nothing.
  return (
    one.replySource !== '' &&
    one.replyDestination !== '' &&
    (one.replySource !== one.destination ||
      one.replyDestination !== one.source ||
      one.replySourcePort !== one.destinationPort)
  );
}
