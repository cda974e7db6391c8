/** An inbound SA: its key in a cipher, its replay window, its counters. */
import type { Aead } from '../aead/portable.js';
import { getWord } from '../memory/internal.js';
import { ESP_DROPS, EspDrop } from './esp-drop.js';
import { ReplayVerdict, ReplayWindow } from './replay-window.js';
import { SaRecord } from './sa-record.js';
import { ROW_WORDS, SaFlag, SaFloat, type SaMemory, SaWord } from './sa-table.js';
import { checkSecurityAssociation, EspMode, type SecurityAssociation } from './security-association.js';

/** Why packets are dropped before their sequence numbers are looked at. */
const BEFORE_NUMBER: ReadonlySet<EspDrop> = new Set([
  EspDrop.NoSa,
  EspDrop.TooShort,
  EspDrop.Fragment,
  EspDrop.EncapMismatch,
  EspDrop.NoRoom,
  EspDrop.SourceMismatch,
]);

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
export class InboundSa extends SaRecord {
  readonly window: ReplayWindow;
  readonly family: 4 | 6;
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  #drops: Float64Array | undefined;

  /**
   * @param aead the cipher that will open its packets
   * @throws IpsecError for invalid parameters
   */
  constructor(sa: SecurityAssociation, aead: Aead, options: InboundSaOptions = {}) {
    const { family, source, destination } = checkSecurityAssociation(sa);
    const { inferMode = false, midStream = false } = options;
    const encap = sa.encap !== undefined;
    const anySource = options.anySource ?? (encap || source.every((byte) => byte === 0));
    const window = options.window ?? new ReplayWindow(sa.replayWindow, midStream);
    if (midStream && sa.sequence !== undefined) window.expect(sa.esn ? sa.sequence.high : 0, sa.sequence.low);
    const flags =
      sa.icvLength |
      (sa.esn ? SaFlag.Esn : 0) |
      (sa.mode === EspMode.Tunnel ? SaFlag.Tunnel : 0) |
      (encap ? SaFlag.Encap : 0) |
      (inferMode ? SaFlag.InferMode : 0) |
      (anySource ? SaFlag.AnySource : 0) |
      (window.midStream ? SaFlag.MidStream : 0);
    super(sa.spi, sa.keymat, aead, flags, sa.limits, options.created);
    this.window = window;
    this.family = family;
    this.source = source;
    this.destination = destination;
    const { words } = this.memory;
    words[SaWord.Source] = getWord(source, 0);
    words[SaWord.Destination] = getWord(destination, 0);
    words[SaWord.WindowSize] = window.size;
    words[SaWord.WindowMask] = window.mask;
  }

  /** @internal */
  override get rowWords(): number {
    return ROW_WORDS + this.window.words;
  }

  /** @internal */
  override moveTo(memory: SaMemory, at: number): void {
    super.moveTo(memory, at);
    // The window may be in the row of an SA that this one replaces.
    if (!this.window.isAlone) return;
    this.window.moveTo(memory, at + ROW_WORDS);
    memory.words[at + SaWord.Flags] |= SaFlag.OwnWindow;
  }

  /** @internal */
  override moveOut(): void {
    if (this.has(SaFlag.OwnWindow)) this.window.moveOut();
    super.moveOut();
    this.memory.words[SaWord.Flags] &= ~SaFlag.OwnWindow;
  }

  get inferMode(): boolean {
    return this.has(SaFlag.InferMode);
  }

  /** Whether its packets may come from any address. */
  get anySource(): boolean {
    return this.has(SaFlag.AnySource);
  }

  /** The source's first word; all of it for IPv4. */
  get sourceWord(): number {
    return this.memory.words[this.at + SaWord.Source];
  }

  /** Packets accepted, with a correct ICV. */
  get verified(): number {
    return this.memory.floats[(this.at >>> 1) + SaFloat.Verified];
  }

  set verified(count: number) {
    this.memory.floats[(this.at >>> 1) + SaFloat.Verified] = count;
  }

  /** Packets dropped, by `EspDrop`. */
  get drops(): Float64Array {
    // Most SAs drop nothing, and an array costs more than the row.
    this.#drops ??= new Float64Array(ESP_DROPS);
    return this.#drops;
  }

  /** Counts a dropped packet. */
  refuse(drop: EspDrop): EspDrop {
    this.drops[drop]++;
    return drop;
  }

  /**
   * @internal Takes over what another SA with the same keys did with a packet, whose number alone is known: the window
   * advances as if it had been opened here.
   * @param bytes holds the packet's source address at `addressOffset`
   * @param low lower half of its sequence number
   * @param high upper half, as the other SA inferred it
   * @param drop what the other SA did
   * @returns false if this SA would have done something else, or it can't be known. It is then useless
   */
  follow(bytes: Uint8Array, addressOffset: number, inUdp: boolean, low: number, high: number, drop: EspDrop): boolean {
    const refused = this.#refusal(bytes, addressOffset, inUdp);
    if (refused !== EspDrop.None || BEFORE_NUMBER.has(drop)) {
      this.refuse(drop);
      return refused === EspDrop.None ? drop === EspDrop.TooShort : refused === drop;
    }
    // Limits count bytes and seconds, which aren't known.
    if (this.has(SaFlag.Limited) || drop === EspDrop.Expired) return false;
    const { window } = this;
    const here = this.has(SaFlag.Esn) ? window.inferHigh(low) : 0;
    const verdict = window.check(here, low);
    if (verdict !== ReplayVerdict.Fresh) {
      this.refuse(drop);
      return drop === (verdict === ReplayVerdict.Replayed ? EspDrop.Replayed : EspDrop.OutsideWindow);
    }
    if (here !== high || drop === EspDrop.Replayed || drop === EspDrop.OutsideWindow) return false;
    if (drop !== EspDrop.WrongIcv) window.update(here, low);
    if (drop === EspDrop.None) this.verified++;
    else this.refuse(drop);
    return true;
  }

  #refusal(bytes: Uint8Array, addressOffset: number, inUdp: boolean): EspDrop {
    if (!this.isFrom(bytes, addressOffset)) return EspDrop.SourceMismatch;
    return inUdp !== this.encap && !this.inferMode ? EspDrop.EncapMismatch : EspDrop.None;
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
}
