/** A survey's gossip as text. */
import { gossipFaultText, GOSSIP_FAULTS } from '../../gossip/index.js';
import type { GossipReport } from '../../inspect/index.js';
import { styled } from '../style.js';
import { addresses, type Cell, grouped, numbers, remarks, words } from '../table.js';
import { type LineOutput, section } from './table-section.js';

/** Characters of Docker's ids that are shown. */
const SHORT_ID = 12;
/** Maximum number of senders that are named. */
const MAX_SENDERS = 5;

function short(id: string): string {
  return id.slice(0, SHORT_ID);
}

function seconds(offset: number | null): string {
  return offset === null ? '-' : offset.toFixed(3);
}

function many(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? '' : 's'}`;
}

function reasons(failed: Readonly<Record<string, number>>, noun: string): string[] {
  return Object.entries(failed).map(([reason, count]) => {
    const fault = GOSSIP_FAULTS.find((name) => name === reason);
    return `${many(count, noun)}: ${fault === undefined ? reason : gossipFaultText(fault)}`;
  });
}

/** The event of a row, in parentheses if it was earlier. */
function eventText({ event, via }: GossipReport['events'][number]): string {
  return via === 'gossip' ? event : `(${event})`;
}

/**
 * Prints what the gossip says.
 * @param most maximum rows per table; 0 for all
 */
export function printGossip(output: LineOutput, gossip: GossipReport, most: number): void {
  const { packets, streams, keys, members, networks, events, bulkSyncs, undecryptable } = gossip;
  if (packets.total + streams.total + streams.incomplete === 0) return;
  output.line('');
  const decrypted = `${many(packets.decrypted, 'packet')} and ${many(streams.decrypted, 'stream')} decrypted`;
  output.line([styled('Gossip', 'bold'), `: ${decrypted}`]);
  for (const { tag, packets: some, streams: others } of keys) {
    const used = some + others === 0 ? 'not used' : `${many(some, 'packet')}, ${many(others, 'stream')}`;
    output.line(`  key ${tag}: ${used}`);
  }
  const clear = packets.clear + streams.clear;
  if (clear > 0) output.line(['  ', styled(`${grouped(clear)} in clear text`, 'yellow')]);
  for (const line of [
    ...reasons(packets.failed, 'packet'),
    ...reasons(streams.failed, 'stream'),
    ...reasons(gossip.invalid, 'message'),
  ]) {
    output.line(['  ', styled(line, 'red')]);
  }
  if (undecryptable.length > 0) {
    const named = undecryptable.slice(0, MAX_SENDERS).map(({ address, count }) => `${address} (${grouped(count)})`);
    const rest = undecryptable.length > MAX_SENDERS ? ', ...' : '';
    output.line(`  not decoded, by sender: ${named.join(', ')}${rest}`);
  }
  const ends = new Map(networks.map(({ id, name, ingress }) => [id, name ?? (ingress ? 'ingress' : short(id))]));
  const network = (id: string | null): string => (id === null ? '' : (ends.get(id) ?? short(id)));
  section(
    output,
    'Gossip: members',
    [
      words('node', { shorten: 'end' }),
      words('name', { shorten: 'end', optional: true }),
      addresses('address'),
      numbers('port'),
      words('state'),
      numbers('incarnation'),
    ],
    members.map(({ name, host, address, port, state, incarnation }) => [
      name,
      host ?? '',
      address ?? '-',
      String(port),
      state,
      String(incarnation),
    ]),
    most,
  );
  section(
    output,
    'Gossip: networks',
    [
      words('network'),
      words('name', { shorten: 'end', optional: true }),
      numbers('peers'),
      numbers('endpoints', { keep: 2 }),
      words('nodes', { shorten: 'end', least: 26 }),
      words('left', { shorten: 'end', keep: 1, optional: true }),
    ],
    networks.map((row): Cell[] => [
      short(row.id),
      row.name ?? (row.ingress ? 'ingress' : ''),
      row.peers,
      row.endpoints,
      row.nodes.join(' '),
      row.left.join(' '),
    ]),
    most,
  );
  section(
    output,
    'Gossip: events',
    [
      numbers('seconds'),
      words('event'),
      words('node', { shorten: 'end', least: 12 }),
      words('network', { keep: 1, optional: true }),
      remarks('about'),
    ],
    events.map((row) => [seconds(row.offset), eventText(row), row.node, network(row.network), row.text]),
    most,
  );
  if (events.some(({ via }) => via !== 'gossip')) {
    output.line('  In parentheses: earlier, and first seen in a bulk sync or a push/pull');
  }
  section(
    output,
    'Gossip: bulk syncs',
    [
      numbers('seconds'),
      addresses('from'),
      addresses('to'),
      numbers('entries'),
      words('', { keep: 2 }),
      words('networks', { shorten: 'end', least: 12, keep: 1 }),
    ],
    bulkSyncs.map(({ offset, from, to, entries, unsolicited, networks: ids }) => [
      seconds(offset),
      from,
      to,
      entries,
      unsolicited ? 'asks' : 'answers',
      ids.map(network).join(' '),
    ]),
    most,
  );
}
