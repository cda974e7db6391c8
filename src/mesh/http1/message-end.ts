/** Where the content of a message ends, by its fields (RFC 9112 section 6): what smuggling plays with. */
import { SPACE, TAB } from './characters.js';
import type { FieldLines } from './field-lines.js';
import { Field } from './field-name.js';
import { BAD_LENGTH, isText, NO_LENGTH, readLength } from './field-values.js';
import { HeadFault } from './head-fault.js';

/** The end of one message at a time. */
export class MessageEnd {
  /** Bytes of the content, or `NO_LENGTH`. */
  length: number = NO_LENGTH;
  isChunked = false;

  /**
   * Reads what the fields say.
   * @param minor 0 or 1, of HTTP/1.x
   */
  read(bytes: Buffer, fields: FieldLines, minor: number): HeadFault {
    this.length = NO_LENGTH;
    this.isChunked = false;
    const hasLength = fields.has(Field.ContentLength);
    const hasCoding = fields.has(Field.TransferEncoding);
    if (hasLength) {
      if (hasCoding) return HeadFault.LengthAndCoding;
      if (fields.repeats(Field.ContentLength)) return HeadFault.BadContentLength;
      const index = fields.indexOf(Field.ContentLength);
      this.length = readLength(bytes, fields.valueStart[index], fields.valueEnd[index]);
      if (hasTabBehind(bytes, fields.valueEnd[index])) this.length = BAD_LENGTH;
      return this.length === BAD_LENGTH ? HeadFault.BadContentLength : HeadFault.None;
    }
    if (!hasCoding) return HeadFault.None;
    // HTTP/1.0 has no transfer codings, and its servers would take the chunks for the content.
    if (minor === 0 || fields.repeats(Field.TransferEncoding)) return HeadFault.BadTransferCoding;
    const index = fields.indexOf(Field.TransferEncoding);
    const end = fields.valueEnd[index];
    if (!isText(bytes, fields.valueStart[index], end, 'chunked') || hasTabBehind(bytes, end))
      return HeadFault.BadTransferCoding;
    this.isChunked = true;
    return HeadFault.None;
  }
}

/** Whether a tab follows a value: it is allowed (RFC 9110 section 5.6.3), but not everyone takes it for a space. */
function hasTabBehind(bytes: Uint8Array, at: number): boolean {
  for (let i = at; bytes[i] === SPACE || bytes[i] === TAB; i++) if (bytes[i] === TAB) return true;
  return false;
}
