/** The sections of a status as tables. */
import type { StatusDocument } from '../../live/index.js';
import { secondsText } from '../../text/quantity.js';
import { type Line, styled } from '../style.js';
import { addresses, type Cell, type Column, grouped, numbers, table, words } from '../table.js';
import type { TextOutput } from '../text-output.js';
import type { WindowSection } from '../window-sections.js';
import { attachmentTable, keyTable, peerTable, reachText, swarmLines } from './swarm-tables.js';
import { storeLines } from './store-lines.js';
import { meshLines } from './mesh-table.js';
import { listOf, type Members, membersOf, numberOf, sectionOf, textOf, textsOf } from './status-values.js';

const COMPACT = { shorten: 'compact' } as const;
const LOST = { shorten: 'compact', style: 'red' } as const;
const NAME = { shorten: 'end', least: 8 } as const;

/** How a section is shown: a heading, and lines. */
interface Shown {
  readonly heading: string;
  readonly lines: (section: Members) => readonly Line[];
}

/** Sections by name, in the order in which they are printed. */
const SECTIONS: Readonly<Record<string, Shown>> = {
  node: { heading: 'Node', lines: nodeLines },
  swarm: { heading: 'Swarm', lines: swarmLines },
  store: { heading: 'Store', lines: storeLines },
  attachments: { heading: 'Attachments', lines: (section) => tableOf(attachmentTable(section)) },
  peers: { heading: 'Peers', lines: (section) => tableOf(peerTable(section)) },
  keys: { heading: 'Keys of the swarm', lines: (section) => tableOf(keyTable(section)) },
  networks: { heading: 'Networks', lines: networkLines },
  endpoints: { heading: 'Endpoints of this node', lines: endpointLines },
  services: { heading: 'Services', lines: serviceLines },
  connections: { heading: 'Connections', lines: connectionLines },
  forwarding: { heading: 'Forwarding table', lines: forwardingLines },
  sas: { heading: 'Security associations', lines: saLines },
  gossip: { heading: 'Gossip', lines: gossipLines },
  members: { heading: 'Members of the gossip', lines: memberLines },
  gateway: { heading: 'Gateway', lines: plainLines },
  dns: { heading: 'DNS', lines: plainLines },
  mesh: { heading: 'Routes of the HTTP mesh', lines: meshLines },
};

/** The sections that `status` knows. */
export const SECTION_NAMES: readonly string[] = Object.keys(SECTIONS);

/** Prints the sections that a document has. */
export function printStatus(output: TextOutput, document: StatusDocument): void {
  const present = Object.entries(SECTIONS).filter(([name]) => document[name] !== undefined);
  for (const [i, [name, { heading, lines }]] of present.entries()) {
    const section = sectionOf(document, name);
    const total = section['total'];
    const title = typeof total === 'number' ? `${heading}: ${grouped(total)}` : heading;
    if (i === 0) output.line([styled(title, 'bold')]);
    else output.heading(title);
    for (const line of lines(section)) output.line(line);
    if (section['complete'] === false) {
      output.line([
        styled(`  only the first ${grouped(listOf(section['rows']).length)}; --rows N shows more`, 'yellow'),
      ]);
    }
  }
}

function tableOf({ columns, rows }: Omit<WindowSection, 'title'>): readonly Line[] {
  return tableOr(columns, rows);
}

/** Lines of a table, or one that says that there is nothing. */
function tableOr(columns: readonly Column[], rows: readonly (readonly Cell[])[]): readonly Line[] {
  return rows.length === 0 ? [[styled('  none', 'dim')]] : table(columns, rows);
}

function nodeLines(node: Members): readonly Line[] {
  const reloads = membersOf(node['reloads']);
  const direction = (name: string): Cell[] => {
    const counts = membersOf(node[name]);
    const drops = Object.values(membersOf(counts['dropped'])).reduce<number>((sum, one) => sum + numberOf(one), 0);
    return [name, ...['in', 'made', 'out'].map((key) => numberOf(counts[key])), drops, numberOf(counts['held'])];
  };
  const dropped = ['egress', 'ingress'].flatMap((name) =>
    Object.entries(membersOf(membersOf(node[name])['dropped'])).map(
      ([reason, count]) => `  ${name}: ${grouped(numberOf(count))} dropped (${reason})`,
    ),
  );
  const cipher = node['cipher'] === null ? '' : `, cipher ${textOf(node['cipher'])}`;
  const failed = numberOf(reloads['refused']);
  return [
    `  ${textOf(node['name'])}, process ${textOf(node['pid'])}, vtep ${textOf(node['version'])}, up for ` +
      secondsText(Math.round(numberOf(node['seconds']))),
    `  ${textOf(node['vtep'])}, UDP port ${textOf(node['port'])}, by ${textOf(node['underlay'])}, MTU ` +
      `${textOf(node['mtu'])}, profile ${textOf(node['profile'])}${cipher}`,
    `  ${grouped(numberOf(node['nodes']))} nodes; config reloads: ${grouped(numberOf(reloads['taken']))}` +
      (failed > 0 ? `, and ${grouped(failed)} failed` : ''),
    ...table(
      [
        words(''),
        numbers('in', COMPACT),
        numbers('made', COMPACT),
        numbers('out', COMPACT),
        numbers('dropped', LOST),
        numbers('held', COMPACT),
      ],
      [direction('egress'), direction('ingress')],
    ),
    ...dropped,
  ];
}

