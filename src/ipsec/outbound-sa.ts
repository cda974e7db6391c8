/**
 * An outbound SA: its key in a cipher, the sequence number, and the mask that turns it into nonces.
 *
 * The IV is the sequence number XOR a random 64-bit mask drawn when the SA is created (as the kernel's seqiv does):
 * within an SA no sequence number is reused, so no nonce is. A second SA with the same key and salt (a restart, an SPI
 * collision) has another mask; docs/security.md says how likely an overlap is.
 */
import type { Aead } from '../aead/portable.js';
import { getWord } from '../memory/internal.js';
import { IPV4_HEADER_LEN, IPV6_HEADER_LEN, UDP_HEADER_LEN } from '../wire/index.js';
import { IpsecError } from './error.js';
import { EspDrop } from './esp-drop.js';
import { ESP_HEADER_BYTES } from './esp-format.js';
import { SaRecord } from './sa-record.js';
import { SaFlag, SaWord } from './sa-table.js';
import {
  checkSecurityAssociation,
  checkSequence,
  EspMode,
  formatSpi,
  type SecurityAssociation,
} from './security-association.js';

/** Bytes of the mask. */
export const IV_MASK_BYTES = 8;
const LAST_32 = 0xffffffff;

/** Persists sequence numbers before they are used, so that a restart doesn't reuse them. */
export interface SequenceReserver {
  /**
   * Raises an SA's ceiling.
   * @returns whether it did; it never throws
   */
  extend(sa: OutboundSa): boolean;
}

/** Initial state of an outbound SA. */
export interface OutboundSaOptions {
  /** 8 bytes from a cryptographic random source, drawn for every SA, also after a restart. Copied. */
  readonly ivMask: Uint8Array;
  /**
   * Creation time, in seconds of the packets' clock.
   * @default 0
   */
  readonly created?: number;
  /**
   * The last sequence number sent.
   * @default 0 (none)
   */
  readonly sequence?: { readonly high: number; readonly low: number };
  /** Asked for sequence numbers before they are used. Default: none; all may be used. */
  readonly reserver?: SequenceReserver;
}

/** A security association to seal packets with. */
export class OutboundSa extends SaRecord {
  readonly family: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  /** UDP ports of the encapsulation, or 0 for none. */
  readonly encapSourcePort: number;
  readonly encapDestinationPort: number;
  readonly #reserver: SequenceReserver | undefined;

  /**
   * @param aead the cipher that will seal its packets
   * @throws IpsecError for invalid parameters; `BAD_IV_MASK` for a mask that isn't 8 bytes
   */
  constructor(sa: SecurityAssociation, aead: Aead, options: OutboundSaOptions) {
    const { family, source, destination } = checkSecurityAssociation(sa);
    const { ivMask, sequence = { high: 0, low: 0 }, reserver } = options;
    const name = `SPI ${formatSpi(sa.spi)}`;
    checkSequence(sequence, name);
    if (ivMask.length !== IV_MASK_BYTES) {
      throw new IpsecError('BAD_IV_MASK', `${name}: an IV mask has 8 random bytes, not ${ivMask.length}`);
    }
    const tunnel = sa.mode === EspMode.Tunnel;
    const encap = sa.encap !== undefined;
    const plain = !tunnel && family === 4 && !encap;
    const flags =
      sa.icvLength |
      (sa.esn ? SaFlag.Esn : 0) |
      (tunnel ? SaFlag.Tunnel : 0) |
      (encap ? SaFlag.Encap : 0) |
      (plain ? SaFlag.Plain : 0);
    super(sa.spi, sa.keymat, aead, flags, sa.limits, options.created);
    this.family = family;
    this.source = source;
    this.destination = destination;
    this.encapSourcePort = sa.encap?.sourcePort ?? 0;
    this.encapDestinationPort = sa.encap?.destinationPort ?? 0;
    this.#reserver = reserver;
    const ip = tunnel ? (family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN) : 0;
    const headroom = ESP_HEADER_BYTES + (encap ? UDP_HEADER_LEN : 0) + ip;
    const { words } = this.memory;
    words[SaWord.SequenceHigh] = sa.esn ? sequence.high : 0;
    words[SaWord.SequenceLow] = sequence.low;
    words[SaWord.CeilingHigh] = reserver !== undefined ? this.sequenceHigh : sa.esn ? LAST_32 : 0;
    words[SaWord.CeilingLow] = reserver !== undefined ? this.sequenceLow : LAST_32;
    words[SaWord.MaskHigh] = getWord(ivMask, 0);
    words[SaWord.MaskLow] = getWord(ivMask, 4);
    words[SaWord.Identification] = (headroom << 16) | (this.ivMaskLow & 0xffff);
  }

