/**
 * An SA at the end that sends: its key in a cipher, the sequence number, and the mask that makes nonces of it.
 *
 * The IV is the sequence number XOR a random 64-bit mask drawn when the SA is made (as the kernel's seqiv does): within
 * an SA no sequence number is sent twice, so no nonce is; the same key under the same salt in a second SA (a restart, a
 * collision of SPIs) has another mask, and docs/security.md says how likely an overlap is.
 */
import type { Aead } from '../aead/aead.js';
import { CipherKey } from './cipher-key.js';
import { IpsecError } from './error.js';
import { EspDrop } from './esp-drop.js';
import { Lifetime } from './lifetime.js';
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

/** Writes sequence numbers down before they are used, so that a restart doesn't use them again. */
export interface SequenceReserver {
  /**
   * Raises an SA's ceiling.
   * @returns whether it did; it never throws
   */
  extend(sa: OutboundSa): boolean;
}

/** How an SA is begun. */
export interface OutboundSaOptions {
  /**
   * 8 bytes from a cryptographic random source, drawn anew for every SA that is made: also after a restart. Copied.
   */
  readonly ivMask: Uint8Array;
  /** When it was made, in seconds of the clock that packets go by; 0 if not said. */
  readonly created?: number;
  /** The last sequence number that was sent; none (0) if not said. */
  readonly sequence?: { readonly high: number; readonly low: number };
  /** Asked for sequence numbers before they are used; without, all may be. */
  readonly reserver?: SequenceReserver;
}

/** A security association to seal packets with. */
export class OutboundSa {
  readonly spi: number;
  readonly family: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly tunnel: boolean;
  /** Whether it is what nearly every one is: transport mode over IPv4, not in UDP. */
  readonly plain: boolean;
  /** UDP ports of the encapsulation, or 0 for none. */
  readonly encapSourcePort: number;
  readonly encapDestinationPort: number;
  readonly icvLength: number;
  readonly esn: boolean;
  readonly lifetime: Lifetime;
  /** @internal */
  readonly cipherKey: CipherKey;
  /** The salt as a 32-bit word in network order. */
  salt: number;
  /** The last sequence number that was sent. */
  sequenceHigh: number;
  sequenceLow: number;
  /** The last sequence number that may be used without asking for more. */
  ceilingHigh: number;
  ceilingLow: number;
  readonly ivMaskHigh: number;
  readonly ivMaskLow: number;
  /** IPv4 identification of the next tunnel-mode packet. */
  identification: number;

  readonly #reserver: SequenceReserver | undefined;

  /**
   * @param aead the cipher that will seal its packets
   * @throws IpsecError for parameters that don't hold; `BAD_IV_MASK` for a mask that isn't 8 bytes
   */
  constructor(sa: SecurityAssociation, aead: Aead, options: OutboundSaOptions) {
    const { family, source, destination } = checkSecurityAssociation(sa);
    const { ivMask, sequence = { high: 0, low: 0 } } = options;
    const name = `SPI ${formatSpi(sa.spi)}`;
    checkSequence(sequence, name);
    if (ivMask.length !== IV_MASK_BYTES) {
      throw new IpsecError('BAD_IV_MASK', `${name}: the mask of the IVs has 8 random bytes, not ${ivMask.length}`);
    }
    this.spi = sa.spi;
    this.family = family;
    this.source = source;
    this.destination = destination;
    this.tunnel = sa.mode === EspMode.Tunnel;
    this.encapSourcePort = sa.encap?.sourcePort ?? 0;
    this.encapDestinationPort = sa.encap?.destinationPort ?? 0;
    this.plain = !this.tunnel && family === 4 && this.encapDestinationPort === 0;
    this.icvLength = sa.icvLength;
    this.esn = sa.esn;
    this.lifetime = new Lifetime(sa.limits, options.created);
    this.sequenceHigh = sa.esn ? sequence.high : 0;
    this.sequenceLow = sequence.low;
    this.#reserver = options.reserver;
    this.ceilingHigh = this.#reserver !== undefined ? this.sequenceHigh : sa.esn ? LAST_32 : 0;
    this.ceilingLow = this.#reserver !== undefined ? this.sequenceLow : LAST_32;
    this.ivMaskHigh = (ivMask[0] << 24) | (ivMask[1] << 16) | (ivMask[2] << 8) | ivMask[3];
    this.ivMaskLow = (ivMask[4] << 24) | (ivMask[5] << 16) | (ivMask[6] << 8) | ivMask[7];
    this.identification = this.ivMaskLow & 0xffff;
    this.cipherKey = new CipherKey(sa.keymat, aead);
    this.salt = sa.keymat.salt;
  }

  /** Id of its key in the cipher; `NO_KEY` once it is closed. */
  get key(): number {
    return this.cipherKey.id;
  }

  /** Whether its packets go in UDP. */
  get encap(): boolean {
    return this.encapDestinationPort !== 0;
  }

  /** Whether no sequence number is left: 2^32 - 1 were sent, 2^64 - 1 with ESN (RFC 4303 section 3.3.3). */
  get exhausted(): boolean {
    return this.sequenceLow === LAST_32 && (!this.esn || this.sequenceHigh === LAST_32);
  }

  /**
   * Called where the ceiling is reached.
   * @returns `None` if there are more sequence numbers now, or `SequenceExhausted`, `SequenceNotReserved`
   */
  raiseCeiling(): EspDrop {
    if (this.exhausted) return EspDrop.SequenceExhausted;
    return this.#reserver?.extend(this) === true ? EspDrop.None : EspDrop.SequenceNotReserved;
  }

  /** Steps to the next sequence number, which must not lie beyond the ceiling. */
  step(): void {
    if (this.sequenceLow === LAST_32) {
      this.sequenceLow = 0;
      this.sequenceHigh++;
    } else {
      this.sequenceLow++;
    }
  }

  /** Wipes the key, once packets that were pushed before are sealed. The SA takes no packet afterwards. */
  close(): void {
    this.cipherKey.close();
    this.salt = 0;
  }
}
