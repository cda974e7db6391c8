/** The options of `up --store`, and what excludes them. */
import { inQuotes } from '../../text/plain-text.js';
import type { ConfigValues } from '../options/config-option.js';
import { option, options, type Values } from '../options/declared.js';
import type { GOSSIP_OPTIONS } from '../options/gossip-option.js';
import { STORE_OPTIONS, storeAddress, type StoreValues } from '../options/store-option.js';
import { decimal, file, integer, nodeValue, type ValueKind } from '../options/value-kinds.js';
import { UsageError } from '../usage-error.js';

/** `NODE=ADDRESS`, or this node's own address alone. */
const ownOrNodeValue: ValueKind<readonly [node: string, value: string]> = {
  read: (given, name) => (given.includes('=') ? nodeValue.read(given, name) : ['', given]),
};

const STORE = 'Store';
const LEAST_MTU = 576;
const MOST_MTU = 65_535;
/** In seconds. */
const LEAST_LEASE = 0.1;
const MOST_LEASE = 86_400;
/** `--vtep`: of the nodes, or of this one. */
export const ownVtepOption = options(
  '--vtep [NODE=]IP',
  "address of a node's VTEP; with --store, of this node's (without NODE=)",
  ownOrNodeValue,
).under('Network');

/** The others. */
export const STORE_NODE_OPTIONS = {
  ...STORE_OPTIONS,
  mtu: option('--mtu BYTES', "MTU of the interface with this node's VTEP address", integer(LEAST_MTU, MOST_MTU))
    .otherwise('1500')
    .under(STORE),
  kek: options(
    '--kek FILE',
    "key that opens the store's key ring, which encrypted networks need: 64 hexadecimal digits, mode 0600; the new and " +
      'the old one while it changes',
    file,
  )
    .otherwise('the environment variable VTEP_KEK')
    .under(STORE),
  lease: option(
    '--lease SECONDS',
    'the others take this node for gone after so long without a sign of life',
    decimal(LEAST_LEASE, MOST_LEASE),
  )
    .otherwise('10')
    .under(STORE),
};

interface NetworkValues extends ConfigValues, Values<typeof GOSSIP_OPTIONS>, StoreValues {
  readonly node: string;
  readonly frames?: string | undefined;
  readonly framesOut?: string | undefined;
}

type StoreOnlyValues = Values<typeof STORE_NODE_OPTIONS> & Pick<ConfigValues, 'vtep'>;

/** The options that describe a network, which a store does instead. */
function networkOptions(values: NetworkValues): string[] {
  const { config, docker, fdb, neigh, swarm, ring, gossip, gossipKeys, advertiseAddr, frames, framesOut } = values;
  const given = { config, docker, fdb, neigh, swarm, ring, gossip, gossipKeys, advertiseAddr, frames, framesOut };
  return Object.entries(given)
    .filter(([, value]) => (Array.isArray(value) ? value.length > 0 : value !== undefined))
    .map(([name]) => `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
}

/**
 * Whether a store describes the network.
 * @throws UsageError if something else does, too
 */
export function usesStore(values: NetworkValues): boolean {
  const others = networkOptions(values);
  if (others.length > 0 || values.vtep.some(([node]) => node !== '' && node !== values.node)) {
    if (values.store !== undefined) {
      throw new UsageError(`--store and ${others[0] ?? "other nodes' --vtep"} are mutually exclusive`);
    }
    return false;
  }
  return storeAddress(values) !== undefined;
}

/** Rejects options that only a node in a store has. */
export function checkNoStore({ vtep, mtu, kek, lease, ...values }: StoreOnlyValues): void {
  const own = vtep.find(([node]) => node === '');
  if (own !== undefined) throw new UsageError(`--vtep takes NODE=VALUE without --store, not ${inQuotes(own[1])}`);
  const { storeReplicas, storeCredentials, storeNkey, storeCa, storeCert, storeKey } = values;
  const given = { mtu, lease, storeReplicas, storeCredentials, storeNkey, storeCa, storeCert, storeKey };
  const name = kek.length > 0 ? 'kek' : Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  if (name === undefined) return;
  throw new UsageError(`--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)} needs --store`);
}
