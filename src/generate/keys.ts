/** The keys of generated ESP: from the seed, so that the same capture can be made again. They protect nothing. */
import { hkdfSha256 } from '../aead/index.js';
import { formatEspSa, formatSpi, type SecurityAssociation } from '../ipsec/index.js';
import { encodeHex } from '../memory/internal.js';
import { ClusterKey, deriveSa, KeyRing, type Node, type Profile } from '../overlay/index.js';
import { SeededRandom } from '../replay/random.js';

/** Tag of the oldest key. */
const FIRST_TAG = 29_943;
/** Keys of a node: oldest, current and next. */
const SWARM_KEYS = 3;
const KEY_BYTES = 16;
const IV_MASK_BYTES = 8;
/** So that keys aren't the words that the traffic is drawn from. */
const KEY_SEED = 0x6b657973;
/** Docker's request id of its SAs. */
const REQUEST_ID = 13_681_891;

/** An SA of the capture. */
export interface PlannedSa {
  readonly association: SecurityAssociation;
  readonly ivMask: Uint8Array;
  /** Whether the key files have its key. */
  readonly known: boolean;
  /** The first sequence number, of its low 32 bits. */
  readonly first: number;
}

/** A cluster's key ring, and the SAs that follow from it. */
export class SaTable {
  readonly sas: PlannedSa[] = [];
  readonly ring: KeyRing;
  readonly #profile: Profile;
  readonly #random: SeededRandom;
  readonly #rotations: number;
  readonly #pairs = new Map<string, readonly number[]>();

  constructor(seed: number, profile: Profile, rotations: number) {
    this.#random = new SeededRandom(seed ^ KEY_SEED);
    this.#profile = profile;
    this.#rotations = rotations;
    const random = (bytes: Uint8Array): void => this.#random.fill(bytes);
    this.ring = KeyRing.generate({ random, count: SWARM_KEYS + rotations, keyBytes: KEY_BYTES, firstTag: FIRST_TAG });
  }

  /** The key that nodes send with after some rotations. */
  #current(rotation: number): ClusterKey {
    return this.ring.keys[1 + rotation];
  }

  /** The SAs from one node to another, one per rotation. */
  between(source: Node, destination: Node): readonly number[] {
    const name = `${source.name} ${destination.name}`;
    let found = this.#pairs.get(name);
    if (found === undefined) {
      found = this.add(source.vtep, destination.vtep);
      this.#pairs.set(name, found);
    }
    return found;
  }

  /**
   * Adds SAs, one per rotation.
   * @param first the first sequence number
   */
  add(source: Uint8Array, destination: Uint8Array, first = 1): readonly number[] {
    return Array.from({ length: 1 + this.#rotations }, (_, rotation) => {
      return this.#add(this.#current(rotation), source, destination, true, first);
    });
  }

  /** Adds an SA of a key that isn't in the ring. */
  addUnknown(source: Uint8Array, destination: Uint8Array): readonly number[] {
    const bytes = new Uint8Array(KEY_BYTES);
    this.#random.fill(bytes);
    const key = new ClusterKey(FIRST_TAG - 20_000, bytes);
    return [this.#add(key, source, destination, false, 1)];
  }

  #add(key: ClusterKey, source: Uint8Array, destination: Uint8Array, known: boolean, first: number): number {
    const association = deriveSa(this.#profile, { key, source, destination }, hkdfSha256);
    const ivMask = new Uint8Array(IV_MASK_BYTES);
    this.#random.fill(ivMask);
    return this.sas.push({ association, ivMask, known, first }) - 1;
  }

  /** The SAs that key files have. */
  get known(): SecurityAssociation[] {
    return this.sas.filter(({ known }) => known).map(({ association }) => association);
  }

  /** Wireshark's `esp_sa`. It contains keys. */
  espSa(): string {
    return formatEspSa(this.known);
  }

  /** Commands that set up the SAs on a Linux host. They contain keys. */
  xfrmCommands(): string {
    const lines = this.known.map(({ spi, source, destination, mode, keymat, icvLength, esn, replayWindow }) => {
      const window = esn ? ` replay-window ${replayWindow} flag esn` : '';
      const cipher = `aead 'rfc4106(gcm(aes))' 0x${keymat.use(encodeHex)} ${icvLength * 8}`;
      const pair = `src ${source} dst ${destination} proto esp spi ${formatSpi(spi)}`;
      return `ip xfrm state add ${pair} reqid ${REQUEST_ID} mode ${mode}${window} ${cipher}\n`;
    });
    return `#!/bin/sh\n# The SAs of a generated capture, for either end.\n${lines.join('')}`;
  }

  /** The ring as a config has it. It contains keys. */
  ringText(): string {
    const lines = this.ring.keys.map((key) => `  - { tag: ${key.tag}, key: '${key.use(encodeHex)}' }\n`);
    return `keys:\n${lines.join('')}`;
  }

  /** Overwrites the keys of the ring. */
  wipe(): void {
    this.ring.wipe();
  }
}
