/** What can be captured from: the network devices of this host, and the nodes that run on it. */
import { readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';
import { type FoundSocket, foundSockets, listDevices, LiveError, readStatus } from '../../live/index.js';
import { inQuotes, plain } from '../../text/plain-text.js';
import { UsageError } from '../usage-error.js';
import { versionSentence } from './extcap-answers.js';
import { sentence } from './sentences.js';

/** Sets the names apart from Wireshark's own interfaces. */
const DEVICE_PREFIX = 'vtep-';
const NODE_PREFIX = 'vtep-node-';
/** All devices at once, as libpcap calls it. */
const ANY_DEVICE = 'any';
const SYSTEM_DEVICES = '/sys/class/net';
/** How long to wait for a node to answer, in milliseconds: Wireshark starts only after the list. */
const PATIENCE_MS = 1000;
/** All of these addresses are the host's, though only one is listed. */
const LOOPBACK = '127.';
const SOCKET_SUFFIX = '.sock';
/** Networks whose names are read. */
const MAX_NETWORKS = 4096;

/** An interface in Wireshark's list. */
export interface ExtcapInterface {
  /** Its name: `vtep-eth0`, `vtep-node-n1`. */
  readonly value: string;
  /** Its line in the list. */
  readonly display: string;
}

/** Where packets come from, and how to decode them. */
export interface ExtcapTarget {
  /** The device, as libpcap calls it. */
  readonly device: string;
  /** The VTEP's address, if only its packets are wanted. */
  readonly vtep: string | undefined;
  /** UDP port of VXLAN, if a running node says it. */
  readonly port: number | undefined;
  /** Names of networks by VNI. */
  readonly names: ReadonlyMap<number, string>;
}

/** What a node says of itself. */
interface RunningNode {
  readonly name: string;
  readonly vtep: string;
  readonly port: number;
  readonly names: ReadonlyMap<number, string>;
}

/** The answer to `--extcap-interfaces`. */
export async function interfaceSentences(): Promise<readonly string[]> {
  const interfaces = await extcapInterfaces();
  return [versionSentence(), ...interfaces.map(({ value, display }) => sentence('interface', { value, display }))];
}

/** The interfaces, nodes first. */
export async function extcapInterfaces(): Promise<readonly ExtcapInterface[]> {
  const nodes = await Promise.all(foundSockets().map(nodeInterface));
  return [...nodes.flat(), ...deviceNames().map(deviceInterface)];
}

/**
 * What to capture for an interface.
 * @throws UsageError if it isn't vtep's; LiveError if the node doesn't run, or its address isn't a device's here
 */
export async function extcapTarget(value: string): Promise<ExtcapTarget> {
  // A device may be called node-n1, too; it comes second.
  const socket = foundSockets().find((one) => nodeValue(one) === value);
  if (socket !== undefined) return nodeTarget(await runningNode(socket));
  if (value.startsWith(NODE_PREFIX) && !deviceNames().includes(value.slice(DEVICE_PREFIX.length))) {
    throw new LiveError('NOT_THERE', `no node ${inQuotes(value.slice(NODE_PREFIX.length))} runs here`);
  }
  if (!value.startsWith(DEVICE_PREFIX) || value === DEVICE_PREFIX) {
    throw new UsageError(`there is no interface ${inQuotes(value)}; see: vtep extcap --extcap-interfaces`);
  }
  const device = value.slice(DEVICE_PREFIX.length);
  return { device, vtep: undefined, port: undefined, names: new Map() };
}

function deviceNames(): readonly string[] {
  if (process.platform !== 'linux') return listDevices().map(({ name }) => name);
  // Without cap: a list takes no privileges, and Wireshark asks for it at each start.
  return [...readdirSync(SYSTEM_DEVICES).sort(), ANY_DEVICE];
}

function deviceInterface(device: string): ExtcapInterface {
  const addresses = (networkInterfaces()[device] ?? []).map(({ address }) => address);
  const which = device === ANY_DEVICE ? 'all devices' : device;
  const shown = addresses.length === 0 ? '' : ` (${addresses[0]})`;
  return { value: `${DEVICE_PREFIX}${device}`, display: `vtep: inner frames of ${which}${shown}` };
}

/** The interface of a node, or none if no process answers. */
async function nodeInterface(socket: FoundSocket): Promise<readonly ExtcapInterface[]> {
  try {
    const { name, vtep } = await runningNode(socket);
    return [{ value: nodeValue(socket), display: `vtep: inner frames of node ${name} (${vtep})` }];
  } catch (error) {
    if (error instanceof LiveError) return [];
    throw error;
  }
}

/** The socket's name has no characters that a file's name can't have. */
function nodeValue({ path }: FoundSocket): string {
  return `${NODE_PREFIX}${path.slice(path.lastIndexOf('/') + 1, -SOCKET_SUFFIX.length)}`;
}

async function runningNode({ path, node }: FoundSocket): Promise<RunningNode> {
  const document = await readStatus(path, { sections: ['node', 'networks'], rows: MAX_NETWORKS }, PATIENCE_MS);
  const { name, vtep, port } = (document['node'] ?? {}) as Readonly<Record<string, unknown>>;
  if (typeof vtep !== 'string' || typeof port !== 'number') {
    throw new LiveError('STATUS_UNUSABLE', `${path}: it doesn't say the address of its VTEP`);
  }
  return { name: typeof name === 'string' ? name : node, vtep, port, names: namesOf(document['networks']) };
}

function namesOf(section: unknown): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  const { rows } = (section ?? {}) as { readonly rows?: unknown };
  for (const row of Array.isArray(rows) ? (rows as Readonly<Record<string, unknown>>[]) : []) {
    const { vni, name } = row;
    if (typeof vni === 'number' && typeof name === 'string') names.set(vni, plain(name));
  }
  return names;
}

/** The device of a node: the one that has its address. */
function nodeTarget({ name, vtep, port, names }: RunningNode): ExtcapTarget {
  const found = Object.entries(networkInterfaces()).find(([, addresses = []]) =>
    addresses.some(({ address }) => address === vtep),
  );
  const isInternal = vtep.startsWith(LOOPBACK) || found?.[1]?.some(({ internal }) => internal) === true;
  // Packets to an address of the loopback device arrive at others.
  if (isInternal) return { device: ANY_DEVICE, vtep, port, names };
  if (found !== undefined) return { device: found[0], vtep, port, names };
  const where = 'no device here has it; run Wireshark in its network namespace';
  throw new LiveError('NOT_THERE', `the VTEP of node ${inQuotes(name)} is ${vtep}, and ${where}`);
}
