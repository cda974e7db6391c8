/** Opens the captures of a request. */
import { CaptureError, openCapture, type PacketSource } from '../../../src/capture/portable.js';
import { type ByteLocation, expandedLocation, storeAt, StoreError, StoreReader } from '../capture/index.js';
import { MAX_FILES } from '../index/index.js';
import type { WorkerMessage } from './messages.js';

/** A capture of a request, which can be read from its start any number of times. */
export interface RequestedCapture {
  readonly name: string;
  readonly size: number;
  /** Why it ends early, besides what its records say: its compressed data is damaged. */
  readonly damage: string | undefined;
  open(): Promise<PacketSource>;
}

async function captureAt(location: ByteLocation): Promise<RequestedCapture> {
  const expanded = await expandedLocation(location);
  const store = storeAt(expanded.location);
  const { damage } = expanded;
  return { name: store.name, size: store.size, damage, open: () => openCapture(new StoreReader(store)) };
}

/** The captures among the files; what isn't one is reported. */
export async function openableCaptures(
  locations: readonly ByteLocation[],
  report: (message: WorkerMessage) => void,
): Promise<RequestedCapture[]> {
  const openable: RequestedCapture[] = [];
  for (const location of locations) {
    const { name } = location;
    if (openable.length === MAX_FILES) {
      const message = `only the first ${MAX_FILES} captures are indexed`;
      report({ kind: 'problem', name, message, fatal: false });
      break;
    }
    try {
      const capture = await captureAt(location);
      const source = await capture.open();
      await source.close();
      openable.push(capture);
    } catch (error) {
      if (!(error instanceof CaptureError || error instanceof StoreError)) throw error;
      report({ kind: 'problem', name, message: error.message, fatal: false });
    }
  }
  return openable;
}
