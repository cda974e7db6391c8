/** Events about SAs for a node's operator. */

/** Kinds of events. */
export const SaEventKind = {
  /** At its current rate, an outbound SA ends before the expected next rotation: rotate early. */
  RunningOut: 'running-out',
  /** An SA reached a soft limit. */
  SoftLimit: 'soft-limit',
  /**
   * An SA stopped sending: its sequence numbers are used up, or it reached a hard limit. The next rotation replaces it.
   */
  Stopped: 'stopped',
  /** Another peer's SA holds the SPI of this peer's packets: they can't be decrypted until that SA is gone. */
  SpiCollision: 'spi-taken',
  /** The SPI with this peer under this key is 0, which is reserved (RFC 4303 section 2.1). */
  NoSpi: 'no-spi',
} as const;
export type SaEventKind = (typeof SaEventKind)[keyof typeof SaEventKind];

/** An event; each occurs once per SA. */
export interface SaEvent {
  readonly kind: SaEventKind;
  /** The peer's id. */
  readonly peer: number;
  /** Tag of the key. */
  readonly tag: number;
  readonly spi: number;
  /** A description. */
  readonly text: string;
  /** For `running-out`: seconds until the SA ends, and packets per second. */
  readonly secondsLeft?: number;
  readonly packetRate?: number;
}
