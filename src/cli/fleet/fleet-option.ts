/** `--fleet` and what belongs to it: a queue of jobs, and what seals them. */
import { statSync } from 'node:fs';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { parseStoreAddress } from '../../fleet/store/nats/address.js';
import { inQuotes } from '../../text/plain-text.js';
import { type Declared, flag, option, type Values } from '../options/declared.js';
import { STORE_OPTIONS } from '../options/store-option.js';
import { file, type ValueKind } from '../options/value-kinds.js';
import { UsageError } from '../usage-error.js';

const HEADING = 'Fleet';

const address: ValueKind<string> = {
  read(given, name) {
    try {
      parseStoreAddress(given);
    } catch (error) {
      throw new UsageError(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
    return given;
  },
};

const { storeCredentials, storeNkey, storeCa, storeCert, storeKey } = STORE_OPTIONS;
const CREDENTIALS = { storeCredentials, storeNkey, storeCa, storeCert, storeKey };

/** @param what what is done with the key */
function kekOption(what: string): Declared<string | undefined> {
  return option('--kek FILE', `${what}: 64 hexadecimal digits in a file that only its owner can read`, file)
    .otherwise('the environment variable VTEP_KEK')
    .under(HEADING);
}

/** Options of a worker. */
export const WORKER_FLEET_OPTIONS = {
  fleet: option('--fleet ADDRESS', 'the queue: nats://HOST:PORT/OVERLAY, or tls://', address).under(HEADING).need(),
  kek: kekOption('do only jobs that are sealed with this key'),
  ...CREDENTIALS,
};

/** Options of commands that give jobs to workers. */
export const FLEET_OPTIONS = {
  fleet: option(
    '--fleet ADDRESS',
    'have the captures read by workers (vtep worker): a queue at nats://HOST:PORT/OVERLAY, or tls:// (docs/fleet.md)',
    address,
  ).under(HEADING),
  sharedPaths: flag(
    '--shared-paths',
    'the workers have the files under the same paths; without it, they are uploaded to the queue',
  ).under(HEADING),
  kek: kekOption('seal what is in the queue with this key, which the workers have too'),
  ...CREDENTIALS,
};

/** Values of these options. */
export type FleetValues = Values<typeof FLEET_OPTIONS>;

/**
 * Refuses options that only make sense with a queue.
 * @throws UsageError
 */
export function checkFleet({
  fleet,
  sharedPaths,
  kek: path,
}: Pick<FleetValues, 'fleet' | 'sharedPaths' | 'kek'>): void {
  if (fleet !== undefined) return;
  if (sharedPaths) throw new UsageError('--shared-paths needs --fleet');
  if (path !== undefined) throw new UsageError('--kek needs --fleet');
}

/**
 * Refuses inputs that can be read only once, or only here.
 * @throws UsageError
 */
export function checkJobFiles(paths: readonly string[]): void {
  for (const path of paths) {
    if (path !== STANDARD_STREAM && statSync(path, { throwIfNoEntry: false })?.isFile() !== false) continue;
    const name = path === STANDARD_STREAM ? 'standard input' : inQuotes(path);
    throw new UsageError(`${name} is not a regular file, which --fleet needs`);
  }
}
