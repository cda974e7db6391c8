/** `vtep status`: shows the tables of a running node. */
import { foundSockets, LiveError, readStatus, type StatusDocument } from '../../live/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { alternatives } from '../../text/suggestion.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { flag, Operand, option } from '../options/declared.js';
import { file, integer } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { printStatus, SECTION_NAMES } from './status-tables.js';

const ALL_ROWS = 1 << 24;
const DEFAULT_ROWS = 20;

const OPTIONS = {
  node: option('--node NAME', 'the node, if several run on this host').conflicts('socket'),
  socket: option('--socket PATH', 'the socket given to vtep up or join with --status', file),
  rows: option('--rows N', 'maximum rows per section; 0 for all', integer(0, ALL_ROWS)).otherwise(
    `${DEFAULT_ROWS}; 1000 with --json`,
  ),
  json: flag('--json', 'print one JSON object'),
};

const JSON_ROWS = 1000;

/** The socket to ask: the one named, or the only one. */
async function socketOf(node: string | undefined, socket: string | undefined): Promise<string> {
  if (socket !== undefined) return socket;
  const found = foundSockets();
  const wanted = node === undefined ? found : found.filter((one) => one.node === node);
  const live: (typeof wanted)[number][] = [];
  for (const one of wanted) if (await isLive(one.path)) live.push(one);
  if (live.length === 1) return live[0].path;
  if (live.length > 1) {
    const names = live.map((one) => `${inQuotes(one.node)} (${one.path})`).join(', ');
    const how = node === undefined ? 'choose one with --node NAME' : 'choose one with --socket PATH';
    throw new UsageError(`several nodes run here: ${names}; ${how}`);
  }
  const whose = node === undefined ? 'no node runs' : `no node ${inQuotes(node)} runs`;
  throw new UsageError(`${whose} here that accepts this user; vtep up --status PATH and --socket PATH name a socket`);
}

/** Whether a process listens on a socket. */
async function isLive(path: string): Promise<boolean> {
  try {
    await readStatus(path, { sections: ['node'], rows: 0 });
    return true;
  } catch (error) {
    if (error instanceof LiveError) return error.code === 'STATUS_UNUSABLE';
    throw error;
  }
}

/** `vtep status`. */
export const statusCommand = declare({
  usage: ['[--node NAME | --socket PATH] [OPTIONS] [SECTION...]'],
  description: [
    'Shows the tables of a node that vtep up or vtep join runs on this host: its networks, endpoints, services, ' +
      'connections, forwarding table and SAs (without keys), and its place in a swarm or a store. It asks over a Unix socket that only the user who runs the node, and ' +
      'root, can use.',
  ],
  operand: new Operand(
    '[SECTION...]',
    'a section',
    `${SECTION_NAMES.join(', ')}; default: all`,
    undefined,
    SECTION_NAMES,
  ),
  options: OPTIONS,
  notes: [
    'The answer to --json is what the socket gives: curl --unix-socket /run/vtep/n1.sock http://vtep/v1/status, with ' +
      'section=NAME (repeatable) and rows=N in its query. The node writes it between packets, in slices of a ' +
      'millisecond: each row of a changing table is consistent, but rows may be from different moments.',
  ],
  examples: [
    ['vtep status', 'everything about the only node on this host'],
    ['vtep status --node n1 services connections --rows 0', 'all services and connections of n1'],
    ['vtep status --json endpoints', 'for a program'],
  ],
  fails: 'no node answers',
  async run({ node, socket, rows, json }, sections) {
    const unknown = sections.find((name) => !SECTION_NAMES.includes(name));
    if (unknown !== undefined) {
      throw new UsageError(`there is no section ${inQuotes(unknown)}; it takes ${alternatives(SECTION_NAMES)}`);
    }
    const path = await socketOf(node, socket);
    const most = rows === 0 ? ALL_ROWS : (rows ?? (json ? JSON_ROWS : DEFAULT_ROWS));
    const document: StatusDocument = await readStatus(path, { sections, rows: most });
    const output = new TextOutput();
    if (json) output.json(document);
    else printStatus(output, document);
    output.flush();
    return ExitCode.Done;
  },
});
