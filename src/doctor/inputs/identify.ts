/** What a file that the user names is, by its first bytes. */
import { foreignFormat } from '../../capture/internal.js';
import { encodeHex } from '../../memory/internal.js';

/** Number of leading bytes that `identify` needs. */
export const IDENTIFY_BYTES = 512;

/** Forms of an input. */
export const InputForm = {
  /** pcap or pcapng. */
  Capture: 'capture',
  /** A compressed capture, or compressed text. */
  Gzip: 'gzip',
  /** Text in any encoding that `inputText` decodes. */
  Text: 'text',
  /** The status socket of a running node. */
  Socket: 'socket',
  /** Nothing that doctor can read. */
  Unusable: 'unusable',
} as const;
export type InputForm = (typeof InputForm)[keyof typeof InputForm];

/** What a file is. */
export interface IdentifiedInput {
  readonly form: InputForm;
  /** What it is and what to do about it, if it is unusable; empty otherwise. */
  readonly what: string;
}

/** Magic numbers of pcap in both byte orders, with microseconds and nanoseconds, of modified pcap, and of pcapng. */
const CAPTURES: readonly string[] = [
  'a1b2c3d4',
  'd4c3b2a1',
  'a1b23c4d',
  '4d3cb2a1',
  'a1b2cd34',
  '34cdb2a1',
  '0a0d0d0a',
];
const GZIP = '1f8b';
/** Documents in place of text. */
const PICTURES: readonly string[] = ['25504446', '89504e47', 'ffd8ff'];
/** `ustar` at this offset makes it a tar archive. */
const TAR_AT = 257;
const USTAR = '7573746172';

/**
 * Says what a file is.
 * @param head its first bytes, up to `IDENTIFY_BYTES`
 * @param isSocket whether it is a Unix socket, which has no bytes
 * @example
 * import { identify, InputForm } from 'vtep/doctor';
 *
 * const { form } = identify(new Uint8Array([0xd4, 0xc3, 0xb2, 0xa1]));
 * console.log(form === InputForm.Capture);
 */
export function identify(head: Uint8Array, isSocket = false): IdentifiedInput {
  if (isSocket) return { form: InputForm.Socket, what: '' };
  const hex = encodeHex(head.subarray(0, 12));
  if (CAPTURES.some((magic) => hex.startsWith(magic))) return { form: InputForm.Capture, what: '' };
  if (hex.startsWith(GZIP)) return { form: InputForm.Gzip, what: '' };
  if (PICTURES.some((magic) => hex.startsWith(magic))) {
    return { form: InputForm.Unusable, what: 'it is a picture or a PDF: give the text' };
  }
  if (isText(head)) return { form: InputForm.Text, what: '' };
  return { form: InputForm.Unusable, what: unusable(head) };
}

function unusable(head: Uint8Array): string {
  if (encodeHex(head.subarray(TAR_AT, TAR_AT + 5)) === USTAR) return 'it is a tar archive: unpack it';
  const foreign = foreignFormat(head);
  return foreign === undefined ? 'it is a binary file that is no capture (pcap or pcapng)' : `it is ${foreign}`;
}

/** Whether bytes are text: without control characters that no text has, except in UTF-16. */
function isText(head: Uint8Array): boolean {
  if (utf16Of(head) !== undefined) return true;
  return head.every((byte) => byte >= 0x20 || (byte >= 0x07 && byte <= 0x0d) || byte === 0x1b);
}

/** The byte order of UTF-16: by its mark, or, without one, because every second byte of ASCII is zero. */
function utf16Of(bytes: Uint8Array): 'utf-16le' | 'utf-16be' | undefined {
  if (bytes.length < 2) return undefined;
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  if (bytes.length < 8) return undefined;
  const zeros = [0, 0];
  const checked = Math.min(bytes.length, IDENTIFY_BYTES) & ~1;
  for (let i = 0; i < checked; i++) if (bytes[i] === 0) zeros[i & 1]++;
  const half = checked / 2;
  if (zeros[0] === 0 && zeros[1] > half * 0.9) return 'utf-16le';
  return zeros[1] === 0 && zeros[0] > half * 0.9 ? 'utf-16be' : undefined;
}

/** The text of a file: UTF-8, or UTF-16 as PowerShell redirections write it. Byte order marks are removed. */
export function inputText(bytes: Uint8Array): string {
  const encoding = utf16Of(bytes) ?? 'utf-8';
  if (encoding !== 'utf-16be') return new TextDecoder(encoding).decode(bytes);
  const swapped = new Uint8Array(bytes.length & ~1);
  for (let i = 0; i < swapped.length; i++) swapped[i] = bytes[i ^ 1];
  return new TextDecoder('utf-16le').decode(swapped);
}
