/** What `join` shows on a terminal: the node in its swarm, attachments, peers, keys, and what happened last. */
import type { StatusSections } from '../../live/index.js';
import { secondsText } from '../../text/quantity.js';
import { attachmentTable, gossipHealthLine, peerTable, ringTable, swarmLines } from '../status/swarm-tables.js';
import type { Members } from '../status/status-values.js';
import { bareText, type Line, styled } from '../style.js';
import { words } from '../table.js';
import { windowLines, type WindowSize } from '../window-sections.js';

/** A line about what happened. */
export interface LoggedLine {
  /** Milliseconds since 1970. */
  readonly time: number;
  readonly line: Line;
}

/** What is shown. */
export interface JoinView {
  /** The sections, by name. */
  readonly sections: StatusSections;
  /** What happened, oldest first. */
  readonly log: readonly LoggedLine[];
  /** Seconds since the start. */
  readonly seconds: number;
  /** Whether keys are read. */
  readonly keys: boolean;
}

/** Rows that are made of a section; a window has no room for more. */
const MAX_ROWS = 100;
/** Lines of the log that the head has room for. */
const LOG_LINES = 4;

/** The lines for a window. */
export function joinLines({ sections, log, seconds, keys }: JoinView, size: WindowSize): Line[] {
  const of = (name: string): Members => membersOfSection(sections, name);
  const head: Line[] = [
    [styled('vtep join', 'bold'), `, for ${secondsText(Math.floor(seconds))}`],
    ...swarmLines(of('swarm')),
    gossipHealthLine(of('gossip')),
  ];
  const tables = [
    { title: 'Attachments', ...attachmentTable(of('attachments')) },
    { title: 'Peers', ...peerTable(of('peers')) },
    { title: 'Keys', ...ringTable(of('keys')) },
  ];
  const recent = log.slice(-LOG_LINES);
  const happened = {
    title: 'Log',
    columns: [words('UTC'), words('', { shorten: 'end', least: 20 })],
    rows: recent.map(({ time, line }) => [new Date(time).toISOString().slice(11, 19), bareText(line)]),
  };
  const foot: Line = [styled(keys ? "q or Ctrl-C leaves the swarm's networks and ends" : 'Ctrl-C ends', 'dim')];
  return windowLines(head, [...tables, happened], foot, size);
}

/** A section as the status document has it. */
function membersOfSection(sections: StatusSections, name: string): Members {
  const section = sections.get(name)?.();
  if (section === undefined) return {};
  const rows: object[] = [];
  for (const row of section.rows ?? []) {
    if (rows.length === MAX_ROWS) break;
    if (row !== undefined) rows.push(row);
  }
  return { ...section.facts, rows };
}
