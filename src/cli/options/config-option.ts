/** The topology options: a config, or the output of Docker and iproute2. */
import { VtepError } from '../../error.js';
import type { KeyText, NodeImport, NodeOutputs } from '../../overlay/files.js';
import type { KeyRing, Topology } from '../../overlay/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { type ParsedArguments, UsageError } from '../arguments.js';
import { type ReadOptions, readKeyText, readSmallText } from './small-file.js';
import { say } from '../text-output.js';

/** Docker's output for 100,000 endpoints is about 30 MB. */
const MAX_BYTES = 1 << 26;
const WHAT = 'a config, a dump or a key ring (64 MiB)';
const MANY = { type: 'string', multiple: true } as const;

/** For parseWords. */
export const CONFIG_OPTIONS = {
  config: { type: 'string' },
  vtep: MANY,
  docker: MANY,
  fdb: MANY,
  neigh: MANY,
  ring: { type: 'string' },
} as const;

/** Their lines in the help text. */
export const CONFIG_HELP = `  --config FILE      nodes, networks, endpoints and keys (YAML or JSON); or, in
                     its place, once per node:
    --vtep NODE=IP     the address of its VTEP
    --docker NODE=FILE output of docker network inspect on the node
    --fdb NODE=FILE    output of bridge fdb show in its networks' namespaces,
                       concatenated
    --neigh NODE=FILE  output of ip neigh on the node
  --ring FILE        key ring of the encrypted networks; overrides the config's
                     keys`;

function read<T>(path: string, options: ReadOptions, reader: (text: string) => T): T {
  try {
    return reader(readSmallText(path, MAX_BYTES, WHAT, options));
  } catch (error) {
    if (error instanceof VtepError && !(error instanceof UsageError)) throw new UsageError(`${path}: ${error.message}`);
    throw error;
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
    if (error instanceof VtepError && !(error instanceof UsageError)) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}

/** The `NODE=VALUE` arguments of an option, by node. */
function byNode(parsed: ParsedArguments, option: string): Map<string, string> {
  const words = (parsed.values[option] as readonly string[] | undefined) ?? [];
  return new Map(
    words.map((word) => {
      const at = word.indexOf('=');
      if (at < 1) throw new UsageError(`--${option} takes NODE=VALUE, not ${inQuotes(word)}`);
      return [word.slice(0, at), word.slice(at + 1)];
    }),
  );
}

async function ringOption(parsed: ParsedArguments, options: ReadOptions): Promise<KeyRing | undefined> {
  const path = parsed.values['ring'];
  if (typeof path !== 'string') return undefined;
  const { parseKeys } = await import('../../overlay/keys/keys-file.js');
  const keys = readSecret(path, options, parseKeys);
  if (keys.kind !== 'ring') throw new UsageError(`${path}: not a key ring`);
  return keys.ring;
}

async function imported(parsed: ParsedArguments, options: ReadOptions): Promise<Topology | undefined> {
  const vteps = byNode(parsed, 'vtep');
  const docker = byNode(parsed, 'docker');
  const fdb = byNode(parsed, 'fdb');
  const neigh = byNode(parsed, 'neigh');
  for (const [option, words] of Object.entries({ docker, fdb, neigh })) {
    for (const node of words.keys()) {
      if (!vteps.has(node)) throw new UsageError(`--${option} ${node}=... needs --vtep ${node}=ADDRESS`);
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
  const ring = await ringOption(parsed, options);
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

/**
 * The topology that the options describe, or undefined without any of them.
 * @param options how to read the files
 * @throws UsageError
 */
export async function configOption(parsed: ParsedArguments, options: ReadOptions = {}): Promise<Topology | undefined> {
  const path = parsed.values['config'];
  const network = await imported(parsed, options);
  if (typeof path !== 'string') return network;
  if (network !== undefined) throw new UsageError('--config and --vtep are mutually exclusive');
  const ring = await ringOption(parsed, options);
  const { parseConfig } = await import('../../overlay/config.js');
  return readSecret(path, options, (file) => parseConfig(file, ring === undefined ? {} : { ring }));
}
