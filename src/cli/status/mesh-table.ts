/** The HTTP routing mesh in a status: where it listens, and what its routes have carried. */
import { type Line, styled } from '../style.js';
import { type Cell, grouped, numbers, table, words } from '../table.js';
import { listOf, type Members, membersOf, numberOf, textOf } from './status-values.js';

const COMPACT = { shorten: 'compact' } as const;
const NAME = { shorten: 'end', least: 8 } as const;
/** Hosts of one domain begin differently. */
const HOST = { shorten: 'end', least: 15 } as const;
const LOST = { shorten: 'compact', style: 'red' } as const;

/** Lines of the section. */
export function meshLines(section: Members): readonly Line[] {
  if (section['running'] !== true) return ['  running: false'];
  const listeners = listOf(section['listeners']).map(
    (one) => `${textOf(one['address'])} port ${textOf(one['port'])}${one['tls'] === true ? ' (TLS)' : ''}`,
  );
  const count = (name: string, one: string, more: string): string[] => {
    const number = numberOf(section[name]);
    return number > 0 ? [`${grouped(number)} ${number === 1 ? one : more}`] : [];
  };
  const wrong = [
    ...count('unrouted', 'request to an unknown host', 'requests to unknown hosts'),
    ...count('refused', 'connection refused', 'connections refused'),
    ...count('droppedLines', 'line of the log dropped', 'lines of the log dropped'),
    ...count('troubles', 'label or route without effect', 'labels or routes without effect'),
  ];
  const [connected = 'no connections'] = count('connections', 'connection', 'connections');
  const connections = `  ${connected}`;
  return [
    `  on ${listeners.length === 0 ? 'no port' : listeners.join(', ')}`,
    wrong.length === 0 ? connections : [connections, styled(`; ${wrong.join(', ')}`, 'yellow')],
    ...leavingLines(listOf(section['leaving'])),
    ...routeLines(listOf(section['rows'])),
  ];
}

/** Tasks that get nothing new, and aren't to be stopped yet. */
function leavingLines(backends: readonly Members[]): readonly Line[] {
  if (backends.length === 0) return [];
  const [{ name, active }] = backends;
  const first = `${textOf(name)} (${grouped(numberOf(active))} under way)`;
  const others = backends.length === 1 ? '' : ` and ${grouped(backends.length - 1)} more`;
  return [`  draining: ${first}${others}`];
}

function routeLines(rows: readonly Members[]): readonly Line[] {
  if (rows.length === 0) return [];
  return table(
    [
      words('host', HOST),
      words('path', { shorten: 'end', least: 6 }),
      words('service', NAME),
      numbers('requests', COMPACT),
      numbers('4xx', { ...COMPACT, keep: 2 }),
      numbers('5xx', COMPACT),
      numbers('failed', LOST),
      numbers('retries', { ...COMPACT, keep: 1 }),
      numbers('active', { ...COMPACT, keep: 3 }),
      words('tasks up'),
    ],
    rows.map((row): Cell[] => {
      const responses = membersOf(row['responses']);
      const backends = listOf(row['backends']);
      const up = backends.filter((one) => one['up'] === true).length;
      const text = row['redirect'] === true ? 'redirect' : `${up} of ${backends.length}`;
      const isWell = row['redirect'] === true || (up > 0 && up === backends.length);
      return [
        textOf(row['host']),
        row['kind'] === 'sni' ? 'TLS' : row['path'] === '' ? '/' : textOf(row['path']),
        textOf(row['service']),
        sumOf(responses),
        numberOf(responses['4xx']),
        numberOf(responses['5xx']),
        sumOf(membersOf(row['failures'])),
        numberOf(row['retries']),
        numberOf(row['active']),
        isWell ? text : styled(text, 'red'),
      ];
    }),
  );
}

function sumOf(counts: Members): number {
  return Object.values(counts).reduce<number>((sum, one) => sum + numberOf(one), 0);
}
