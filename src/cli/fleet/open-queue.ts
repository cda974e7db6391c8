/** Connects to a queue, and reads what seals its jobs. Loaded only with `--fleet`. */
import { type JobQueue, Kek, KEK_VARIABLE, NatsQueue } from '../../fleet/index.js';
import { natsOptions, type NatsValues } from '../options/store-option.js';

/**
 * Connects to a queue.
 * @throws UsageError; StoreError as of `NatsQueue.open`
 */
export function openQueue(address: string, values: NatsValues): Promise<JobQueue> {
  return NatsQueue.open(address, natsOptions(values));
}

/**
 * The key-encryption key that is named, or that the environment has.
 * @throws StoreError `BAD_KEK`
 */
export function openKek(path: string | undefined, env: NodeJS.ProcessEnv = process.env): Kek | undefined {
  if (path !== undefined) return Kek.fromFile(path);
  const text = env[KEK_VARIABLE];
  return text === undefined || text === '' ? undefined : Kek.fromText(text, KEK_VARIABLE);
}
