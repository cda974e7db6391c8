/** Opens a device in whichever way this user may. */
import type { CaptureBatch, CaptureError } from '../../capture/index.js';
import { DeviceSource, LiveError } from '../../live/index.js';
import { DumpcapSource } from './dumpcap-source.js';

/** A running capture. */
export interface LiveSource {
  /** Why it ended by itself, if it did. Valid once `next` has returned `undefined`. */
  readonly damage: CaptureError | undefined;
  /** Packets that the kernel dropped; undefined if unknown. */
  readonly kernelDrops: number | undefined;
  next(): Promise<CaptureBatch | undefined>;
  stop(): void;
  close(): Promise<void>;
}

/** Errors of `DeviceSource` that dumpcap may not have. */
const WITHOUT_CAP: readonly string[] = ['CAP_UNAVAILABLE', 'NOT_PERMITTED'];

/**
 * Opens a device with the cap package or, where that is missing or needs privileges that Wireshark's own dumpcap has,
 * with dumpcap.
 * @param filters in order of preference
 * @throws LiveError as `DeviceSource.open`
 */
export async function openLiveSource(device: string, filters: readonly string[]): Promise<LiveSource> {
  try {
    return await DeviceSource.open(device, { filters });
  } catch (error) {
    if (!(error instanceof LiveError) || !WITHOUT_CAP.includes(error.code)) throw error;
    try {
      return await DumpcapSource.open(device, filters);
    } catch (second) {
      if (!(second instanceof LiveError)) throw second;
      throw new LiveError(second.code, `${error.message}; with dumpcap: ${second.message}`, { cause: second });
    }
  }
}
