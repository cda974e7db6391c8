/** Loads the packages of the NATS client on demand, and says what to install if they are missing. */
import type * as Jetstream from '@nats-io/jetstream';
import type * as Kv from '@nats-io/kv';
import type * as Transport from '@nats-io/transport-node';
import { StoreError } from '../../error.js';

/** The last version whose dependencies npm installs on Node 20. */
const VERSION = '3.3.1';
const NAMES = ['transport-node', 'jetstream', 'kv'].map((name) => `@nats-io/${name}@${VERSION}`).join(' ');

export interface NatsPackages {
  readonly transport: typeof Transport;
  readonly jetstream: typeof Jetstream;
  readonly kv: typeof Kv;
}

/** @throws StoreError `NATS_UNAVAILABLE`, with what to install */
export async function loadNats(): Promise<NatsPackages> {
  try {
    const [transport, jetstream, kv] = await Promise.all([
      import('@nats-io/transport-node'),
      import('@nats-io/jetstream'),
      import('@nats-io/kv'),
    ]);
    return { transport, jetstream, kv };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why =
      code === 'ERR_MODULE_NOT_FOUND'
        ? 'are not installed'
        : `can't be loaded: ${(error as Error).message.split('\n')[0]}`;
    throw new StoreError('NATS_UNAVAILABLE', `a store on NATS needs packages that ${why} (npm install ${NAMES})`, {
      cause: error,
    });
  }
}
