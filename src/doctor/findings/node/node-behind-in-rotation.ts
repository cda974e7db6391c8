import { sentSas, type SentSa } from '../../derived/associations.js';
import { certaintyOf } from '../../derived/moments.js';
import { aliases, nodeText, startText } from '../../derived/nodes.js';
import { type SpiOrigin, spiOrigin } from '../../derived/spi-origin.js';
import { exhibit, listed } from '../../derived/wording.js';
import type { Evidence, NodeEvidence } from '../../evidence/evidence.js';
import { type Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { formatSpi } from '../../../ipsec/index.js';

/** A node sends with a key that its peer has no longer, or not yet. */
export const nodeBehindInRotation: Finding = {
  id: 'node-behind-in-rotation',
  title: 'A node missed rotations of the keys',
  severity: Severity.Error,
  looksAt: 'ip xfrm state of two nodes',
  fires: "a node sends with an SPI that isn't among those that its peer has from it, although the peer has others",
  means:
    'Swarm rotates its keys every 12 hours, and each node keeps three. A node that missed two rotations sends with a key that the ' +
    'others have dropped, and knows none of theirs: encrypted networks carry nothing between them.',
  threads: ['moby/moby#25608', 'moby/moby#26692', 'moby/libnetwork#2462'],
  explains: [
    'rotation-missed',
    'unknown-spi',
    'one-sided-esp',
    'one-sided-traffic',
    'xfrm-unknown-spi-counted',
    'gossip-keys-logged',
    'gossip-wrong-keys',
  ],
  find: findBehind,
};

function* findBehind(evidence: Evidence): Generator<Diagnosis> {
  const seen = new Set<string>();
  const origins = new Map<NodeEvidence, SpiOrigin | undefined>();
  const originOf = (node: NodeEvidence): SpiOrigin | undefined => {
    if (!origins.has(node)) origins.set(node, spiOrigin(node.sas));
    return origins.get(node);
  };
  for (const sent of sentSas(evidence)) {
    const { sa, sender, receiver, received } = sent;
    if (received.length === 0 || received.some(({ spi }) => spi === sa.spi)) continue;
    const newest = newestTags(originOf(sender), originOf(receiver));
    // SPIs of different forms, which another finding is about.
    if (newest === 'incomparable') continue;
    const pair = [sa.source, sa.destination].sort().join(' ');
    const certainty = certaintyOf(evidence, sa, received[0]);
    if (certainty === undefined || seen.has(pair)) continue;
    seen.add(pair);
    yield diagnose(sent, newest, certainty);
  }
}

interface Newest {
  readonly sender: number;
  readonly receiver: number;
}

function newestTags(one: SpiOrigin | undefined, other: SpiOrigin | undefined): Newest | 'incomparable' | undefined {
  const a = one?.tags.at(-1);
  const b = other?.tags.at(-1);
  if (one === undefined || other === undefined || a === undefined || b === undefined) return undefined;
  return one.form === other.form ? { sender: a, receiver: b } : 'incomparable';
}

function diagnose(
  { sa, sender, receiver, received }: SentSa,
  newest: Newest | undefined,
  certainty: Certainty,
): Diagnosis {
  const isKnown = newest !== undefined && newest.sender !== newest.receiver;
  const behind = isKnown && newest.receiver < newest.sender ? receiver : sender;
  const ahead = behind === sender ? receiver : sender;
  return {
    severity: Severity.Error,
    certainty,
    summary: isKnown
      ? `${startText(behind)} missed rotations that ${nodeText(ahead)} has made: ${nodeText(receiver)} has no SA for SPI ${formatSpi(sa.spi)}, which ${nodeText(sender)} sends with.`
      : `${startText(sender)} and ${nodeText(receiver)} don't have the same keys: ${nodeText(receiver)} has no SA for SPI ${formatSpi(sa.spi)}, which ${nodeText(sender)} sends with.`,
    subject: { nodes: aliases(sender, receiver), spi: sa.spi },
    exhibits: [
      exhibit(`${nodeText(sender)} sends with ${formatSpi(sa.spi)}${isKnown ? `, newest tag ${newest.sender}` : ''}`, [
        sa,
      ]),
      exhibit(
        `${nodeText(receiver)} has ${listed(received.map(({ spi }) => formatSpi(spi)))} from ${sa.source}${isKnown ? `, newest tag ${newest.receiver}` : ''}`,
        received,
      ),
    ],
    advice: [
      `Restart the engine of ${isKnown ? nodeText(behind) : 'the node whose SAs are older'}: it gets the current keys when it connects to a manager.`,
      'Check that it reaches the managers (TCP 2377), and that its clock is right.',
    ],
    commands: [
      'docker info --format "{{.Swarm.LocalNodeState}} {{.Swarm.RemoteManagers}}"',
      'systemctl restart docker',
    ],
    ...(certainty === 'certain' ? {} : { collect: ['date; ip -s xfrm state   # on both nodes, at the same time'] }),
  };
}
