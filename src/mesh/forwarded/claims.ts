/** Reads from a head what it says about who asked. */
import { Field, type FieldLines, FORWARDED } from '../http1/index.js';
import type { Claims } from './received.js';

/**
 * Fields that say, or by which programs decide, who asked and how: bits by `Field`. Those of a client that isn't trusted
 * are dropped, since anyone can write them. Of X-Real-IP (nginx, Traefik) the mesh writes its own; X-Forwarded-Prefix,
 * -Server and -Ssl, which change links that programs make, it only drops.
 */
export const CLAIM_FIELDS =
  FORWARDED |
  (1 << Field.XRealIp) |
  (1 << Field.XForwardedPrefix) |
  (1 << Field.XForwardedServer) |
  (1 << Field.XForwardedSsl);

/** Those that the mesh replaces for trusted peers, too, by what it makes of them. */
export const REWRITTEN_FIELDS = FORWARDED | (1 << Field.XRealIp);

/**
 * What the head of a request claims; undefined if nothing. Only that of a trusted peer is worth reading.
 * @param bytes what `fields` was read from
 */
export function claimsOf(bytes: Buffer, fields: FieldLines): Claims | undefined {
  if ((fields.present & REWRITTEN_FIELDS) === 0) return undefined;
  return {
    forwardedFor: valueOf(bytes, fields, Field.XForwardedFor),
    forwardedProto: valueOf(bytes, fields, Field.XForwardedProto),
    forwardedHost: valueOf(bytes, fields, Field.XForwardedHost),
    forwardedPort: valueOf(bytes, fields, Field.XForwardedPort),
    forwarded: valueOf(bytes, fields, Field.Forwarded),
    realIp: valueOf(bytes, fields, Field.XRealIp),
  };
}

function valueOf(bytes: Buffer, fields: FieldLines, field: Field): string | undefined {
  const first = fields.indexOf(field);
  if (first < 0) return undefined;
  let value = bytes.toString('latin1', fields.valueStart[first], fields.valueEnd[first]);
  if (!fields.repeats(field)) return value;
  for (let i = first + 1; i < fields.count; i++) {
    if (fields.field[i] !== field) continue;
    value += `, ${bytes.toString('latin1', fields.valueStart[i], fields.valueEnd[i])}`;
  }
  return value;
}
