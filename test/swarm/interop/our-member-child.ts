/**
 * This project's member of the gossip, controlled by lines of JSON like the programs of go/. Its events are created, updated
 * and deleted (an entry), and trouble. Values and keys are base64.
 */
import { createInterface } from 'node:readline';
import { ClusterKey, KeyRing, parseIp } from '../../../src/overlay/index.js';
import { type GossipEndpoint, type TableChange } from '../../../src/gossip/index.js';
import { openGossip, type SwarmGossip } from '../../../src/swarm/index.js';

interface Command {
  readonly id: number;
  readonly do: string;
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly addresses: readonly string[];
  readonly keys: readonly string[];
  readonly key: string;
  readonly network: string;
  readonly table: string;
  readonly entry: string;
  readonly value: string;
}

let member: SwarmGossip | undefined;
/** Keys, oldest first: a ring sends with the second of three. */
let keys: string[] = [];
let lastTag = 0;
const tags = new Map<string, number>();
/** Values of all entries that this member knows, by network, table and key. */
const entries = new Map<string, Map<string, string>>();

function write(line: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

function tell(event: string, words: Readonly<Record<string, unknown>>): void {
  write({ event, at: performance.timeOrigin + performance.now(), ...words });
}

function table(network: string, name: string): Map<string, string> {
  const id = `${network} ${name}`;
  let found = entries.get(id);
  if (found === undefined) {
    found = new Map();
    entries.set(id, found);
  }
  return found;
}

function changed({ kind, networkId, tableName, key, value }: TableChange): void {
  const text = Buffer.from(value).toString('base64');
  if (kind === 'deleted') table(networkId, tableName).delete(key);
  else table(networkId, tableName).set(key, text);
  tell(kind, { network: networkId, table: tableName, entry: key, value: text });
}

function endpointOf(address: string): GossipEndpoint {
  const [host = '', port = ''] = address.split(':');
  return { addr: parseIp(host), port: Number(port) };
}

function ring(): KeyRing | undefined {
  if (keys.length === 0) return undefined;
  return new KeyRing(
    keys.map((key) => {
      let tag = tags.get(key);
      if (tag === undefined) tags.set(key, (tag = lastTag += 1));
      return new ClusterKey(tag, Buffer.from(key, 'base64'));
    }),
  );
}

/** Docker's order, the key to send with first, as a ring's: oldest first. */
function inRingOrder(docker: readonly string[]): string[] {
  return [...docker.slice(1, 2), ...docker.slice(0, 1), ...docker.slice(2)];
}

async function run(command: Command): Promise<unknown> {
  if (command.do === 'start') {
    keys = inRingOrder(command.keys);
    member = await openGossip(
      {
        name: command.name,
        endpoint: { addr: parseIp(command.address), port: command.port },
        keys: ring(),
      },
      {
        changed: (changes) => changes.forEach(changed),
        trouble: (text) => tell('trouble', { text }),
        ended: (error) => tell('ended', { text: error.message }),
      },
    );
    return null;
  }
  if (member === undefined) throw new Error('not started');
  const { network, entry, value } = command;
  switch (command.do) {
    case 'join':
      member.setSeeds(command.addresses.map(endpointOf));
      return null;
    case 'joinNetwork':
      member.joinNetwork(network);
      return null;
    case 'leaveNetwork':
      member.leaveNetwork(network);
      for (const id of entries.keys()) if (id.startsWith(`${network} `)) entries.delete(id);
      return null;
    case 'create':
    case 'update':
      member.setEntry(network, command.table, entry, Buffer.from(value, 'base64'));
      table(network, command.table).set(entry, value);
      return null;
    case 'delete':
      member.removeEntry(network, command.table, entry);
      table(network, command.table).delete(entry);
      return null;
    case 'addKey':
      keys.push(command.key);
      member.setKeys(ring());
      return null;
    case 'useKey':
      // A ring knows by its order which key to send with.
      return null;
    case 'removeKey':
      keys = keys.filter((key) => key !== command.key);
      member.setKeys(ring());
      return null;
    case 'members':
      return (await member.report()).members
        .filter(({ state }) => state === 'alive' || state === 'suspect')
        .map(({ name }) => name);
    case 'nodes':
      return (await member.report()).networks.find(({ id }) => id === network)?.nodes ?? [];
    case 'entries':
      return Object.fromEntries(table(network, command.table));
    case 'report':
      return member.report();
    case 'leave':
      await member.close();
      return null;
    default:
      throw new Error(`unknown command ${command.do}`);
  }
}

createInterface(process.stdin)
  .on('line', (line) => {
    const command = JSON.parse(line) as Command;
    run(command).then(
      (result) => write({ id: command.id, result }),
      (error: unknown) => write({ id: command.id, error: (error as Error).message }),
    );
  })
  .on('close', () => process.exit());
