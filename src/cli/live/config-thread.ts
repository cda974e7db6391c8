/** Worker thread of `ConfigLoader`: waits for an order, then reads and parses a config and posts the result. */
import { once } from 'node:events';
import { setPriority } from 'node:os';
import { parentPort, workerData } from 'node:worker_threads';
import { VtepError } from '../../error.js';
import type { LoaderMessage, LoaderValues } from './config-loader.js';
import { configOption, loadReaders } from '../options/config-option.js';
import { readMeshFile } from '../options/mesh-options.js';
import { buffersOf, packTopology } from './packed-topology.js';
import { withStreams } from '../streams.js';

/** Seconds to wait for the writer of a pipe. */
const PATIENCE = 10;
/** nice(1) value: if CPUs are scarce, packets come before a new config. */
const PRIORITY = 5;

if (parentPort === null) throw new Error('must run as a worker thread of ConfigLoader');
const owner = parentPort;

function post(message: LoaderMessage, buffers: ArrayBuffer[] = []): void {
  owner.postMessage(message, buffers);
}

try {
  setPriority(0, PRIORITY);
} catch {
  // Not permitted everywhere; the config is read anyway.
}

const values = workerData as LoaderValues;
const begin = once(owner, 'message');
await loadReaders(values);
await begin;
try {
  const streams = { output: (): void => undefined, warnings: (text: string) => post({ kind: 'remark', text }) };
  const options = { patience: PATIENCE };
  // First, since keys are in the other.
  const mesh = await readMeshFile(values.mesh, options);
  const topology = await withStreams(streams, () => configOption(values, options));
  const packed = topology && packTopology(topology);
  topology?.ring?.wipe();
  post({ kind: 'read', packed, mesh }, packed && buffersOf(packed));
} catch (error) {
  if (!(error instanceof VtepError)) throw error;
  post({ kind: 'refused', text: error.message });
}