function networkLines(section: Members): readonly Line[] {
  const rows = listOf(section['rows']).map((row): Cell[] => [
    textOf(row['name']),
    textOf(row['vni']),
    textsOf(row['subnets']),
    row['encrypted'] === true ? 'yes' : 'no',
    textOf(row['mtu']),
    numberOf(row['endpoints']),
    numberOf(row['endpointsHere']),
  ]);
  return tableOr(
    [
      words('network', NAME),
      numbers('VNI'),
      words('subnets', { shorten: 'end', least: 18 }),
      words('encrypted', { keep: 3 }),
      numbers('MTU', { keep: 2 }),
      numbers('endpoints', COMPACT),
      numbers('here', { ...COMPACT, keep: 1 }),
    ],
    rows,
  );
}

function endpointLines(section: Members): readonly Line[] {
  const rows = listOf(section['rows']).map((row): Cell[] => [
    textOf(row['name']),
    textOf(row['network']),
    textOf(row['address']),
    row['attached'] === false ? styled('none', 'red') : textOf(row['interface']),
    numberOf(row['received']),
    numberOf(row['sent']),
    numberOf(row['refused']),
  ]);
  return tableOr(
    [
      words('endpoint', NAME),
      words('network', { ...NAME, keep: 2 }),
      addresses('address'),
      words('interface', { ...NAME, keep: 1 }),
      numbers('frames from', COMPACT),
      numbers('to', COMPACT),
      numbers('refused', LOST),
    ],
    rows,
  );
}

function forwardingLines(section: Members): readonly Line[] {
  const rows = listOf(section['rows']).map((row): Cell[] => [
    textOf(row['network']),
    textOf(row['mac']),
    textOf(row['node']),
    row['endpoint'] === null ? textOf(row['vtep']) : textOf(row['endpoint']),
    row['learned'] === true ? `learned, ${secondsText(numberOf(row['age']))}` : '',
  ]);
  return tableOr(
    [
      words('network', NAME),
      words('MAC'),
      words('node', NAME),
      words('VTEP or endpoint', { shorten: 'end', least: 15 }),
      words('age', { optional: true }),
    ],
    rows,
  );
}

function serviceLines(section: Members): readonly Line[] {
  const lines = listOf(section['rows']).flatMap((row): Cell[][] => {
    const counts = (of: Members): Cell[] =>
      ['active', 'connections', 'opened', 'packetsIn', 'packetsOut'].map((key) => numberOf(of[key]));
    const name = [textOf(row['name']), ...(row['dsr'] === true ? ['(DSR)'] : [])].join(' ');
    const vip = row['mode'] === 'vip' ? textOf(row['vip']) : 'DNS';
    const own: Cell[] = [name, textOf(row['network']), vip, textsOf(row['ports']), '', ...counts(row)];
    return [
      own,
      ...listOf(row['backends']).map((backend): Cell[] => {
        const task = `  ${textOf(backend['task'])}`;
        const weight = row['mode'] === 'vip' ? numberOf(backend['weight']) : '';
        return [task, `on ${textOf(backend['node'])}`, textOf(backend['address']), '', weight, ...counts(backend)];
      }),
    ];
  });
  const refused = listOf(section['rows']).filter((row) => numberOf(row['refused']) > 0);
  return [
    ...tableOr(
      [
        words('service, tasks', { shorten: 'end', least: 14 }),
        words('network, node', { shorten: 'end', least: 8, keep: 4 }),
        addresses('address'),
        words('ports', { shorten: 'end', least: 9, keep: 1, optional: true }),
        numbers('weight', { keep: 5 }),
        numbers('active', COMPACT),
        numbers('in table', { ...COMPACT, keep: 4 }),
        numbers('opened', COMPACT),
        numbers('packets in', { ...COMPACT, keep: 3 }),
        numbers('out', { ...COMPACT, keep: 2 }),
      ],
      lines,
    ),
    ...refused.map((row): Line => [
      styled(`  ${textOf(row['name'])}: ${grouped(numberOf(row['refused']))} connections refused: no backend`, 'red'),
    ]),
    ...listOf(section['balancers']).flatMap(dropLines),
  ];
}

function dropLines(balancer: Members): string[] {
  return Object.entries(membersOf(balancer['dropped'])).map(
    ([reason, count]) =>
      `  load balancer of ${textOf(balancer['network'])}: ${grouped(numberOf(count))} dropped (${reason})`,
  );
}

