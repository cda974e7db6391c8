/** The sections of a node in a swarm as tables: its place in the swarm, attachments, members of gossip, and keys. */
import { secondsText } from '../../text/quantity.js';
import { type Line, styled } from '../style.js';
import { addresses, type Cell, compact, grouped, numbers, words } from '../table.js';
import type { WindowSection } from '../window-sections.js';
import { listOf, type Members, membersOf, numberOf, textOf, textsOf } from './status-values.js';

const COMPACT = { shorten: 'compact' } as const;
const NAME = { shorten: 'end', least: 8 } as const;
const DAY = 86_400;
/** Heartbeats come every 5 s; an engine without one for three periods is shown as Down. */
const LATE_HEARTBEAT = 15;

/** A table without its title. */
type Table = Omit<WindowSection, 'title'>;

/** A duration, `-` if it is unknown. */
function age(value: unknown): string {
  return typeof value === 'number' ? secondsText(Math.round(value)) : '-';
}

/** Lines about the node, its manager and its certificate. */
export function swarmLines(swarm: Members): readonly Line[] {
  const isConnected = swarm['state'] === 'connected';
  const managers = listLength(swarm['managers']);
  const heartbeat = swarm['heartbeatAge'];
  const isLate = typeof heartbeat === 'number' && heartbeat > LATE_HEARTBEAT;
  const left = swarm['certificateSecondsLeft'];
  const isEnding = typeof left === 'number' && left < DAY;
  const availability = textOf(swarm['availability']);
  const state = textOf(swarm['state']);
  const beat = heartbeat === null ? 'no heartbeat yet' : `heartbeat ${age(heartbeat)} ago`;
  const rejected = numberOf(swarm['rejectedServices']);
  return [
    [
      `  node ${textOf(swarm['nodeId'])} (${textOf(swarm['name'])}), `,
      availability === 'active' ? availability : styled(availability, 'yellow'),
    ],
    `  swarm ${textOf(swarm['clusterId'])}, address as managers see it ${textOf(swarm['address'])}`,
    isConnected
      ? [
          '  manager ',
          `${textOf(swarm['manager'])} (of ${grouped(managers)}): `,
          styled(state, 'green'),
          ', ',
          isLate ? styled(beat, 'yellow') : beat,
        ]
      : [
          '  manager: ',
          styled(`${state}${swarm['problem'] === null ? '' : ` (${textOf(swarm['problem'])})`}`, 'yellow'),
          `, of ${grouped(managers)}; packets flow on`,
        ],
    [
      '  certificate ',
      typeof left === 'number' && left <= 0
        ? styled('expired', 'red')
        : isEnding
          ? styled(`valid for ${age(left)}`, 'yellow')
          : `valid for ${age(left)}`,
      `; key rotations ${grouped(numberOf(swarm['keyRotations']))}`,
      ...(rejected === 0 ? [] : [styled(`; tasks of ${grouped(rejected)} services rejected`, 'yellow')]),
    ],
  ];
}

/** The attachments. */
export function attachmentTable(section: Members): Table {
  return {
    columns: [
      words('network', NAME),
      addresses('address', { least: 18 }),
      words('interface', { shorten: 'end', least: 16, keep: 5 }),
      numbers('VNI', { keep: 3 }),
      numbers('MTU', { keep: 4 }),
      words('ESP', { keep: 2 }),
      words('state', { shorten: 'end', least: 8 }),
      addresses('load balancer', { keep: 1, optional: true, least: 18 }),
    ],
    rows: listOf(section['rows']).map((row): Cell[] => {
      const state = textOf(row['state']);
      const problem = row['problem'] === null ? '' : textOf(row['problem']);
      const netns = typeof row['netns'] === 'string' ? ` in ${row['netns']}` : '';
      return [
        textOf(row['network']),
        textOf(row['address']),
        `${textOf(row['interface'])}${netns}`,
        textOf(row['vni']),
        textOf(row['mtu']),
        row['encrypted'] === null ? '-' : row['encrypted'] === true ? 'yes' : 'no',
        problem === '' ? state : styled(problem, 'yellow'),
        typeof row['balancer'] === 'string' ? row['balancer'] : '',
      ];
    }),
  };
}

