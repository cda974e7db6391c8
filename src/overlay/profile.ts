/** Derives SAs from a cluster's keys: as Swarm does, or more strictly if both ends are vtep. */
import { EspMode, Keymat, SALT_BYTES, type SecurityAssociation } from '../ipsec/index.js';
import { secretBytes } from '../memory/internal.js';
import type { ClusterKey } from './keys/key-ring.js';
import { deriveSpi, SpiForm } from './keys/spi.js';
import { formatAddress } from './prefix.js';

/** The derivations. */
export const Profile = {
  /** Docker's: the cluster key for every pair, salt = SPI, 8-byte ICV, no anti-replay, no ESN. */
  Swarm: 'swarm',
  /** A separate key per direction (HKDF-SHA256), 16-byte ICV, ESN, a replay window of 1024. */
  Strict: 'strict',
} as const;
export type Profile = (typeof Profile)[keyof typeof Profile];

/**
 * HKDF with SHA-256 (RFC 5869).
 * @param key input keying material
 * @param length output length in bytes
 */
export type HkdfSha256 = (key: Uint8Array, salt: Uint8Array, info: Uint8Array, length: number) => Uint8Array;

const SWARM_ICV = 8;
const STRICT_ICV = 16;
const STRICT_WINDOW = 1024;
const STRICT_LABEL = 'vtep strict 1';
const MAPPED_BYTES = 16;

/** What an SA depends on besides the profile. */
export interface PairKey {
  readonly key: ClusterKey;
  /** Addresses of the nodes: 4 or 16 bytes each. */
  readonly source: Uint8Array;
  readonly destination: Uint8Array;
  readonly spiForm?: SpiForm;
}

/**
 * The SA from one node to another under a cluster key. Both ends derive the same one.
 * @throws OverlayError `KEY_WIPED`
 */
export function deriveSa(profile: Profile, pair: PairKey, hkdf: HkdfSha256): SecurityAssociation {
  const { key, source, destination, spiForm = SpiForm.Mapped } = pair;
  const spi = deriveSpi(source, destination, key.tag, spiForm);
  const strict = profile === Profile.Strict;
  const material = strict ? strictKeymat(pair, hkdf) : swarmKeymat(key, spi);
  const keymat = new Keymat(material);
  material.fill(0);
  return {
    spi,
    source: formatAddress(source),
    destination: formatAddress(destination),
    mode: EspMode.Transport,
    keymat,
    icvLength: strict ? STRICT_ICV : SWARM_ICV,
    esn: strict,
    replayWindow: strict ? STRICT_WINDOW : 0,
  };
}

/** The cluster key and the SPI in network byte order (encryption.go, buildAeadAlgo). */
function swarmKeymat(key: ClusterKey, spi: number): Uint8Array {
  return key.use((bytes) => {
    const material = secretBytes(bytes.length + SALT_BYTES);
    material.set(bytes);
    new DataView(material.buffer).setUint32(bytes.length, spi);
    return material;
  });
}

/** Key and salt from HKDF, bound to the direction, the tag and this use; docs/security.md explains why. */
function strictKeymat({ key, source, destination }: PairKey, hkdf: HkdfSha256): Uint8Array {
  const label = new TextEncoder().encode(STRICT_LABEL);
  const info = new Uint8Array(label.length + 2 * MAPPED_BYTES + 8);
  info.set(label);
  putMapped(info, label.length, source);
  putMapped(info, label.length + MAPPED_BYTES, destination);
  const view = new DataView(info.buffer, label.length + 2 * MAPPED_BYTES);
  view.setUint32(0, Math.floor(key.tag / 2 ** 32));
  view.setUint32(4, key.tag % 2 ** 32);
  return key.use((bytes) => hkdf(bytes, new Uint8Array(0), info, bytes.length + SALT_BYTES));
}

/** An address as 16 bytes, IPv4 as ::ffff:a.b.c.d. */
function putMapped(bytes: Uint8Array, at: number, address: Uint8Array): void {
  if (address.length === 4) {
    bytes.fill(0xff, at + 10, at + 12);
    bytes.set(address, at + 12);
  } else {
    bytes.set(address, at);
  }
}
