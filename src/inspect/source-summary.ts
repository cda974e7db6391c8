/** What a report says about a capture besides its packets. */
import type { CaptureNote, PacketSource } from '../capture/portable.js';

/** A capture that was read, without its packets. A `PacketSource` that was read to its end is one, too. */
export interface SourceSummary {
  /** Display name. */
  readonly name: string;
  /** Format of the file, or `live` for a device. */
  readonly format: PacketSource['format'];
  /** Anomalies, with their counts. */
  readonly notes: readonly CaptureNote[];
  /** Why the packets ended before the capture did, if so. */
  readonly damage: { readonly code: string; readonly message: string } | undefined;
}