function connectionLines(section: Members): readonly Line[] {
  const rows = listOf(section['rows']).map((row): Cell[] => [
    textOf(row['protocol']),
    `${textOf(row['client'])}:${textOf(row['clientPort'])}`,
    `${textOf(row['vip'])}:${textOf(row['vipPort'])}`,
    `${textOf(row['backend'])}:${textOf(row['backendPort'])}`,
    textOf(row['state']),
    row['expiresIn'] === null ? 'never' : secondsText(Math.round(numberOf(row['expiresIn']))),
    textOf(row['network']),
  ]);
  return tableOr(
    [
      words(''),
      words('client', { shorten: 'end', least: 15 }),
      words('virtual IP', { shorten: 'end', least: 15 }),
      words('backend', { shorten: 'end', least: 15 }),
      words('state', { keep: 2 }),
      words('expires in', { keep: 3 }),
      words('network', { ...NAME, keep: 1 }),
    ],
    rows,
  );
}

function saLines(section: Members): readonly Line[] {
  const rows = listOf(section['rows']).map((row): Cell[] => [
    textOf(row['direction']),
    textOf(row['spi']),
    textOf(row['peer']),
    textOf(row['address']),
    numberOf(row['sequence']),
    numberOf(row['packets']),
    secondsText(numberOf(row['age'])),
  ]);
  return tableOr(
    [
      words(''),
      words('SPI'),
      words('peer', NAME),
      addresses('address', { keep: 1 }),
      numbers('sequence', COMPACT),
      numbers('packets', COMPACT),
      words('age'),
    ],
    rows,
  );
}

function gossipLines(section: Members): readonly Line[] {
  if (section['running'] !== true) return [[styled('  not running', 'dim')]];
  const count = (name: string): string => grouped(numberOf(section[name]));
  const keys = listOf(section['keys']).map(
    (key) =>
      `${textOf(key['tag'])}${key['transmit'] === true ? ' (sends)' : ''}, for ${secondsText(numberOf(key['age']))}`,
  );
  const learned = membersOf(section['learned']);
  const health = numberOf(section['health']);
  const unannounced = textsOf(section['unannounced']);
  const counts = (of: unknown, what: string): Line[] =>
    Object.entries(membersOf(of)).map(([reason, number]) => `  ${grouped(numberOf(number))} ${what} (${reason})`);
  return [
    `  ${textOf(section['name'])} at ${textOf(section['address'])}, ${count('members')} members alive`,
    ...(health > 0 ? [[styled(`  health ${health} of 7: this node is slow, or cut off`, 'yellow')]] : []),
    `  keys: ${keys.length === 0 ? 'none, in clear text' : keys.join('; ')}`,
    `  learned: ${grouped(numberOf(learned['nodes']))} nodes, ${grouped(numberOf(learned['endpoints']))} endpoints, ` +
      `${grouped(numberOf(learned['records']))} names; announced: ${count('announced')} endpoints` +
      (unannounced === '-' ? '' : `, not yet ${unannounced}`),
    `  packets: ${count('packetsReceived')} received, ${count('packetsSent')} sent; streams: ` +
      `${count('streamsAccepted')} accepted, ${count('streamsOpened')} opened, ${count('streamsFailed')} failed`,
    ...(numberOf(section['waiting']) > 0 ? [`  ${count('waiting')} changes wait`] : []),
    ...counts(section['refused'], 'entries refused'),
    ...counts(section['dropped'], 'dropped'),
    ...listOf(section['silent']).map((peer): Line => [
      styled(`  no ${textOf(peer['protocol'])} comes from ${textOf(peer['node'])} (${textOf(peer['vtep'])})`, 'red'),
    ]),
  ];
}

function memberLines(section: Members): readonly Line[] {
  const rows = listOf(section['rows']).map((row): Cell[] => [
    textOf(row['name']),
    textOf(row['address']),
    row['state'] === 'alive' ? 'alive' : styled(textOf(row['state']), 'red'),
    secondsText(numberOf(row['seconds'])),
    row['self'] === true ? 'this node' : styled(reachText(row), 'yellow'),
  ]);
  return tableOr([words('member', NAME), words('address'), words('state'), words('for'), words('', { keep: 1 })], rows);
}

/** A section without a table of its own: its members, and its rows with the members that the first one has. */
function plainLines(section: Members): readonly Line[] {
  const isScalar = (value: unknown): boolean => ['string', 'number', 'boolean'].includes(typeof value);
  const shown = (value: unknown): string | number =>
    typeof value === 'number' ? value : typeof value === 'boolean' ? String(value) : textOf(value);
  const facts = Object.entries(section).filter(
    ([name, value]) => isScalar(value) && !['total', 'complete'].includes(name),
  );
  const rows = listOf(section['rows']);
  const names = rows.length === 0 ? [] : Object.keys(rows[0]).filter((name) => isScalar(rows[0][name]));
  const columns = names.map((name, i) =>
    typeof rows[0][name] === 'number'
      ? numbers(name, { ...COMPACT, keep: names.length - i })
      : words(name, { ...NAME, keep: names.length - i }),
  );
  return [
    ...facts.map(([name, value]) => {
      const text = shown(value);
      return `  ${name}: ${typeof text === 'number' ? grouped(text) : text}`;
    }),
    ...(rows.length === 0
      ? []
      : table(
          columns,
          rows.map((row) => names.map((name) => shown(row[name]))),
        )),
  ];
}
