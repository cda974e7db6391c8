/** Checks a piece that another process sent: input like any other. */
import { DROP_REASONS, type DecoderSums } from '../../dataplane/index.js';
import { espColumns } from '../../inspect/internal.js';
import { quoted } from '../../text/plain-text.js';
import { FramesError } from '../error.js';
import { DECAP_PIECE_VERSION, type DecapEnd, type DecapPiece, PIECE_BYTES } from './decap-piece.js';

/** Most bytes of records: one packet may begin just before a piece is complete. */
const MAX_RECORDS = PIECE_BYTES + (1 << 30);
/** Most VNIs of a table, and of all ports that were guessed. */
const MAX_VNIS = 64;
const MAX_GUESSES = 256 * MAX_VNIS;
const MAX_VNI = 0xff_ffff;
const SUMS = [
  'packets',
  'frames',
  'framePackets',
  'espPackets',
  'openedPackets',
  'otherPackets',
  'policyPackets',
] as const satisfies readonly (keyof DecoderSums)[];

/** An error about a piece. */
export function badPiece(why: string): FramesError {
  return new FramesError('BAD_PIECE', `not a piece of a decapsulated capture by this version of vtep: ${why}`);
}

/**
 * Checks everything in a piece but its records.
 * @param value as `node:v8` deserialized it
 * @param index what its index must be
 * @throws FramesError `BAD_PIECE`
 */
export function checkPiece(value: unknown, index: number): DecapPiece {
  if (!isRecord(value) || value['version'] !== DECAP_PIECE_VERSION) throw badPiece('it has another version');
  const { records, esp, end } = value;
  if (value['index'] !== index) throw badPiece(`it isn't piece ${index}`);
  if (!(records instanceof Uint8Array) || records.length > MAX_RECORDS) throw badPiece('it has no records');
  const wrong = espColumns(esp);
  if (wrong !== undefined) throw badPiece(quoted(`its ESP${wrong}`));
  if (end !== undefined && !isEnd(end)) throw badPiece('its sums are wrong');
  return value as unknown as DecapPiece;
}

function isEnd(end: unknown): end is DecapEnd {
  if (!isRecord(end) || typeof end['inexact'] !== 'boolean') return false;
  const { sums, filtered, reserved, guesses } = end;
  if (!isRecord(sums) || !SUMS.every((name) => isCount(sums[name]))) return false;
  const { drops } = sums;
  if (!(drops instanceof Float64Array) || drops.length !== DROP_REASONS || !drops.every((count) => isCount(count)))
    return false;
  if (!isRows(filtered, MAX_VNIS) || !isRows(reserved, MAX_VNIS) || !isRows(guesses, MAX_GUESSES)) return false;
  return guesses.every(({ port }) => isCount(port, 0xffff));
}

function isRows(rows: unknown, most: number): rows is Readonly<Record<string, unknown>>[] {
  return (
    Array.isArray(rows) &&
    rows.length <= most &&
    rows.every((row) => isRecord(row) && isCount(row['vni'], MAX_VNI) && isCount(row['packets']))
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return Object.prototype.toString.call(value) === '[object Object]';
}

function isCount(value: unknown, most: number = Number.MAX_SAFE_INTEGER): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= most;
}
