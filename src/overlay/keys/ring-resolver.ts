/** Creates the SAs of a cluster's node pairs on demand as their packets arrive, from the key ring alone. */
import type { Aead } from '../../aead/portable.js';
import {
  InboundSa,
  type InboundSaOptions,
  type Sad,
  type SaResolver,
  type SecurityAssociation,
} from '../../ipsec/index.js';
import type { ClusterKey, KeyRing } from './key-ring.js';
import { deriveSa, type HkdfSha256, type PairKey, Profile } from '../profile.js';
import { deriveSpi, SpiForm } from './spi.js';

/** Default maximum number of SAs: an attacker who knows the tags can forge packets that each need a new one. */
const MAX_SAS = 16_384;
const FORMS = [SpiForm.Mapped, SpiForm.Short] as const;

/** Origin of an SA. */
export interface RingSa {
  readonly sa: InboundSa;
  /** Tag of the key. */
  readonly tag: number;
  /** How its SPI was derived; for IPv6 both forms are the same. */
  readonly form: SpiForm;
}

/** Options of the SAs. */
export interface RingResolverOptions extends InboundSaOptions {
  /**
   * Derivation of SAs.
   * @default Profile.Swarm
   */
  readonly profile?: Profile;
  /**
   * Maximum number of SAs.
   * @default 16384
   */
  readonly limit?: number;
}

/**
 * Finds the key whose tag yields a packet's SPI for its addresses.
 * @example
 * import { readFileSync } from 'node:fs';
 * import { chooseAead, hkdfSha256 } from 'vtep/aead';
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { UnderlayDecoder } from 'vtep/dataplane';
 * import { InboundEsp, Sad } from 'vtep/ipsec';
 * import { RingResolver } from 'vtep/overlay';
 * import { parseKeyRing } from 'vtep/overlay/files';
 *
 * const { ring, profile } = parseKeyRing(readFileSync('ring.yaml', 'utf8'));
 * const { aead } = chooseAead();
 * const sad = new Sad();
 * const resolver = new RingResolver(ring, aead, sad, hkdfSha256, { profile, midStream: true });
 * const decoder = new UnderlayDecoder({ esp: new InboundEsp(aead, sad, resolver) });
 * for await (const batch of batchesOf(await openCaptureFile('wire.pcap'))) {
 *   for (let i = 0; i < batch.count; i++) decoder.receivePacket(batch, i);
 * }
 * console.log(`${decoder.openedPackets} packets decrypted, with ${resolver.created.length} SAs`);
 */
export class RingResolver implements SaResolver {
  /** The SAs created so far. */
  readonly created: RingSa[] = [];
  /** Number of SAs that were not created because of the limit. */
  refused = 0;

  readonly #ring: KeyRing;
  readonly #aead: Aead;
  readonly #sad: Sad;
  readonly #hkdf: HkdfSha256;
  readonly #options: RingResolverOptions;
  readonly #limit: number;

  constructor(ring: KeyRing, aead: Aead, sad: Sad, hkdf: HkdfSha256, options: RingResolverOptions = {}) {
    this.#ring = ring;
    this.#aead = aead;
    this.#sad = sad;
    this.#hkdf = hkdf;
    this.#options = options;
    this.#limit = options.limit ?? MAX_SAS;
  }

  resolve(spi: number, family: number, bytes: Uint8Array, addressOffset: number): InboundSa | undefined {
    const span = family === 4 ? 4 : 16;
    const source = bytes.subarray(addressOffset, addressOffset + span);
    const destination = bytes.subarray(addressOffset + span, addressOffset + 2 * span);
    for (const form of FORMS) {
      for (const key of this.#ring.keys) {
        if (deriveSpi(source, destination, key.tag, form) !== spi) continue;
        return key.wiped ? undefined : this.#make(key, form, source, destination);
      }
      if (family === 6) break;
    }
    return undefined;
  }

  /** Derives the created SAs again, with their keys, for export. */
  *associations(): Generator<SecurityAssociation> {
    for (const { sa, tag, form } of this.created) {
      const key = this.#ring.keys.find((entry) => entry.tag === tag);
      if (key !== undefined) yield this.#derive({ key, source: sa.source, destination: sa.destination, spiForm: form });
    }
  }

  #derive(pair: PairKey): SecurityAssociation {
    return deriveSa(this.#options.profile ?? Profile.Swarm, pair, this.#hkdf);
  }

  #make(key: ClusterKey, form: SpiForm, source: Uint8Array, destination: Uint8Array): InboundSa | undefined {
    if (this.created.length >= this.#limit) {
      this.refused++;
      return undefined;
    }
    const association = this.#derive({ key, source, destination, spiForm: form });
    // SPI 0 is reserved (RFC 4303 section 2.1), though one address pair in 2^32 yields it.
    if (association.spi === 0) return undefined;
    const sa = new InboundSa(association, this.#aead, this.#options);
    association.keymat.wipe();
    this.#sad.add(sa);
    this.created.push({ sa, tag: key.tag, form });
    return sa;
  }
}
