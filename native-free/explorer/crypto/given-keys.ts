/** The keys in what the user gave, for any number of passes over captures. */
import type { Aead } from '../../../src/aead/portable.js';
import { GossipKeyring } from '../../../src/gossip/index.js';
import { RingKeys, type SurveyOptions } from '../../../src/inspect/index.js';
import type { SaCreation } from '../../../src/ipsec/index.js';
import { type KeysFile, parseKeys } from '../../../src/overlay/files.js';
import { CaptureKeys } from '../../../src/overlay/internal.js';
import { parseGossipKeys } from '../../../src/overlay/keys/gossip-keys.js';
import type { ClusterKey } from '../../../src/overlay/index.js';
import { forgeHkdfSha256 } from '../../forge-hkdf.js';

/** Lines of Swarm's store that are keys of ESP; those of gossip are beside them. */
const SWARM_ESP_KEYS = /^networking:ipsec\b/im;

/** What was wrong with a text. */
export interface KeyProblem {
  readonly name: string;
  readonly message: string;
}

/** A text with keys. */
export interface KeyText {
  readonly name: string;
  readonly text: string;
}

/** Fresh SAs for a pass over captures. */
export interface KeyPass {
  /** Options of a survey, an exam or a decoder that decrypts with them. */
  readonly survey: SurveyOptions;
  /** The key ring, to explain SPIs with. */
  readonly ring: RingKeys | undefined;
}

/** Keys of ESP and of gossip. They are held in memory until the worker ends, and never posted. */
export class GivenKeys {
  /** Creation times of SAs, from dumps. */
  readonly made: SaCreation[] = [];
  readonly #files: KeysFile[] = [];
  readonly #gossip = new Map<number, ClusterKey>();

  /**
   * Reads the keys in texts of any format.
   * @returns what can't be used of them, without the keys
   */
  add(texts: readonly KeyText[]): KeyProblem[] {
    // Keys that fit together are only known once all of them are added.
    const all = new CaptureKeys();
    return texts.flatMap(({ name, text }) => {
      try {
        const gossip = parseGossipKeys(text);
        for (const key of gossip) this.#gossip.set(key.tag, key);
        if (gossip.length > 0 && !SWARM_ESP_KEYS.test(text)) return [];
        const file = parseKeys(text);
        const warnings = [...file.warnings, ...all.add(file)];
        this.#files.push(file);
        if (file.kind !== 'ring') this.made.push(...(file.made ?? []));
        return warnings.map((message) => ({ name, message }));
      } catch (error) {
        return [{ name, message: error instanceof Error ? error.message : String(error) }];
      }
    });
  }

  /** Whether there are no keys at all. */
  get isEmpty(): boolean {
    return !this.hasEsp && this.#gossip.size === 0;
  }

  /** Whether there are keys of ESP. */
  get hasEsp(): boolean {
    return this.#files.length > 0;
  }

  /**
   * Creates fresh SAs.
   * @param aead the cipher that opens their packets
   * @param shown name of the cipher, for reports
   */
  open(aead: Aead, shown: string = aead.name): KeyPass {
    const gossip = this.#openGossip(aead);
    if (!this.hasEsp) return { survey: { gossip }, ring: undefined };
    const keys = new CaptureKeys();
    for (const file of this.#files) keys.add(file);
    const opened = keys.open(aead, forgeHkdfSha256);
    return {
      survey: { ...opened, gossip, cipher: { name: shown, skipped: [] } },
      ring: keys.ring && new RingKeys(keys.ring, forgeHkdfSha256),
    };
  }

  /** The keys of gossip, with the one first that Swarm encrypts with: the second oldest. */
  #openGossip(aead: Aead): GossipKeyring | undefined {
    if (this.#gossip.size === 0) return undefined;
    const keys = [...this.#gossip.values()].sort((a, b) => a.tag - b.tag);
    const ring = new GossipKeyring(aead);
    for (const key of keys) key.use((bytes) => ring.add(key.tag, bytes));
    ring.use(keys[Math.min(1, keys.length - 1)].tag);
    return ring;
  }
}