  /** Whether it is the common case: transport mode over IPv4, not in UDP. */
  get plain(): boolean {
    return this.has(SaFlag.Plain);
  }

  /** Free bytes needed before an IP packet for the headers: ESP's, and UDP's and an IP header if there are any. */
  get headroom(): number {
    return this.memory.words[this.at + SaWord.Identification] >>> 16;
  }

  /** The last sequence number sent. */
  get sequenceHigh(): number {
    return this.memory.words[this.at + SaWord.SequenceHigh] >>> 0;
  }

  set sequenceHigh(high: number) {
    this.memory.words[this.at + SaWord.SequenceHigh] = high;
  }

  get sequenceLow(): number {
    return this.memory.words[this.at + SaWord.SequenceLow] >>> 0;
  }

  set sequenceLow(low: number) {
    this.memory.words[this.at + SaWord.SequenceLow] = low;
  }

  /** The last sequence number that may be used without asking for more. */
  get ceilingHigh(): number {
    return this.memory.words[this.at + SaWord.CeilingHigh] >>> 0;
  }

  set ceilingHigh(high: number) {
    this.memory.words[this.at + SaWord.CeilingHigh] = high;
  }

  get ceilingLow(): number {
    return this.memory.words[this.at + SaWord.CeilingLow] >>> 0;
  }

  set ceilingLow(low: number) {
    this.memory.words[this.at + SaWord.CeilingLow] = low;
  }

  get ivMaskHigh(): number {
    return this.memory.words[this.at + SaWord.MaskHigh];
  }

  get ivMaskLow(): number {
    return this.memory.words[this.at + SaWord.MaskLow];
  }

  /** IPv4 identification of the next tunnel-mode packet. */
  get identification(): number {
    return this.memory.words[this.at + SaWord.Identification] & 0xffff;
  }

  set identification(value: number) {
    const index = this.at + SaWord.Identification;
    this.memory.words[index] = (this.memory.words[index] & ~0xffff) | (value & 0xffff);
  }

  /** Whether no sequence number is left: 2^32 - 1 were sent, 2^64 - 1 with ESN (RFC 4303 section 3.3.3). */
  get exhausted(): boolean {
    return this.sequenceLow === LAST_32 && (!this.esn || this.sequenceHigh === LAST_32);
  }

  /**
   * Called when the ceiling is reached.
   * @returns `None` if there are more sequence numbers now, or `SequenceExhausted`, `SequenceNotReserved`
   */
  raiseCeiling(): EspDrop {
    if (this.exhausted) return EspDrop.SequenceExhausted;
    return this.#reserver?.extend(this) === true ? EspDrop.None : EspDrop.SequenceNotReserved;
  }

  /** Advances to the next sequence number, which must not exceed the ceiling. */
  step(): void {
    const low = (this.memory.words[this.at + SaWord.SequenceLow] + 1) | 0;
    this.memory.words[this.at + SaWord.SequenceLow] = low;
    if (low === 0) this.memory.words[this.at + SaWord.SequenceHigh]++;
  }
}
