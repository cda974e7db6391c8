/**
 * An outbound SA: its key in a cipher, the sequence number, and the mask that turns it into nonces.
 *
 * The IV is the sequence number XOR a random 64-bit mask drawn when the SA is created (as the kernel's seqiv does):
 * within an SA no sequence number is reused, so no nonce is. A second SA with the same key and salt (a restart, an SPI
 * collision) has another mask; docs/security.md says how likely an overlap is.
 */
import type { Aead } from '../aead/portable.js';
import { IPV4_HEADER_LEN, IPV6_HEADER_LEN, UDP_HEADER_LEN } from '../wire/index.js';
import { CipherKey } from './cipher-key.js';
import { IpsecError } from './error.js';
import { EspDrop } from './esp-drop.js';
import { ESP_HEADER_BYTES } from './esp-format.js';
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
export class OutboundSa {
  readonly spi: number;
  readonly family: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly tunnel: boolean;
  /** Whether it is the common case: transport mode over IPv4, not in UDP. */
  readonly plain: boolean;
  /** UDP ports of the encapsulation, or 0 for none. */
  readonly encapSourcePort: number;
  readonly encapDestinationPort: number;
  /** Free bytes needed before an IP packet for the headers: ESP's, and UDP's and an IP header if there are any. */
  readonly headroom: number;
  readonly icvLength: number;
  readonly esn: boolean;
  readonly lifetime: Lifetime;
  /** @internal */
  readonly cipherKey: CipherKey;
  /** The salt as a 32-bit word in network order. */
  salt: number;
  /** The last sequence number sent. */
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
   * @throws IpsecError for invalid parameters; `BAD_IV_MASK` for a mask that isn't 8 bytes
   */
  constructor(sa: SecurityAssociation, aead: Aead, options: OutboundSaOptions) {
    const { family, source, destination } = checkSecurityAssociation(sa);
    const { ivMask, sequence = { high: 0, low: 0 } } = options;
    const name = `SPI ${formatSpi(sa.spi)}`;
    checkSequence(sequence, name);
    if (ivMask.length !== IV_MASK_BYTES) {
      throw new IpsecError('BAD_IV_MASK', `${name}: an IV mask has 8 random bytes, not ${ivMask.length}`);
    }
    this.spi = sa.spi;
    this.family = family;
    this.source = source;
    this.destination = destination;
    this.tunnel = sa.mode === EspMode.Tunnel;
    this.encapSourcePort = sa.encap?.sourcePort ?? 0;
    this.encapDestinationPort = sa.encap?.destinationPort ?? 0;
    this.plain = !this.tunnel && family === 4 && this.encapDestinationPort === 0;
    const udp = this.encapDestinationPort === 0 ? 0 : UDP_HEADER_LEN;
    const ip = this.tunnel ? (family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN) : 0;
    this.headroom = ESP_HEADER_BYTES + udp + ip;
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

  /** Key id in the cipher; `NO_KEY` once it is closed. */
  get key(): number {
    return this.cipherKey.id;
  }

  /** Whether its packets are encapsulated in UDP. */
  get encap(): boolean {
    return this.encapDestinationPort !== 0;
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
    if (this.sequenceLow === LAST_32) {
      this.sequenceLow = 0;
      this.sequenceHigh++;
    } else {
      this.sequenceLow++;
    }
  }

  /**
   * Closes the SA, which accepts no further packets. The key is wiped once the packets already pushed have been sealed.
   */
  close(): void {
    this.cipherKey.close();
    this.salt = 0;
  }
}