/** A line about gossip: how many members, and whether this one is well. */
export function gossipHealthLine(gossip: Members): Line {
  if (gossip['running'] !== true) return ['  gossip ', styled('not running yet', 'yellow')];
  const health = numberOf(gossip['health']);
  const dropped = Object.values(membersOf(gossip['dropped'])).reduce<number>((sum, one) => sum + numberOf(one), 0);
  const count = (name: string): string => compact(numberOf(gossip[name]));
  return [
    `  gossip ${textOf(gossip['name'])}: ${count('members')} alive, `,
    health === 0 ? styled('well', 'green') : styled(`health ${health} of 7: slow, or cut off`, 'yellow'),
    `; packets ${count('packetsReceived')} in, ${count('packetsSent')} out, `,
    dropped === 0 ? '0 dropped' : styled(`${compact(dropped)} dropped`, 'yellow'),
  ];
}

/** The other nodes. */
export function peerTable(section: Members): Table {
  return {
    columns: [
      words('peer', NAME),
      addresses('address'),
      words('gossip', { shorten: 'end', least: 8, keep: 5 }),
      words('for', { keep: 2 }),
      numbers('endpoints', { ...COMPACT, keep: 4 }),
      numbers('ESP in', { ...COMPACT, keep: 3, optional: true }),
      numbers('ESP out', { ...COMPACT, keep: 3, optional: true }),
    ],
    rows: listOf(section['rows']).map((row): Cell[] => [
      textOf(row['name']),
      textOf(row['address']),
      peerState(row),
      age(row['seconds']),
      numberOf(row['endpoints']),
      typeof row['espIn'] === 'number' ? row['espIn'] : '',
      typeof row['espOut'] === 'number' ? row['espOut'] : '',
    ]),
  };
}

/** How a member is reached, if a firewall seems to be in between; empty otherwise. */
export function reachText(row: Members): string {
  if (row['tcpOnly'] === true) return 'TCP only';
  if (row['udpOnly'] === true) return 'UDP only';
  return row['relayed'] === true ? 'UDP by others only' : '';
}

/** The state in gossip, and what is wrong with a peer that is alive. */
function peerState(row: Members): Cell {
  const state = textOf(row['state']);
  if (state !== 'alive') return styled(state, 'red');
  if (typeof row['silent'] === 'string') return styled(`alive, no ${row['silent']}`, 'red');
  const reach = reachText(row);
  return reach === '' ? state : styled(`alive, ${reach}`, 'yellow');
}

/** The keys: by tag, never the keys themselves. */
export function keyTable(section: Members): Table {
  return {
    columns: [
      words('use'),
      numbers('tag'),
      words('sends'),
      words('held for'),
      numbers('decrypted', { ...COMPACT, optional: true }),
    ],
    rows: listOf(section['rows']).map((row): Cell[] => [
      textOf(row['use']),
      // Not grouped: SPIs and logs have it without commas.
      textOf(row['tag']),
      row['transmit'] === true ? styled('yes', 'green') : '',
      age(row['age']),
      typeof row['received'] === 'number' ? row['received'] : '',
    ]),
  };
}

/** The keys in a row for each use, which takes fewer lines. */
export function ringTable(section: Members): Table {
  const rows = listOf(section['rows']);
  const keyText = (row: Members): string => `${textOf(row['tag'])}, ${age(row['age'])}`;
  return {
    columns: [words('use'), words('tag that sends, held for'), words('others', { shorten: 'end', least: 20 })],
    rows: ['gossip', 'ipsec'].flatMap((use): Cell[][] => {
      const own = rows.filter((row) => row['use'] === use);
      const others = own.filter((row) => row['transmit'] !== true);
      const sending = own
        .filter((row) => row['transmit'] === true)
        .map(keyText)
        .join('; ');
      return own.length === 0 ? [] : [[use, styled(sending, 'green'), others.map(keyText).join('; ')]];
    }),
  };
}

function listLength(value: unknown): number {
  return textsOf(value) === '-' ? 0 : textsOf(value).split(', ').length;
}
