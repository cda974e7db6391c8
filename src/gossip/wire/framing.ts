/** What packets and streams have in common around messages: labels and compression. */
import { VtepError } from '../../error.js';
import { ByteWriter, encodeText } from '../../memory/internal.js';
import type { GossipFault } from './fault.js';
import { compressLzw, decompressLzw } from './lzw.js';
import { MessageType } from './messages.js';
import { MsgpackReader, writeStruct } from './msgpack.js';

const LZW = 0;
const UINT8 = 0xff;
const NO_LABEL = new Uint8Array(0);
/** Type and length of a label. */
export const LABEL_HEADER_BYTES = 2;

/** Compresses a message, as a message of type Compress. */
export function compressMessage(message: Uint8Array): Uint8Array {
  const out = new ByteWriter(message.length + 32);
  out.byte(MessageType.Compress);
  writeStruct(out, [
    ['Algo', LZW],
    ['Buf', compressLzw(message)],
  ]);
  return out.finish();
}

/**
 * Decompresses a message of type Compress.
 * @param limit maximum length of the result in bytes
 */
export function decompressMessage(message: Uint8Array, limit: number): Uint8Array | GossipFault {
  const reader = new MsgpackReader(message, 1);
  let algorithm = 0;
  let compressed: Uint8Array | undefined;
  reader.struct((field) => {
    if (field === 'Algo') algorithm = reader.uint(UINT8);
    else if (field === 'Buf') compressed = reader.view(message.length);
    else return false;
    return true;
  });
  if (reader.fault !== undefined) return reader.fault;
  if (algorithm !== LZW) return 'bad-compression';
  return compressed === undefined ? 'truncated' : decompressLzw(compressed, limit);
}

/**
 * Bytes of a label.
 * @throws VtepError `BAD_GOSSIP` if it has more than 255
 */
export function labelBytes(label: string): Uint8Array {
  if (label === '') return NO_LABEL;
  const bytes = encodeText(label);
  if (bytes.length > UINT8) throw new VtepError('BAD_GOSSIP', 'a label has more than 255 bytes');
  return bytes;
}

/** The header of a label: empty for an empty label. */
export function labelHeader(label: Uint8Array): Uint8Array {
  return label.length === 0 ? label : Uint8Array.of(MessageType.Label, label.length, ...label);
}

/** Whether two labels are equal. */
export function sameLabel(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
