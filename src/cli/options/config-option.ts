/** The topology options: a config, or the output of Docker and iproute2. */
import { VtepError } from '../../error.js';
import type { ImportedSwarm, KeyText, NodeImport, NodeOutputs, SwarmImportOptions } from '../../overlay/files.js';
import type { KeyRing, Topology } from '../../overlay/index.js';
import { say } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { option, options, type Values } from './declared.js';
import { aboutFile } from './file-error.js';
import { type ReadOptions, readKeyText, readSmallText } from './small-file.js';
import { file, nodeValue } from './value-kinds.js';

/** Docker's output for 100,000 endpoints is about 30 MB. */
const MAX_BYTES = 1 << 26;
const WHAT = 'a config, a dump or a key ring (64 MiB)';
const HEADING = 'Network';

/** The options. */
export const CONFIG_OPTIONS = {
  config: option(
    '--config FILE',
    'nodes, networks, endpoints and keys (YAML or JSON); instead of it, once per node:',
    file,
  ).under(HEADING),
  vtep: options('--vtep NODE=IP', "address of a node's VTEP", nodeValue).under(HEADING),
  docker: options('--docker NODE=FILE', 'output of docker network inspect on that node', nodeValue).under(HEADING),
  fdb: options(
    '--fdb NODE=FILE',
    "output of bridge fdb show in the namespaces of the node's networks, concatenated",
    nodeValue,
  ).under(HEADING),
  neigh: options('--neigh NODE=FILE', 'output of ip neigh on that node', nodeValue).under(HEADING),
  swarm: options(
    '--swarm FILE',
    'instead of all of these: output of docker network inspect --verbose, and of docker service, task, node and ' +
      'container inspect, in any number of files',
    file,
  ).under(HEADING),
  ring: option('--ring FILE', "key ring of the encrypted networks; overrides the config's keys", file).under(HEADING),
};

/** Their values. */
export type ConfigValues = Values<typeof CONFIG_OPTIONS>;

/** Whose config it is. */
export interface MemberValue {
  /** Name of the node that learns the others from gossip; undefined if the config has all. */
  readonly member?: string | undefined;
}

function read<T>(path: string, options: ReadOptions, reader: (text: string) => T): T {
  try {
    return reader(readSmallText(path, MAX_BYTES, WHAT, options));
  } catch (error) {
    throw aboutFile(path, error);
  }
}

/** The same for a file that may hold keys. */
function readSecret<T>(path: string, options: ReadOptions, reader: (file: KeyText) => T): T {
  try {
    const file = readKeyText(path, MAX_BYTES, WHAT, options);
    try {
      return reader(file);
    } finally {
      file.wipe();
    }
  } catch (error) {
    throw aboutFile(path, error);
  }
}

/** The values of an option by node. */
function byNode(name: string, pairs: readonly (readonly [string, string])[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const [node, value] of pairs) {
    const before = values.get(node) ?? value;
    if (before !== value) throw new UsageError(`--${name} ${node}=... was given twice, with different values`);
    values.set(node, value);
  }
  return values;
}

async function ringOption(path: string | undefined, options: ReadOptions): Promise<KeyRing | undefined> {
  if (path === undefined) return undefined;
  const { parseKeys } = await import('../../overlay/keys/keys-file.js');
  const keys = readSecret(path, options, parseKeys);
  if (keys.kind !== 'ring') throw new UsageError(`${path}: not a key ring`);
  return keys.ring;
}

async function imported(values: ConfigValues, options: ReadOptions): Promise<Topology | undefined> {
  const vteps = byNode('vtep', values.vtep);
  const docker = byNode('docker', values.docker);
  const fdb = byNode('fdb', values.fdb);
  const neigh = byNode('neigh', values.neigh);
  for (const [name, files] of Object.entries({ docker, fdb, neigh })) {
    for (const node of files.keys()) {
      if (!vteps.has(node)) throw new UsageError(`--${name} ${node}=... needs --vtep ${node}=ADDRESS`);
    }
  }
  if (vteps.size === 0) return undefined;
  const text = (path: string): string => read(path, options, (whole) => whole);
  const nodes = [...vteps].map(([name, vtep]): NodeImport => {
    const paths = { networks: docker.get(name), fdb: fdb.get(name), neighbours: neigh.get(name) };
    const texts = Object.entries(paths).flatMap(([what, path]) => (path === undefined ? [] : [[what, text(path)]]));
    const files = paths as NodeOutputs;
    return { name, vtep, files, ...(Object.fromEntries(texts) as NodeOutputs) };
  });
  const ring = await ringOption(values.ring, options);
  const { importTopology } = await import('../../overlay/import/imported-topology.js');
  try {
    const { topology, warnings } = importTopology(nodes, ring);
    for (const warning of warnings) say(`vtep: ${warning}`);
    return topology;
  } catch (error) {
    if (error instanceof VtepError) throw new UsageError(error.message);
    throw error;
  }
}

/** The swarm that the files of `--swarm` describe. */
export async function swarmOption(
  paths: readonly string[],
  options: ReadOptions,
  how: SwarmImportOptions,
): Promise<ImportedSwarm> {
  const files = paths.map((name) => ({ name, text: read(name, options, (whole) => whole) }));
  const { importSwarm } = await import('../../overlay/import/imported-swarm.js');
  try {
    const swarm = importSwarm(files, how);
    for (const warning of swarm.warnings) say(`vtep: ${warning}`);
    return swarm;
  } catch (error) {
    if (error instanceof VtepError) throw new UsageError(error.message);
    throw error;
  }
}

/** A config without anything, which is read as well as any. */
const EMPTY_CONFIG = 'nodes: {}\nnetworks: {}\n';

/** Loads what reads the files of some options ahead of time: most of what reading a config takes. */
export async function loadReaders({ config, ring, swarm }: ConfigValues): Promise<void> {
  if (ring !== undefined) await import('../../overlay/keys/keys-file.js');
  if (swarm.length > 0) await import('../../overlay/import/imported-swarm.js');
  if (config === undefined) return;
  const { parseConfig } = await import('../../overlay/config.js');
  // V8 compiles what reads it, and the schema's checks are made.
  parseConfig(EMPTY_CONFIG);
}

/**
 * The topology that the options describe, or undefined without any of them.
 * @param options how to read the files
 * @throws UsageError
 */
export async function configOption(
  values: ConfigValues & MemberValue,
  options: ReadOptions = {},
): Promise<Topology | undefined> {
  const { config: path, swarm, member } = values;
  if (member !== undefined && path === undefined) throw new UsageError('--gossip needs --config FILE');
  const network = await imported(values, options);
  if (swarm.length > 0) {
    if (path !== undefined) throw new UsageError('--config and --swarm are mutually exclusive');
    if (network !== undefined) throw new UsageError('--vtep and --swarm are mutually exclusive');
    const ring = await ringOption(values.ring, options);
    return (await swarmOption(swarm, options, { ring })).topology;
  }
  if (path === undefined) return network;
  if (network !== undefined) throw new UsageError('--config and --vtep are mutually exclusive');
  const ring = await ringOption(values.ring, options);
  const { parseConfig } = await import('../../overlay/config.js');
  return readSecret(path, options, (file) =>
    parseConfig(file, { ...(ring === undefined ? {} : { ring }), ...(member === undefined ? {} : { member }) }),
  );
}
