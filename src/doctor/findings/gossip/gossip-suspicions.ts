/** Nodes suspect each other, or declare each other dead. */
import type { GossipEvent, GossipReport } from '../../../inspect/index.js';
import { counted, nodeText } from '../../capture/index.js';
import type { Evidence } from '../../evidence/evidence.js';
import { Certainty, type Diagnosis, type Finding, Severity } from '../../finding.js';
import { gossipOf } from './gossip-reports.js';

/** What happened to a node. */
interface Suspected {
  readonly node: string;
  readonly suspect: readonly GossipEvent[];
  readonly dead: readonly GossipEvent[];
  /** Times that it was alive again afterwards. */
  readonly refuted: number;
}

function suspectedIn({ events }: GossipReport): Suspected[] {
  const named = new Map<string, GossipEvent[]>();
  for (const event of events) {
    if (event.network !== null || !['suspect', 'dead', 'alive'].includes(event.event)) continue;
    const of = named.get(event.node);
    if (of === undefined) named.set(event.node, [event]);
    else of.push(event);
  }
  return [...named].flatMap(([node, of]) => {
    const suspect = of.filter(({ event }) => event === 'suspect');
    const dead = of.filter(({ event }) => event === 'dead');
    if (suspect.length + dead.length === 0) return [];
    const first = of.findIndex(({ event }) => event !== 'alive');
    return [{ node, suspect, dead, refuted: of.slice(first).filter(({ event }) => event === 'alive').length }];
  });
}

function timesText(events: readonly GossipEvent[]): string {
  const [first] = events;
  return first.time === null ? '' : `, the first at ${first.time}`;
}

function* find(evidence: Evidence): Generator<Diagnosis> {
  for (const { gossip, places } of gossipOf(evidence)) {
    for (const { node, suspect, dead, refuted } of suspectedIn(gossip)) {
      const member = gossip.members.find(({ name }) => name === node);
      const address = member?.address ?? '';
      const name = address === '' ? node : nodeText(evidence, address);
      yield {
        severity: Severity.Warning,
        certainty: Certainty.Certain,
        summary:
          dead.length > 0
            ? `The others declared ${name} dead${refuted > 0 ? ', and it came back' : ''}: it did not answer their probes.`
            : `The others suspect ${name}${refuted > 0 ? ', which refuted it' : ''}: it did not answer a probe in time.`,
        subject: address === '' ? {} : { nodes: [address] },
        exhibits: [
          ...(suspect.length > 0
            ? [{ text: `${counted(suspect.length, 'suspicion')}${timesText(suspect)}`, places }]
            : []),
          ...(dead.length > 0
            ? [{ text: `declared dead ${counted(dead.length, 'time')}${timesText(dead)}`, places }]
            : []),
          ...(refuted > 0 ? [{ text: `alive again ${counted(refuted, 'time')}`, places }] : []),
        ],
        advice: [
          'If the node was shut down, nothing is wrong. Otherwise it is overloaded (a probe must be answered within 500 ms), paused, or UDP 7946 is lost in one direction.',
          'While a node counts as dead, the others delete its endpoints: its containers cannot be reached.',
        ],
        commands: [
          ...(address === ''
            ? []
            : [
                `tcpdump -n -i any port 7946   # on ${name}: do probes arrive, and leave again?`,
                `nc -vz ${address} 7946`,
              ]),
          'docker node ls   # on a manager',
        ],
        collect: ['journalctl -u docker | grep -i memberlist', 'docker info', 'iptables-save'],
      };
    }
  }
}

export const gossipSuspicions: Finding = {
  id: 'gossip-suspicions',
  title: 'Nodes are suspected, or declared dead',
  severity: Severity.Warning,
  looksAt: 'captures of gossip, with its keys',
  fires: 'gossip says that a member is suspect or dead, and not that it left',
  means:
    'Nodes probe each other every second. One that does not answer is suspected, and declared dead some seconds later.',
  threads: ['moby/moby#47728'],
  explains: ['endpoint-moved'],
  find,
};
