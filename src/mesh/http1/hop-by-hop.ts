/** Fields that end at the next hop (RFC 9110 section 7.6.1). */
import { Field } from './field-name.js';

/** Those that end there whether or not Connection names them. */
const HOP_BY_HOP =
  (1 << Field.Connection) |
  (1 << Field.KeepAlive) |
  (1 << Field.ProxyConnection) |
  (1 << Field.Te) |
  (1 << Field.Upgrade) |
  (1 << Field.Http2Settings) |
  (1 << Field.ProxyAuthorization) |
  (1 << Field.ProxyAuthenticate) |
  // Not even then: what one program takes for a field of its own, the next takes for another.
  (1 << Field.Underscored);

/**
 * Whether one of some fields doesn't go on.
 * @param present fields, as bits
 * @param others bits of fields that don't go on either
 */
export function isDropped(present: number, others: number): boolean {
  return (present & (HOP_BY_HOP | others)) !== 0;
}
