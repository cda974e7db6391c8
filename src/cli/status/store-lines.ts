/** The section of a node that follows a store: the connection, what it took over, and what it couldn't. */
import { secondsText } from '../../text/quantity.js';
import { type Line, styled } from '../style.js';
import { compact, grouped, numbers, table, words } from '../table.js';
import { type Members, membersOf, numberOf, textOf, textsOf } from './status-values.js';

const COMPACT = { shorten: 'compact' } as const;

/** Counts by name: `3 placed, 1 waiting`; without those that are 0, unless all are. */
function countsText(counts: Members): string {
  const all = Object.entries(counts).map(([name, count]) => [name, numberOf(count)] as const);
  const some = all.filter(([, count]) => count > 0);
  return some.length === 0 ? 'none' : some.map(([name, count]) => `${grouped(count)} ${name}`).join(', ');
}

function connectionLine(store: Members): Line {
  const overlay = `  overlay ${textOf(store['overlay'])}: `;
  const revision = `, at revision ${grouped(numberOf(store['revision']))}`;
  if (store['connected'] === true) return [overlay, styled('connected', 'green'), revision];
  const lost = secondsText(Math.round(numberOf(store['lostSeconds'])));
  return [overlay, styled(`out of reach for ${lost}`, 'red'), `${revision}; packets go on with what is known`];
}

function leaseLine(store: Members): Line {
  const leader = store['leads'] === true ? 'this node leads' : leaderText(store['leader']);
  return store['registered'] === true
    ? ['  ', styled('registered', 'green'), `; ${leader}`]
    : ['  ', styled('not registered: others may have withdrawn its lease', 'yellow'), `; ${leader}`];
}

function leaderText(leader: unknown): string {
  return typeof leader === 'string' && leader !== '' ? `${leader} leads` : 'no node leads';
}

function keyText(store: Members): string {
  if (store['keys'] !== true) return 'keys: none, so encrypted networks are not carried';
  const rotations = store['rotations'];
  return typeof rotations === 'number' ? `keys: ring rotated ${grouped(rotations)} times` : 'keys: no ring yet';
}

function latencyLines(latency: Members): readonly Line[] {
  const count = numberOf(latency['count']);
  if (count === 0) return [];
  const of = `${compact(count)} ${count === 1 ? 'put' : 'puts'}`;
  return [`  from put to applied: ${textOf(latency['meanMs'])} ms, at most ${textOf(latency['maxMs'])} ms (${of})`];
}

/** Lines about the store. */
export function storeLines(store: Members): readonly Line[] {
  if (store['running'] !== true) return [[styled('  not running', 'dim')]];
  const records = Object.entries(membersOf(store['records']));
  const count = (name: string): number => numberOf(store[name]);
  const problems = count('problems');
  const troubles = Array.isArray(store['troubles']) ? store['troubles'].map(textOf) : [];
  const waits = count('waiting') + count('unwritten') > 0;
  const changes =
    `${grouped(count('waiting'))} changes wait to be applied, ${grouped(count('unwritten'))} to be written` +
    `; ${compact(count('applied'))} applied`;
  return [
    connectionLine(store),
    leaseLine(store),
    `  networks carried: ${textsOf(store['networks'])}; endpoints: ${countsText(membersOf(store['endpoints']))}`,
    `  ${keyText(store)}`,
    ['  ', waits ? styled(changes, 'yellow') : changes],
    ...latencyLines(membersOf(store['putToApplied'])),
    `  connections lost: ${grouped(count('losses'))}; snapshots read: ${grouped(count('snapshots'))}; tables ` +
      `compared: ${grouped(count('resynchronised'))}; leases of others withdrawn: ${grouped(count('withdrawn'))}`,
    ...(records.length === 0
      ? []
      : table(
          [words(''), ...records.map(([name]) => numbers(name, COMPACT))],
          [['records', ...records.map(([, one]) => numberOf(one))]],
        )),
    ...(problems === 0 ? [] : [[styled(`  ${grouped(problems)} records have a problem`, 'yellow')]]),
    ...troubles.map((text): Line => [styled(`    ${text}`, 'yellow')]),
    ...(problems > troubles.length && troubles.length > 0
      ? [[styled(`    and ${grouped(problems - troubles.length)} more`, 'yellow')]]
      : []),
  ];
}
