/** What a survey of ESP reads of a packet: from the decoder, or from a record of what a decoder found. */
import type { UnderlayDecoder, Verdict } from '../dataplane/index.js';
import type { NonceVerdict } from './nonce-table.js';

/** An ESP packet. */
export type EspPacket = Pick<
  UnderlayDecoder,
  | 'afterIv'
  | 'espAddresses'
  | 'espBytes'
  | 'espFamily'
  | 'espInUdp'
  | 'hasIv'
  | 'icvEnd'
  | 'ivHigh'
  | 'ivLow'
  | 'opened'
  | 'reason'
  | 'sequence'
  | 'sequenceHigh'
  | 'spi'
>;

/** Takes ESP packets: counts them, or records them for a survey of all files. */
export interface EspSink {
  /** Ids of the last packet's addresses. */
  readonly source: number;
  readonly destination: number;
  /** What the last packet's IV is. */
  readonly nonce: NonceVerdict;
  /** Takes the packet that was decoded last, which must be ESP. */
  add(packet: EspPacket, verdict: Verdict): void;
}
