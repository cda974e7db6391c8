/** Gossip goes one way only. */
import { capturesOf, counted, durationOf, nodeText, perSubject, shown } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';

const ENOUGH = 3;
/** Of nodes that gossip with many: what they tell isn't answered, and each of the others is seldom the one that they probe. */
const ENOUGH_OF_MANY = 10;
const MANY = 4;
/** Seconds within which a probe is answered, or sent again. */
const PATIENCE = 1;

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { capture } of capturesOf(evidence)) {
    const told = new Map<string, number>();
    for (const { source, gossipUdp } of capture.traffic) {
      if (gossipUdp.count > 0) told.set(source, (told.get(source) ?? 0) + 1);
    }
    for (const row of capture.traffic) {
      const { source, destination } = row;
      const back = capture.traffic.find((other) => other.source === destination && other.destination === source);
      for (const protocol of ['UDP', 'TCP'] as const) {
        const there = protocol === 'UDP' ? row.gossipUdp : row.gossipTcp;
        const here = protocol === 'UDP' ? back?.gossipUdp : back?.gossipTcp;
        const isOfMany = protocol === 'UDP' && (told.get(source) ?? 0) >= MANY;
        if (there.count < (isOfMany ? ENOUGH_OF_MANY : ENOUGH) || (here?.count ?? 0) > 0) continue;
        if (there.firstSeconds !== undefined && durationOf(there) < PATIENCE) continue;
        const hasOther =
          (back?.gossipUdp.count ?? 0) + (back?.gossipTcp.count ?? 0) + (back?.esp.count ?? 0) > 0 ||
          capture.frames.some((frame) => frame.source === destination && frame.destination === source);
        const [from, to] = [nodeText(evidence, source), nodeText(evidence, destination)];
        yield {
          severity: hasOther ? Severity.Error : Severity.Warning,
          certainty: hasOther ? Certainty.Likely : Certainty.Possible,
          summary: `Gossip over ${protocol} goes from ${from} to ${to} and none comes back.`,
          subject: { nodes: [source, destination] },
          exhibits: [
            shown(
              capture,
              there,
              `${counted(there.count, `${protocol} packet`)} to port 7946 of ${destination}, none back`,
            ),
            {
              text: hasOther
                ? `other traffic does come from ${destination}`
                : `nothing at all comes from ${destination}: it is down, or the capture lacks that direction`,
              places: [{ file: capture.file }],
            },
          ],
          advice: [
            `Open port 7946 for UDP and TCP, in both directions, between all nodes. A rule that covers one of the two protocols lets the swarm look healthy and its networks diverge.`,
          ],
          commands: [
            `tcpdump -n -i any ${protocol.toLowerCase()} port 7946 and host ${source}   # on ${to}`,
            `iptables -I INPUT -p ${protocol.toLowerCase()} --dport 7946 -j ACCEPT   # on ${to}, if they arrive there`,
          ],
          collect: ['iptables-save', 'nft list ruleset', 'docker node ls'],
        };
      }
    }
  }
}

export const gossipOneWay: Finding = {
  id: 'gossip-one-way',
  title: 'Gossip goes one way only',
  severity: Severity.Error,
  looksAt: 'captures of the underlay: UDP and TCP port 7946 by direction',
  fires:
    'three or more packets of one protocol (ten of a node that gossips with four others or more) in one direction over a second or more, and none back: an error if other traffic comes back, otherwise a warning',
  means:
    'Gossip tells the nodes which containers are where. Without answers, a node counts as dead, and networks have different members on different nodes.',
  threads: ['moby/moby#40184', 'moby/moby#47728'],
  explains: ['gossip-suspicions'],
  find: perSubject(find),
};
