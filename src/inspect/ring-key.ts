/** Finds the key of a ring that explains an SPI between two addresses, and its position in the ring. */
import type { KeyRingFile } from '../overlay/files.js';
import { deriveSpi, type HkdfSha256, keyFingerprint, parseIp, type Profile, SpiForm } from '../overlay/index.js';
import { VtepError } from '../wire/index.js';

const ROLES_OF_THREE = ['oldest', 'current', 'next'] as const;
const FORMS = [SpiForm.Mapped, SpiForm.Short] as const;

/** A key of a ring, without its key material. */
export interface RingKeyReport {
  readonly tag: number;
  /** `oldest`, `current` or `next` of three; in a ring of another size its position, as in `2 of 5`. */
  readonly role: string;
  /** Rotations from the transmit key to this one: negative if it is older, 0 for the transmit key itself. */
  readonly rotations: number;
  readonly fingerprint: string;
}

/** A key that explains an SPI. */
export interface SpiKeyReport extends RingKeyReport {
  /** How the addresses were hashed: `mapped` (16 bytes; always for IPv6) or `short` (4 bytes). */
  readonly spiForm: SpiForm;
}

/** A ring's keys, for reports. */
export class RingKeys {
  /** Sorted by tag. */
  readonly keys: readonly RingKeyReport[];
  readonly profile: Profile;

  /**
   * @param hkdf computes the fingerprints
   * @throws OverlayError `KEY_WIPED`
   */
  constructor({ ring, profile }: KeyRingFile, hkdf: HkdfSha256) {
    const { keys, transmit } = ring;
    this.profile = profile;
    const current = keys.indexOf(transmit);
    this.keys = keys.map((key, index) => ({
      tag: key.tag,
      role: keys.length === ROLES_OF_THREE.length ? ROLES_OF_THREE[index] : `${index + 1} of ${keys.length}`,
      rotations: index - current,
      fingerprint: keyFingerprint(key, hkdf),
    }));
  }

  /**
   * Finds the key whose tag yields an SPI from one address to another. Based on the SPI alone: a key matches by chance
   * once in 2^32.
   * @param source IP address as text; an invalid one has no key
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
