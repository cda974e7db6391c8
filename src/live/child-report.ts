/** What the processes that have a device open tell the one that started them: lines of JSON on a pipe of their own. */
import { writeSync } from 'node:fs';
import type { LiveErrorCode } from './error.js';

/** The pipe's descriptor in the child. */
export const REPORT_DESCRIPTOR = 3;

/** How far an injection is. */
export interface SentCounts {
  readonly packets: number;
  readonly bytes: number;
  /** From when the first packet was due to when the last went, in seconds. */
  readonly seconds: number;
  /** How late a packet went at the worst, in seconds. */
  readonly worstLate: number;
  /** What the system said of packets that it didn't take, and how often. */
  readonly refused: Readonly<Record<string, number>>;
}

/** A line. */
export type ChildReport =
  | { readonly kind: 'opened'; readonly linkType: number }
  | { readonly kind: 'failed'; readonly code: LiveErrorCode; readonly message: string }
  /** Packets that the kernel dropped; null where that can't be known. */
  | { readonly kind: 'drops'; readonly drops: number | null }
  | { readonly kind: 'sent'; readonly counts: SentCounts };

/** What the child that captures is told. */
export interface CaptureOrder {
  readonly device: string;
  /** Of libpcap; empty for all packets. */
  readonly filter: string;
  readonly bufferBytes: number;
}

/** Tells the parent something, before anything else is done: the process may be gone at the loop's next turn. */
export function tell(report: ChildReport): void {
  writeSync(REPORT_DESCRIPTOR, `${JSON.stringify(report)}\n`);
}
