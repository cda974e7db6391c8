/** `--store` and its credentials: where the records of an overlay are. */
import type { NatsOptions, Store } from '../../fleet/index.js';
import { parseStoreAddress } from '../../fleet/store/nats/address.js';
import { inQuotes } from '../../text/plain-text.js';
import { UsageError } from '../usage-error.js';
import { option, type Values } from './declared.js';
import { file, type ValueKind } from './value-kinds.js';

const HEADING = 'Store';
const VARIABLE = 'VTEP_STORE';

const address: ValueKind<string> = {
  read(given, name) {
    checkAddress(given, name);
    return given;
  },
};

const copies: ValueKind<number> = {
  read(given, name) {
    if (!/^[135]$/.test(given)) throw new UsageError(`${name} takes 1, 3 or 5, not ${inQuotes(given)}`);
    return Number(given);
  },
};

function checkAddress(given: string, name: string): void {
  try {
    parseStoreAddress(given);
  } catch (error) {
    throw new UsageError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Where the store is, and who asks. */
export const STORE_OPTIONS = {
  store: option(
    '--store ADDRESS',
    'where the records of the overlay are: nats://HOST:PORT/OVERLAY, or tls://, several servers with commas between ' +
      'them (docs/fleet.md)',
    address,
  )
    .otherwise(`the environment variable ${VARIABLE}`)
    .under(HEADING),
  storeReplicas: option(
    '--store-replicas N',
    'servers of a cluster that keep a copy of each record: 1, 3 or 5; a store that is there with fewer is refused',
    copies,
  )
    .otherwise('1 if the store is made now')
    .under(HEADING),
  storeCredentials: option('--store-credentials FILE', "a user's JWT and NKEY seed, as nsc writes it", file).under(
    HEADING,
  ),
  storeNkey: option('--store-nkey FILE', 'an NKEY seed', file).under(HEADING),
  storeCa: option('--store-ca FILE', 'certificates of the authorities to trust (PEM)', file).under(HEADING),
  storeCert: option('--store-cert FILE', "the client's certificate (PEM)", file).under(HEADING),
  storeKey: option('--store-key FILE', "the key of the client's certificate (PEM)", file).under(HEADING),
};

/** Their values. */
export type StoreValues = Values<typeof STORE_OPTIONS>;

/** The values that a connection needs: all, or those of a queue. */
export type NatsValues = Omit<StoreValues, 'store' | 'storeReplicas'> & Partial<Pick<StoreValues, 'storeReplicas'>>;

/**
 * The address that is given, or that the environment names.
 * @returns undefined if there is none
 * @throws UsageError if that of the environment is none
 */
export function storeAddress(
  { store }: Pick<StoreValues, 'store'>,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (store !== undefined) return store;
  const named = env[VARIABLE];
  if (named === undefined || named === '') return undefined;
  checkAddress(named, VARIABLE);
  return named;
}

/**
 * Connects to the store.
 * @param options whether it is made if there is none. Default: it is
 * @throws UsageError without an address; StoreError as of `NatsStore.open`
 */
export async function openStore(
  values: StoreValues,
  { creates = true }: { readonly creates?: boolean } = {},
  env: NodeJS.ProcessEnv = process.env,
): Promise<Store> {
  const where = storeAddress(values, env);
  if (where === undefined) {
    throw new UsageError(`which store? --store nats://HOST:PORT/OVERLAY, or ${VARIABLE} in the environment`);
  }
  // Loaded only here: commands that only declare the options start faster without it.
  const { NatsStore } = await import('../../fleet/index.js');
  return NatsStore.open(where, { ...natsOptions(values), creates });
}

/**
 * Connects to the store, and closes it once `run` is done with it. One that isn't there is an error.
 * @throws UsageError without an address; StoreError as of `NatsStore.open`, and what `run` throws
 */
export async function withStore<T>(values: StoreValues, run: (store: Store) => Promise<T>): Promise<T> {
  return closing(await openStore(values, { creates: false }), run);
}

/** As `withStore`, but makes a store that isn't there. */
export async function withNewStore<T>(values: StoreValues, run: (store: Store) => Promise<T>): Promise<T> {
  return closing(await openStore(values), run);
}

async function closing<T>(store: Store, run: (store: Store) => Promise<T>): Promise<T> {
  try {
    return await run(store);
  } finally {
    await store.close();
  }
}

/**
 * How the client of a server identifies itself.
 * @throws UsageError for a certificate without its key
 */
export function natsOptions({
  storeReplicas,
  storeCredentials,
  storeNkey,
  storeCa,
  storeCert,
  storeKey,
}: NatsValues): NatsOptions {
  if ((storeCert === undefined) !== (storeKey === undefined)) {
    throw new UsageError('--store-cert and --store-key belong together');
  }
  const tls = {
    ...(storeCa !== undefined && { ca: storeCa }),
    ...(storeCert !== undefined && { cert: storeCert }),
    ...(storeKey !== undefined && { key: storeKey }),
  };
  return {
    ...(storeReplicas !== undefined && { replicas: storeReplicas }),
    ...(storeCredentials !== undefined && { credentials: storeCredentials }),
    ...(storeNkey !== undefined && { nkey: storeNkey }),
    ...(Object.keys(tls).length > 0 && { tls }),
  };
}
