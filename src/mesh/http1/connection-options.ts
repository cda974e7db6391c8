/** The Connection field (RFC 9110 section 7.6.1): whether the connection stays, and which fields end at the next hop. */
import { LOWER_TOKEN } from './characters.js';
import type { FieldLines } from './field-lines.js';
import { Field, fieldOf, nextHash } from './field-name.js';
import { isText, TokenList } from './field-values.js';
import { HeadFault } from './head-fault.js';

/** Fields that a sender can't have removed: they decide where a message goes, where it ends, or who sent it. */
const KEPT =
  (1 << Field.Host) |
  (1 << Field.ContentLength) |
  (1 << Field.TransferEncoding) |
  (1 << Field.Via) |
  (1 << Field.Cookie) |
  (1 << Field.XForwardedFor) |
  (1 << Field.XForwardedProto) |
  (1 << Field.XForwardedHost) |
  (1 << Field.XForwardedPort) |
  (1 << Field.Forwarded);

/** The options of one message at a time. */
export class ConnectionOptions {
  hasClose = false;
  hasKeepAlive = false;
  hasUpgrade = false;
  /** Names of other fields that end here, in lower case. Usually none. */
  readonly dropped: string[] = [];
  readonly #tokens = new TokenList();

  /** Reads all Connection fields of a head. */
  read(bytes: Buffer, fields: FieldLines): HeadFault {
    this.hasClose = false;
    this.hasKeepAlive = false;
    this.hasUpgrade = false;
    if (this.dropped.length > 0) this.dropped.length = 0;
    if (!fields.has(Field.Connection)) return HeadFault.None;
    for (let i = 0; i < fields.count; i++) {
      if (fields.field[i] !== Field.Connection) continue;
      const fault = this.#readValue(bytes, fields.valueStart[i], fields.valueEnd[i]);
      if (fault !== HeadFault.None) return fault;
    }
    return HeadFault.None;
  }

  #readValue(bytes: Buffer, from: number, to: number): HeadFault {
    const tokens = this.#tokens;
    tokens.begin(bytes, from, to);
    while (tokens.next()) {
      const { start, end } = tokens;
      if (isText(bytes, start, end, 'close')) this.hasClose = true;
      else if (isText(bytes, start, end, 'keep-alive')) this.hasKeepAlive = true;
      else if (isText(bytes, start, end, 'upgrade')) this.hasUpgrade = true;
      else {
        let hash = 0;
        for (let i = start; i < end; i++) hash = nextHash(hash, LOWER_TOKEN[bytes[i]]);
        if ((KEPT & (1 << fieldOf(bytes, start, end, hash))) !== 0) return HeadFault.BadConnectionOption;
        this.dropped.push(bytes.toString('latin1', start, end).toLowerCase());
      }
    }
    return tokens.isBad ? HeadFault.BadConnectionOption : HeadFault.None;
  }
}
