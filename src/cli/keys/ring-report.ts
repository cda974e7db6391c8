/** Reports about key rings: the keys' tags, roles and fingerprints, never the keys. */
import { hkdfSha256 } from '../../aead/index.js';
import { type ClusterKey, keyFingerprint, type KeyRing } from '../../overlay/index.js';
import { keyRole } from './key-role.js';
import type { Line } from '../style.js';
import { table, words } from '../table.js';

/** What identifies a key. */
export interface KeyReport {
  readonly tag: number;
  readonly role: string;
  readonly fingerprint: string;
}

/** The report of one key. */
export function keyReport(key: ClusterKey, role: string): KeyReport {
  return { tag: key.tag, role, fingerprint: keyFingerprint(key, hkdfSha256) };
}

/** The report of each key of a ring. */
export function ringReport(ring: KeyRing): KeyReport[] {
  const transmit = ring.keys.indexOf(ring.transmit);
  return ring.keys.map((key, i) => keyReport(key, keyRole(i, transmit)));
}

/** The same, as a table. */
export function ringLines(keys: readonly KeyReport[]): Line[] {
  const rows = keys.map(({ tag, role, fingerprint }) => [String(tag), role, fingerprint]);
  return table([words('tag'), words('role'), words('fingerprint')], rows);
}
