/** Reports from a device process to its parent: lines of JSON on a separate pipe. */
import { writeSync } from 'node:fs';
import type { LiveErrorCode } from '../error.js';

/** The pipe's descriptor in the child. */
export const REPORT_DESCRIPTOR = 3;

/** Progress of an injection. */
export interface SentCounts {
  readonly packets: number;
  readonly bytes: number;
  /** Time from when the first packet was due until the last was sent, in seconds. */
  readonly seconds: number;
  /** Maximum delay of a packet, in seconds. */
  readonly worstLate: number;
  /** Counts of packets that the system refused, by its error message. */
  readonly refused: Readonly<Record<string, number>>;
}

/** One line of a report. */
export type ChildReport =
  | { readonly kind: 'opened'; readonly linkType: number }
  | { readonly kind: 'failed'; readonly code: LiveErrorCode; readonly message: string }
  /** Packets that the kernel dropped; null if unknown. */
  | { readonly kind: 'drops'; readonly drops: number | null }
  | { readonly kind: 'sent'; readonly counts: SentCounts };

/** Parameters of the capturing child. */
export interface CaptureOrder {
  readonly device: string;
  /** libpcap filter; empty for all packets. */
  readonly filter: string;
  readonly bufferBytes: number;
}

/** Sends a report to the parent synchronously, since the process may be gone at the next turn of the event loop. */
export function report(report: ChildReport): void {
  writeSync(REPORT_DESCRIPTOR, `${JSON.stringify(report)}\n`);
}
