/** What a node's operator should hear of its SAs. */

/** Kinds of events. */
export const SaEventKind = {
  /** At its present rate an SA that sends ends before the next rotation is to be expected: rotate early. */
  RunningOut: 'running-out',
  /** An SA reached a soft limit. */
  SoftLimit: 'soft-limit',
  /** An SA sends no more: its sequence numbers are used up, or it reached a hard limit. The next rotation replaces it. */
  Stopped: 'stopped',
  /** Another peer's SA has the SPI that this peer's packets come with: they can't be opened until one of both is gone. */
  SpiTaken: 'spi-taken',
  /** The SPI with this peer under this key is 0, which is none (RFC 4303 section 2.1). */
  NoSpi: 'no-spi',
} as const;
export type SaEventKind = (typeof SaEventKind)[keyof typeof SaEventKind];

/** An event; each comes once for an SA. */
export interface SaEvent {
  readonly kind: SaEventKind;
  /** The peer's number. */
  readonly peer: number;
  /** Tag of the key. */
  readonly tag: number;
  readonly spi: number;
  /** In words. */
  readonly text: string;
  /** For `running-out`: seconds until the SA ends, and packets a second. */
  readonly secondsLeft?: number;
  readonly packetRate?: number;
}
