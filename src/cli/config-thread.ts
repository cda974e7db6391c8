/** Reads and parses a config in a thread of its own, and posts what came of it. Run by `ConfigLoader`. */
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { VtepError } from '../error.js';
import type { ParsedArguments } from './arguments.js';
import type { LoaderMessage } from './config-loader.js';
import { configOption } from './config-option.js';
import { buffersOf, packTopology } from './packed-topology.js';
import { withStreams } from './streams.js';

/** Seconds that the writer of a pipe gets. */
const PATIENCE = 10;
/** Where processors are scarce, packets come before a new config (nice(1)). */
const PRIORITY = 5;

if (parentPort === null) throw new Error('this is a thread of ConfigLoader');
const owner = parentPort;

function post(message: LoaderMessage, buffers: ArrayBuffer[] = []): void {
  owner.postMessage(message, buffers);
}

try {
  setPriority(0, PRIORITY);
} catch {
  // A system that doesn't allow it reads the config all the same.
}

try {
  const streams = { output: (): void => undefined, remarks: (text: string) => post({ kind: 'remark', text }) };
  const topology = await withStreams(streams, () =>
    configOption(workerData as ParsedArguments, { patience: PATIENCE }),
  );
  if (topology === undefined) throw new Error('there is no config to be read');
  const packed = packTopology(topology);
  topology.ring?.wipe();
  post({ kind: 'read', packed }, buffersOf(packed));
} catch (error) {
  if (!(error instanceof VtepError)) throw error;
  post({ kind: 'refused', text: error.message });
}
