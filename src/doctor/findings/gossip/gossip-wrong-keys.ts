/** Gossip that the keys don't decrypt, or that isn't encrypted. */
import type { GossipReport } from '../../../inspect/index.js';
import { capturesOf, counted, nodeText } from '../../capture/index.js';
import { listed } from '../../derived/wording.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { gossipOf, type ReadGossip } from './gossip-reports.js';

const NO_KEY = 'no-key-fits';

/** Whether every node that gossips in the capture also sends what no key decrypts: then the keys are of another time. */
function areAll(evidence: Evidence, gossip: GossipReport): boolean {
  const captures = capturesOf(evidence).map(({ capture }) => capture);
  const own = captures.filter(({ survey }) => survey.gossip === gossip);
  const rows = (own.length > 0 ? own : captures).flatMap(({ traffic }) => traffic);
  const sources = rows.filter(({ gossipUdp, gossipTcp }) => gossipUdp.count + gossipTcp.count > 0);
  const unread = new Set(gossip.undecryptable.map(({ address }) => address));
  return sources.length > 0 && sources.every(({ source }) => unread.has(source));
}

function ofSealed(evidence: Evidence, { gossip, places }: ReadGossip, sealed: number): Diagnosis {
  const { packets, streams, undecryptable } = gossip;
  const decrypted = packets.decrypted + streams.decrypted;
  const senders = undecryptable.map(({ address }) => address);
  const names = listed(senders.map((sender) => nodeText(evidence, sender)));
  const isOdd = decrypted > 0 && senders.length > 0 && !areAll(evidence, gossip);
  return {
    severity: isOdd ? Severity.Error : Severity.Warning,
    certainty: Certainty.Likely,
    summary: isOdd
      ? `Gossip of ${names} has another key than that of the others: the nodes don't understand each other.`
      : decrypted > 0
        ? 'The keys decrypt only part of the gossip, and all nodes send the rest: the keys were rotated during the capture.'
        : 'None of the keys decrypts the gossip: they are of another swarm or of another time.',
    // Keys that doctor lacks explain nothing of what the endpoints do.
    subject: isOdd ? { nodes: senders } : { endpoints: [] },
    exhibits: [
      {
        text: `${counted(sealed, 'packet or stream', 'packets and streams')} that no key decrypts; ${decrypted} decrypted`,
        places,
      },
      ...undecryptable
        .slice(0, 5)
        .map(({ address, count }) => ({ text: `${counted(count, 'packet')} from ${address}`, places })),
    ],
    advice: isOdd
      ? [
          'The node missed rotations of the gossip keys, or is of another swarm that has an address of this one in its list. Drain it and restart its engine, which stops its containers.',
          "If that doesn't help, let it leave the swarm and join again; demote it first if it is a manager.",
        ]
      : ['Take the keys from a manager of this swarm at the time of the capture.'],
    commands: isOdd
      ? ['docker node update --availability drain NODE   # on a manager', `systemctl restart docker   # on ${names}`]
      : ['docker info'],
    collect: ['docker info', 'journalctl -u docker | grep -i -e decrypt -e keyring'],
  };
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const read of gossipOf(evidence)) {
    const { packets, streams } = read.gossip;
    const sealed = (packets.failed[NO_KEY] ?? 0) + (streams.failed[NO_KEY] ?? 0);
    if (sealed > 0) yield ofSealed(evidence, read, sealed);
    const clear = packets.clear + streams.clear;
    if (clear > 0) {
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary: `${counted(clear, 'packet or stream', 'packets and streams')} of gossip ${clear === 1 ? 'is' : 'are'} in clear: they are not a swarm's.`,
        subject: {},
        exhibits: [{ text: `${clear} in clear`, places: read.places }],
        advice: ["Something else uses port 7946 (Serf's default, too), or a node was set up without keys."],
        commands: ['ss -lntup "sport = :7946"   # on the nodes that send it'],
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
    'an error if no key decrypts what some nodes send while the keys fit for others; a warning if none decrypts any of it, if all nodes send what none decrypts, or if some is in clear',
  means: 'A node with other keys hears nothing of the networks, and the others hear nothing of its containers.',
  threads: ['moby/moby#40184', 'moby/moby#28931'],
  explains: ['gossip-suspicions', 'one-sided-traffic'],
  find,
};
