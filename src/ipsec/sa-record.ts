/** What inbound and outbound SAs have in common: a row with their state, and a key in a cipher. */
import type { Aead } from '../aead/portable.js';
import { type Keymat, NO_KEY } from './keymat.js';
import { Lifetime, type LifetimeCounters, type SaLimits } from './lifetime.js';
import { ownMemory, ROW_WORDS, SaFlag, SaFloat, type SaMemory, SaWord } from './sa-table.js';

/** An SA as a view of its row. It is a `Movable` too, by members that the types of the package don't have. */
export abstract class SaRecord implements LifetimeCounters {
  /** @internal Where the row is. */
  memory: SaMemory;
  /** @internal Index of the row's first word. */
  at = 0;
  /** What the SA has carried, against its limits. */
  readonly lifetime: Lifetime;
  readonly #aead: Aead;
  /** The key to remove once no packet needs it. */
  readonly #keyId: number;

  /**
   * @param aead the cipher that the key is added to
   * @param flags `SaFlag`
   * @throws AeadError `BAD_KEY_LENGTH`, `TOO_MANY_KEYS`; IpsecError `BAD_LIMIT`
   */
  constructor(spi: number, keymat: Keymat, aead: Aead, flags: number, limits?: SaLimits, created?: number) {
    const lifetime = new Lifetime(limits, created);
    this.memory = ownMemory(ROW_WORDS);
    this.#aead = aead;
    this.#keyId = keymat.addTo(aead);
    this.lifetime = lifetime.countIn(this);
    const { words } = this.memory;
    words[SaWord.Spi] = spi;
    words[SaWord.Salt] = keymat.salt;
    words[SaWord.Key] = this.#keyId;
    words[SaWord.Flags] = flags | (lifetime.limited ? SaFlag.Limited : 0);
  }

  get spi(): number {
    return this.memory.words[this.at + SaWord.Spi] >>> 0;
  }

  /** Key id in the cipher; `NO_KEY` once it is closed. */
  get key(): number {
    return this.memory.words[this.at + SaWord.Key];
  }

  /** The salt as a 32-bit word in network order; `close` wipes it. */
  get salt(): number {
    return this.memory.words[this.at + SaWord.Salt];
  }

  get icvLength(): number {
    return this.memory.words[this.at + SaWord.Flags] & SaFlag.IcvMask;
  }

  get esn(): boolean {
    return this.has(SaFlag.Esn);
  }

  get tunnel(): boolean {
    return this.has(SaFlag.Tunnel);
  }

  /** Whether its packets are encapsulated in UDP. */
  get encap(): boolean {
    return this.has(SaFlag.Encap);
  }

  /** @internal */
  get packets(): number {
    return this.memory.floats[(this.at >>> 1) + SaFloat.Packets];
  }

  set packets(count: number) {
    this.memory.floats[(this.at >>> 1) + SaFloat.Packets] = count;
  }

  /** @internal */
  get bytes(): number {
    return this.memory.floats[(this.at >>> 1) + SaFloat.Bytes];
  }

  set bytes(count: number) {
    this.memory.floats[(this.at >>> 1) + SaFloat.Bytes] = count;
  }

  /**
   * Closes the SA, which accepts no further packets. The key is wiped once the packets already pushed have been
   * processed.
   */
  close(): void {
    if (this.key === NO_KEY) return;
    const { words } = this.memory;
    words[this.at + SaWord.Key] = NO_KEY;
    words[this.at + SaWord.Salt] = 0;
    if (words[this.at + SaWord.Pending] === 0) this.removeKey();
  }

  /** @internal */
  get isAlone(): boolean {
    return !this.memory.shared;
  }

  /** @internal */
  get rowWords(): number {
    return ROW_WORDS;
  }

  /** @internal */
  moveTo(memory: SaMemory, at: number): void {
    const { words } = this.memory;
    for (let i = 0; i < ROW_WORDS; i++) {
      memory.words[at + i] = words[this.at + i];
      // Wipes the salt.
      words[this.at + i] = 0;
    }
    this.memory = memory;
    this.at = at;
  }

  /** @internal */
  moveOut(): void {
    SaRecord.prototype.moveTo.call(this, ownMemory(ROW_WORDS), 0);
  }

  /** @internal Removes a closed SA's key, with the last packet that needed it. */
  removeKey(): void {
    this.#aead.removeKey(this.#keyId);
  }

  /** @internal Whether a flag is set. */
  has(flag: number): boolean {
    return (this.memory.words[this.at + SaWord.Flags] & flag) !== 0;
  }

  /** Its SPI and counters; neither its salt nor the rows of other SAs. */
  toJSON(): object {
    const { spi, icvLength, esn, tunnel, packets, bytes } = this;
    return { spi, icvLength, esn, tunnel, packets, bytes };
  }

  /** The same, for console.log. */
  [Symbol.for('nodejs.util.inspect.custom')](): object {
    return { ...this.toJSON() };
  }
}
