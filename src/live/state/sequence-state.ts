/**
 * The format of a file of sequence numbers: a line with the version, a line of JSON per record, and a line with the
 * SHA-256 of everything before it, which detects truncation and changes.
 */
import { createHash } from 'node:crypto';
import type { SequenceRecord } from '../../ipsec/index.js';
import { parseIp } from '../../overlay/index.js';
import { LiveError } from '../error.js';

/** Maximum number of records: enough for a cluster of 16,384 nodes with 16 each. */
export const MAX_RECORDS = 1 << 18;
/** Maximum size of a file in bytes: more than `MAX_RECORDS` records need. */
export const MAX_STATE_BYTES = 1 << 26;

const TITLE = 'vtep sequence numbers, version ';
const VERSION = '1';
const DIGEST = 'sha256 ';
const NEWLINE = 0x0a;
const FOOTER_BYTES = DIGEST.length + 64 + 1;
/** Key names are shorter than a 16-byte key in hexadecimal, so that a key can't end up in the file by mistake. */
const KEY_NAME = /^[\w.:-]{1,31}$/;

interface Words {
  readonly high: number;
  readonly low: number;
}

function footerOf(body: Uint8Array): Buffer {
  return Buffer.from(`${DIGEST}${createHash('sha256').update(body).digest('hex')}\n`, 'latin1');
}

/** Two words as 16 hexadecimal digits. */
function hexOf({ high, low }: Words): string {
  return [high, low].map((word) => (word >>> 0).toString(16).padStart(8, '0')).join('');
}

function wordsOf(hex: unknown): Words {
  if (typeof hex !== 'string' || !/^[0-9a-f]{16}$/.test(hex)) return { high: Number.NaN, low: Number.NaN };
  return { high: Number.parseInt(hex.slice(0, 8), 16), low: Number.parseInt(hex.slice(8), 16) };
}

function isWord(value: number, lowest: number): boolean {
  return Number.isInteger(value) && value >= lowest && value <= 0xffffffff;
}

function isPair(source: unknown, destination: unknown): boolean {
  try {
    const both = [source, destination];
    return both.every((text) => typeof text === 'string') && parseIp(both[0]).length === parseIp(both[1]).length;
  } catch {
    return false;
  }
}

/** What is wrong with a record, or undefined. Its values may be of any type. */
function problemOf({ key, spi, source, destination, ivMask, sequence }: SequenceRecord): string | undefined {
  if (typeof key !== 'string' || !KEY_NAME.test(key)) {
    return 'the name of its key is not 1 to 31 letters, digits and .:_-';
  }
  if (!isWord(spi, 1)) return 'its SPI is not from 1 to 4294967295';
  if (!isPair(source, destination)) return 'its addresses are not two addresses of the same IP version';
  if (!isWord(ivMask.high, -(2 ** 31)) || !isWord(ivMask.low, -(2 ** 31))) return 'its mask is not two 32-bit words';
  if (!isWord(sequence.high, 0) || !isWord(sequence.low, 0)) return 'its sequence number is not two 32-bit words';
  return undefined;
}

function check(record: SequenceRecord, index: number): SequenceRecord {
  const problem = problemOf(record);
  if (problem !== undefined) throw new LiveError('BAD_STATE', `record ${index + 1} of sequence numbers: ${problem}`);
  return record;
}

function checkCount(count: number): void {
  if (count > MAX_RECORDS) {
    throw new LiveError('BAD_STATE', `there are more than ${MAX_RECORDS} records of sequence numbers`);
  }
}

/**
 * Formats records as a file.
 * @throws LiveError `BAD_STATE` for too many records, or one out of range
 */
export function formatSequences(records: readonly SequenceRecord[]): Uint8Array {
  checkCount(records.length);
  const lines = records.map((record, index) => {
    const { key, spi, source, destination, ivMask, sequence } = check(record, index);
    return JSON.stringify({ key, spi, source, destination, ivMask: hexOf(ivMask), sequence: hexOf(sequence) });
  });
  const body = Buffer.from([`${TITLE}${VERSION}`, ...lines, ''].join('\n'));
  return Buffer.concat([body, footerOf(body)]);
}

/** Parses a file of sequence numbers.
 * @throws LiveError `TORN_STATE` if the file is truncated or changed, `STATE_VERSION`, `BAD_STATE`
 */
export function parseSequences(bytes: Uint8Array): SequenceRecord[] {
  const body = bytes.subarray(0, Math.max(0, bytes.length - FOOTER_BYTES));
  if (!footerOf(body).equals(bytes.subarray(body.length))) {
    throw new LiveError(
      'TORN_STATE',
      'its sequence numbers are truncated or modified; delete the file, and the next start draws new masks',
    );
  }
  let lines = 0;
  for (let end = body.indexOf(NEWLINE); end >= 0; end = body.indexOf(NEWLINE, end + 1)) lines++;
  checkCount(lines - 1);
  const [title, ...rest] = Buffer.from(body.buffer, body.byteOffset, body.length).toString('utf8').split('\n');
  if (title !== `${TITLE}${VERSION}`) {
    throw new LiveError(
      'STATE_VERSION',
      'written by another version of vtep; use that version, or delete the file, and the next start draws new masks',
    );
  }
  if (rest.at(-1) === '') rest.pop();
  return rest.map((line, index) => check(recordOf(line), index));
}

/** The record of a line; an invalid line gives invalid values. */
function recordOf(line: string): SequenceRecord {
  let data: unknown;
  try {
    data = JSON.parse(line);
  } catch {
    data = undefined;
  }
  const fields = (typeof data === 'object' && data !== null ? data : {}) as Record<keyof SequenceRecord, unknown>;
  const { key, spi, source, destination } = fields as SequenceRecord;
  return { key, spi, source, destination, ivMask: wordsOf(fields.ivMask), sequence: wordsOf(fields.sequence) };
}
