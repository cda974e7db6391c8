/** An inbound SA: its key in a cipher, its replay window, its counters. */
import type { Aead } from '../aead/portable.js';
import { getWord } from '../memory/internal.js';
import { CipherKey } from './cipher-key.js';
import { ESP_DROPS, type EspDrop } from './esp-drop.js';
import { Lifetime } from './lifetime.js';
import { ReplayWindow } from './replay-window.js';
import { checkSecurityAssociation, EspMode, type SecurityAssociation } from './security-association.js';

/** Options of an inbound SA. */
export interface InboundSaOptions {
  /**
   * Creation time, in seconds of the packets' clock.
   * @default 0
   */
  readonly created?: number;
  /**
   * Accept any first sequence number, for captures that start mid-SA. With ESN, flush after that first packet: packets
   * in the same batch are opened with the high-order half guessed before it.
   * @default false
   */
  readonly midStream?: boolean;
  /**
   * Infer tunnel mode and UDP encapsulation from the packets, whatever the SA says: for keys from files that record
   * neither.
   * @default false
   */
  readonly inferMode?: boolean;
  /**
   * Accept packets from addresses other than its source, for captures taken behind a NAT. Default: true for an SA with
   * UDP encapsulation, whose peer's address a NAT may change at any time, or without a source (0.0.0.0 or ::); false
   * for others (RFC 4301 section 5.2).
   */
  readonly anySource?: boolean;
  /** The window of the SA that this one replaces, so that its packets can't be replayed. */
  readonly window?: ReplayWindow;
}

/** A security association to open packets with. */
export class InboundSa {
  readonly spi: number;
  readonly family: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly tunnel: boolean;
  /** Whether its packets are encapsulated in UDP. */
  readonly encap: boolean;
  readonly inferMode: boolean;
  /** Whether its packets may come from any address. */
  readonly anySource: boolean;
  /** The source's first word; all of it for IPv4. */
  readonly sourceWord: number;
  readonly icvLength: number;
  readonly esn: boolean;
  readonly window: ReplayWindow;
  readonly lifetime: Lifetime;
  /** @internal */
  readonly cipherKey: CipherKey;
  /** The salt as a 32-bit word in network order; `close` wipes it. */
  salt: number;
  /** Packets accepted, with a correct ICV. */
  verified = 0;
  /** Packets dropped, by `EspDrop`. */
  readonly drops = new Float64Array(ESP_DROPS);

  /**
   * @param aead the cipher that will open its packets
   * @throws IpsecError for invalid parameters
   */
  constructor(sa: SecurityAssociation, aead: Aead, options: InboundSaOptions = {}) {
    const { family, source, destination } = checkSecurityAssociation(sa);
    this.spi = sa.spi;
    this.family = family;
    this.source = source;
    this.destination = destination;
    this.tunnel = sa.mode === EspMode.Tunnel;
    this.encap = sa.encap !== undefined;
    this.inferMode = options.inferMode ?? false;
    this.anySource = options.anySource ?? (this.encap || source.every((byte) => byte === 0));
    this.sourceWord = getWord(source, 0);
    this.icvLength = sa.icvLength;
    this.esn = sa.esn;
    const midStream = options.midStream ?? false;
    this.window = options.window ?? new ReplayWindow(sa.replayWindow, midStream);
    if (midStream && sa.sequence !== undefined) this.window.expect(sa.esn ? sa.sequence.high : 0, sa.sequence.low);
    this.lifetime = new Lifetime(sa.limits, options.created);
    this.cipherKey = new CipherKey(sa.keymat, aead);
    this.salt = sa.keymat.salt;
  }

  /** Key id in the cipher; `NO_KEY` once it is closed. */
  get key(): number {
    return this.cipherKey.id;
  }

  /** Counts a dropped packet. */
  refuse(drop: EspDrop): EspDrop {
    this.drops[drop]++;
    return drop;
  }

  /**
   * Whether a packet's source is the SA's.
   * @param bytes holds the address at `offset`
   */
  isFrom(bytes: Uint8Array, offset: number): boolean {
    if (this.anySource) return true;
    const { source } = this;
    for (let i = 0; i < source.length; i++) if (bytes[offset + i] !== source[i]) return false;
    return true;
  }

  /**
   * Closes the SA, which accepts no further packets. The key is wiped once the packets already pushed have been opened.
   */
  close(): void {
    this.cipherKey.close();
    this.salt = 0;
  }
}
