import { type Query } from './query.js';

/** Labels of `in-addr.arpa` and `ip6.arpa`, root label included. */
const ZONES = ['\x07in-addr\x04arpa\x00', '\x03ip6\x04arpa\x00'].map((text) => new TextEncoder().encode(text));
const UPPER_A = 0x41;
const UPPER_Z = 0x5a;

/**
 * Bytes of a PTR query's name before the reverse zone. Case matters, as it does in Docker.
 * @returns 0 if the name is in neither zone, or is a zone itself
 */
export function labelsBeforeZone({ name, nameLength }: Query): number {
  for (const zone of ZONES) {
    const rest = nameLength - zone.length;
    if (rest <= 0) continue;
    let at = 0;
    while (at < zone.length && name[rest + at] === zone[at]) at++;
    if (at === zone.length) return rest;
  }
  return 0;
}

/** Whether the first bytes of a name have no upper-case letter: Docker writes addresses in lower case. */
export function isLowerCase(name: Uint8Array, length: number): boolean {
  for (let i = 0; i < length; i++) if (name[i] >= UPPER_A && name[i] <= UPPER_Z) return false;
  return true;
}
