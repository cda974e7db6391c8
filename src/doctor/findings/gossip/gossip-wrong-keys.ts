/** Gossip that the keys don't decrypt, or that isn't encrypted. */
import { counted, nodeText } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { gossipOf } from './gossip-reports.js';

const NO_KEY = 'no-key-fits';

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { gossip, places } of gossipOf(evidence)) {
    const { packets, streams, undecryptable } = gossip;
    const sealed = (packets.failed[NO_KEY] ?? 0) + (streams.failed[NO_KEY] ?? 0);
    const decrypted = packets.decrypted + streams.decrypted;
    const senders = undecryptable.map(({ address }) => address);
    if (sealed > 0) {
      const names = senders.slice(0, 3).map((sender) => nodeText(evidence, sender));
      yield {
        severity: decrypted > 0 ? Severity.Error : Severity.Warning,
        certainty: Certainty.Likely,
        summary:
          decrypted > 0
            ? `Gossip of ${names.join(', ')} has another key than that of the others: the nodes don't understand each other.`
            : 'None of the keys decrypts the gossip: they are of another swarm or of another time.',
        subject: decrypted > 0 && senders.length > 0 ? { nodes: senders } : {},
        exhibits: [
          {
            text: `${counted(sealed, 'packet or stream', 'packets and streams')} that no key decrypts; ${decrypted} decrypted`,
            places,
          },
          ...undecryptable
            .slice(0, 5)
            .map(({ address, count }) => ({ text: `${counted(count, 'packet')} from ${address}`, places })),
        ],
        advice:
          decrypted > 0
            ? [
                "The node missed rotations of the gossip keys, or is of another swarm that has an address of this one in its list. Restart its engine; if that doesn't help, let it leave and join again.",
              ]
            : ['Take the keys from a manager of this swarm at the time of the capture.'],
        commands: decrypted > 0 ? ['systemctl restart docker', 'docker swarm leave'] : ['docker info'],
        collect: ['docker info', 'journalctl -u docker | grep -i -e decrypt -e keyring'],
      };
    }
    const clear = packets.clear + streams.clear;
    if (clear > 0) {
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary: `${counted(clear, 'packet or stream', 'packets and streams')} of gossip ${clear === 1 ? 'is' : 'are'} in clear: they are not a swarm's.`,
        subject: {},
        exhibits: [{ text: `${clear} in clear text`, places }],
        advice: ["Something else uses port 7946 (Serf's default, too), or a node was set up without keys."],
        commands: ['ss -lntup "sport = :7946"'],
      };
    }
  }
}

export const gossipWrongKeys: Finding = {
  id: 'gossip-wrong-keys',
  title: 'Gossip has keys that others do not have',
  severity: Severity.Error,
  looksAt: 'captures of gossip, with its keys',
  fires:
    'an error if no key decrypts some of the gossip while others do for the rest; a warning if none decrypts any of it, or if some is in clear',
  means: 'A node with other keys hears nothing of the networks, and the others hear nothing of its containers.',
  threads: ['moby/moby#40184', 'moby/moby#28931'],
  explains: ['gossip-suspicions', 'one-sided-traffic'],
  find,
};
