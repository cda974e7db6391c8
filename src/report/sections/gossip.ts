/** The swarm's gossip: who joined and left, suspicions, which endpoints appeared. */
import { GOSSIP_FAULTS, gossipFaultText } from '../../gossip/index.js';
import type { GossipReport, SurveyReport } from '../../inspect/index.js';
import { type Column, dataTable, folded, moreRows } from '../data-table.js';
import { type Markup, markup, NOTHING } from '../markup.js';
import { counted, grouped, offsetText } from '../quantities.js';
import { card, type Section } from './section.js';

const MAX_EVENTS = 60;
const MAX_NAMES = 8;
/** Characters of Docker's ids that are shown. */
const SHORT_ID = 12;
/** The order in which members are listed: what is wrong first. */
const STATES = ['dead', 'suspect', 'left', 'alive'];

type Member = GossipReport['members'][number];
type Network = GossipReport['networks'][number];
type Event = GossipReport['events'][number];

/** Names of nodes and networks, in place of the ids in gossip. */
interface Names {
  readonly node: (name: string) => string;
  readonly network: (id: string | null) => string;
}

function namesOf({ members, networks }: GossipReport): Names {
  const hosts = new Map(members.flatMap(({ name, host }) => (host === null ? [] : [[name, host]])));
  const ids = new Map(
    networks.flatMap(({ id, name, ingress }) => ((name ?? ingress) ? [[id, name ?? 'ingress']] : [])),
  );
  return {
    node: (name) => hosts.get(name) ?? name,
    network: (id) => (id === null ? '' : (ids.get(id) ?? id.slice(0, SHORT_ID))),
  };
}

function listText(names: readonly string[]): string {
  const rest = names.length - MAX_NAMES;
  return `${names.slice(0, MAX_NAMES).join(', ')}${rest > 0 ? ` and ${grouped(rest)} more` : ''}`;
}

/** Counts of reasons: `3 packets: no key decrypts it`. */
function reasonItems(failed: Readonly<Record<string, number>>, what: string): Markup[] {
  return Object.entries(failed).map(([reason, count]) => {
    const fault = GOSSIP_FAULTS.find((name) => name === reason);
    return markup`<li>${counted(count, what)}: ${fault === undefined ? reason : gossipFaultText(fault)}</li>`;
  });
}

function countsPart({ packets, streams, invalid, keys, undecryptable }: GossipReport): Markup {
  const clear = packets.clear + streams.clear;
  const senders = undecryptable.map(({ address, count }) => `${address} (${grouped(count)})`);
  const items = [
    markup`<li>${counted(packets.decrypted, 'packet')} and ${counted(streams.decrypted, 'stream')} decrypted</li>`,
    ...keys.map(({ tag, packets: some, streams: others }) => {
      const used = some + others === 0 ? 'not used' : `${counted(some, 'packet')}, ${counted(others, 'stream')}`;
      return markup`<li>key ${tag}: ${used}</li>`;
    }),
    clear === 0 ? NOTHING : markup`<li>${grouped(clear)} in clear text, which a swarm never sends</li>`,
    ...reasonItems(packets.failed, 'packet'),
    ...reasonItems(streams.failed, 'stream'),
    ...reasonItems(invalid, 'message'),
    senders.length === 0 ? NOTHING : markup`<li>not decoded, by sender: ${listText(senders)}</li>`,
  ];
  return markup`<ul class="facts">${items}</ul>
`;
}

function memberTable(members: readonly Member[]): Markup {
  const rank = ({ state }: Member): number => STATES.indexOf(state);
  return dataTable<Member>({
    caption: 'Members',
    rest: 'members',
    rows: [...members].sort((one, other) => rank(one) - rank(other)),
    columns: [
      { heading: 'Node', cell: ({ name, host }) => host ?? name },
      { heading: 'Address', kind: 'code', optional: true, cell: ({ address }) => address ?? '' },
      { heading: 'State', cell: ({ state }) => state },
      { heading: 'Incarnation', kind: 'number', cell: ({ incarnation }) => incarnation },
    ],
  });
}

function networkTable(networks: readonly Network[], { node, network }: Names): Markup {
  const nodes = (names: readonly string[]): string => listText(names.map(node));
  return dataTable<Network>({
    caption: 'Networks in gossip',
    rest: 'networks',
    rows: networks,
    columns: [
      { heading: 'Network', cell: ({ id }) => network(id) },
      { heading: 'Nodes', cell: (row) => nodes(row.nodes) },
      { heading: 'Left', optional: true, cell: ({ left }) => nodes(left) },
      { heading: 'Peer entries', kind: 'number', cell: ({ peers }) => peers },
      { heading: 'Endpoints', kind: 'number', cell: ({ endpoints }) => endpoints },
    ],
  });
}

/** The event of a row; marked if it was earlier, and this capture only has it from a table that was sent as a whole. */
function eventText({ event, via }: Event): string {
  return via === 'gossip' ? event : `${event}, earlier`;
}

function eventTable(events: readonly Event[], { node, network }: Names): Markup {
  const columns: Column<Event>[] = [
    { heading: 'Time', kind: 'number', cell: ({ offset }) => (offset === null ? '' : offsetText(offset)) },
    { heading: 'Event', cell: eventText },
    { heading: 'Node', cell: (row) => node(row.node) },
    { heading: 'Network', optional: true, cell: (row) => network(row.network) },
    { heading: 'About', optional: true, cell: ({ text }) => text },
  ];
  return dataTable<Event>({
    caption: 'Events in gossip',
    rest: 'later events',
    most: MAX_EVENTS,
    sortable: false,
    rows: events,
    columns,
  });
}

/** Gossip; undefined without its keys, and for captures without gossip. */
export function gossipSection({ gossip }: SurveyReport): Section | undefined {
  if (gossip === null) return undefined;
  const { packets, streams, members, networks, events, unlisted } = gossip;
  if (packets.total + streams.total + streams.incomplete === 0) return undefined;
  const names = namesOf(gossip);
  // What happened during the capture matters more than what was known before.
  const during = events.filter(({ via }) => via === 'gossip');
  const before = events.filter(({ via }) => via !== 'gossip');
  return {
    id: 'gossip',
    title: 'Gossip',
    content: card(
      countsPart(gossip),
      memberTable(members),
      networkTable(networks, names),
      during.length === 0
        ? NOTHING
        : markup`<h3>What happened</h3>
${eventTable(during, names)}`,
      folded(`${counted(before.length, 'earlier event')}, known from bulk syncs`, eventTable(before, names)),
      moreRows(unlisted, 'more, for which the tables of the survey have no space'),
    ),
  };
}
