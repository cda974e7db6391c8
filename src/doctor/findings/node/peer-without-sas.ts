import { sentSas, type SentSa } from '../../derived/associations.js';
import { certaintyOf } from '../../derived/moments.js';
import { aliases, nodeText, startText } from '../../derived/nodes.js';
import { exhibit } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { type Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { formatSpi } from '../../../ipsec/index.js';

/** A node sends ESP to a peer that has no SA for it. */
export const peerWithoutSas: Finding = {
  id: 'peer-without-sas',
  title: 'A node has no SA for a peer that sends ESP to it',
  severity: Severity.Error,
  looksAt: 'ip xfrm state of two nodes',
  fires: "a node sends with an SA, and the receiver, whose SAs are known, has none from the sender's address",
  means:
    'The receiver never set up encryption with the sender: it drops every ESP packet of it (XfrmInNoStates), and sends its own ' +
    'packets to it unencrypted or not at all.',
  threads: ['moby/moby#26523', 'moby/moby#43359', 'moby/moby#31081'],
  explains: ['one-sided-esp', 'unknown-spi', 'one-sided-traffic', 'xfrm-unknown-spi-counted', 'rotation-missed'],
  find: findMissing,
};

function* findMissing(evidence: Evidence): Generator<Diagnosis> {
  const seen = new Set<string>();
  for (const sent of sentSas(evidence)) {
    const { sa, receiver, received } = sent;
    const pair = `${sa.source} ${sa.destination}`;
    if (received.length > 0 || seen.has(pair)) continue;
    seen.add(pair);
    const certainty = certaintyOf(evidence, sa, receiver.sas.at(0) ?? fileOf(evidence, receiver.name) ?? sa);
    if (certainty !== undefined) yield diagnose(sent, certainty);
  }
}

/** A place for the receiver's dump if it holds no SA at all. */
function fileOf({ inputs }: Evidence, name: string) {
  const input = inputs.find(({ node, kinds }) => node === name && kinds.includes('ip xfrm state'));
  return input === undefined ? undefined : { place: { file: input.file } };
}

function diagnose({ sa, sender, receiver }: SentSa, certainty: Certainty): Diagnosis {
  return {
    severity: sa.sent === 0 ? Severity.Warning : Severity.Error,
    certainty,
    summary: `${startText(receiver)} has no SA for packets from ${nodeText(sender)} (${sa.source}), which sends with SPI ${formatSpi(sa.spi)}.`,
    subject: { nodes: aliases(sender, receiver), spi: sa.spi },
    exhibits: [
      exhibit(
        `${nodeText(sender)}: SA ${formatSpi(sa.spi)} to ${sa.destination}${sa.sent > 0 ? `, ${sa.sent} packets sent` : ''}`,
        [sa],
      ),
      exhibit(`${nodeText(receiver)}: no SA from ${sa.source} among ${receiver.sas.length}`, receiver.sas),
    ],
    advice: [
      `See in the log of ${nodeText(receiver)}'s engine why it didn't set up the SAs.`,
      'Check that gossip (TCP and UDP 7946) passes between the two nodes in both directions.',
      `Restart the engine of ${nodeText(receiver)}, so that it sets up all peers again.`,
    ],
    commands: ['journalctl -u docker --since -1h | grep -iE "xfrm|encrypt|spi"', 'systemctl restart docker'],
    collect: ['ip -s xfrm state', 'ip xfrm policy', 'cat /proc/net/xfrm_stat'],
  };
}
