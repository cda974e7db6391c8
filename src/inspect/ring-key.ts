/** Which key of a ring explains an SPI between two addresses, and what place it has in the ring. */
import type { KeyRingFile } from '../overlay/files.js';
import { deriveSpi, type HkdfSha256, keyFingerprint, parseIp, type Profile, SpiForm } from '../overlay/index.js';
import { VtepError } from '../wire/index.js';

const ROLES_OF_THREE = ['oldest', 'current', 'next'] as const;
const FORMS = [SpiForm.Mapped, SpiForm.Short] as const;

/** A key of a ring, without itself. */
export interface RingKeyReport {
  readonly tag: number;
  /** `oldest`, `current` or `next` of three; in a ring of another size its place, as `2 of 5`. */
  readonly role: string;
  /** How many rotations it is before (below 0) or behind the key that nodes transmit with; 0 for that key itself. */
  readonly rotations: number;
  readonly fingerprint: string;
}

/** A key that explains an SPI. */
export interface SpiKeyReport extends RingKeyReport {
  /** As what the addresses were hashed: `mapped` (16 bytes; IPv6 always) or `short` (4 bytes). */
  readonly spiForm: SpiForm;
}

/** A ring's keys, for reports. */
export class RingKeys {
  /** In the order of their tags. */
  readonly keys: readonly RingKeyReport[];
  readonly profile: Profile;

  /**
   * @param hkdf what fingerprints are made with
   * @throws OverlayError `KEY_WIPED`
   */
  constructor({ ring, profile }: KeyRingFile, hkdf: HkdfSha256) {
    const { keys, transmit } = ring;
    this.profile = profile;
    const current = keys.indexOf(transmit);
    this.keys = keys.map((key, place) => ({
      tag: key.tag,
      role: keys.length === ROLES_OF_THREE.length ? ROLES_OF_THREE[place] : `${place + 1} of ${keys.length}`,
      rotations: place - current,
      fingerprint: keyFingerprint(key, hkdf),
    }));
  }

  /**
   * The key whose tag gives an SPI from one address to another. By the SPI alone: by chance a key fits one in 2^32.
   * @param source IP address as text; one that is none has no key
   */
  explain(spi: number, source: string, destination: string): SpiKeyReport | undefined {
    let from: Uint8Array;
    let to: Uint8Array;
    try {
      from = parseIp(source);
      to = parseIp(destination);
    } catch (error) {
      if (error instanceof VtepError) return undefined;
      throw error;
    }
    for (const spiForm of FORMS) {
      for (const key of this.keys) if (deriveSpi(from, to, key.tag, spiForm) === spi) return { ...key, spiForm };
    }
    return undefined;
  }
}
