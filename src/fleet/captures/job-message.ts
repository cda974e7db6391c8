/**
 * What a job answers: parts, and how each file of the capture ended. Each message is serialized by `node:v8`. Whoever can write to the queue may
 * have made up an answer: what is in a part, its reader checks.
 */
import { deserialize, serialize } from 'node:v8';
import * as z from 'zod';
import { CaptureError, type CaptureErrorCode, type PacketSource } from '../../capture/index.js';
import { plainMessage } from '../../text/plain-text.js';
import type { CountedSource } from './counted-source.js';
import { CaptureJobError } from './error.js';

/** Most bytes of a message. */
export const MAX_MESSAGE = 1 << 28;

const MAX_TEXT = 4096;
const MAX_NOTES = 256;
const MAX_LINK_TYPES = 65_536;

const CODES = [
  'NOT_A_CAPTURE',
  'UNSUPPORTED_CAPTURE',
  'CAPTURE_CUT_OFF',
  'CAPTURE_DAMAGED',
  'TIME_OUT_OF_RANGE',
  'FILE_UNUSABLE',
] as const satisfies readonly CaptureErrorCode[];

const text = z.string().max(MAX_TEXT);
const fault = z.strictObject({ code: z.enum(CODES), message: text });
const count = z.int().min(0);

const END = z.strictObject({
  packets: count,
  readable: z.boolean(),
  format: z.enum(['pcap', 'pcapng']),
  /** Only if no packet is readable. */
  linkTypes: z.array(z.int().min(0).max(0xffff_ffff)).max(MAX_LINK_TYPES),
  notes: z.array(z.strictObject({ message: text, count })).max(MAX_NOTES),
  damage: fault.optional(),
  position: count,
  size: count.optional(),
});

/** How a capture ended, as plain data. */
export type CaptureEnd = z.infer<typeof END>;

const MESSAGE = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('part'), part: z.unknown() }),
  /** The next of the job's files ended. */
  z.strictObject({ kind: z.literal('end'), end: END }),
  /** One of the files can't be read, wherever it is tried. */
  z.strictObject({ kind: z.literal('unusable'), file: count, fault }),
]);

/** A message of a job. */
export type JobMessage = z.infer<typeof MESSAGE>;

/** How the reading of a capture ended. */
export function captureEnd(source: CountedSource): CaptureEnd {
  const { packets, readable, format, interfaces, notes, damage, position, size } = source;
  const linkTypes = readable ? [] : [...new Set(interfaces.map(({ linkType }) => linkType))];
  return {
    packets,
    readable,
    format: format === 'pcap' ? 'pcap' : 'pcapng',
    linkTypes: linkTypes.slice(0, MAX_LINK_TYPES),
    notes: notes.slice(0, MAX_NOTES).map(({ message, count: times }) => ({ message: cut(message), count: times })),
    ...(damage !== undefined && { damage: faultOf(damage) }),
    position,
    ...(size !== undefined && { size }),
  };
}

/** Why a capture can't be read. */
export function faultOf({ code, message }: CaptureError): z.infer<typeof fault> {
  const known = CODES.find((one) => one === code) ?? 'FILE_UNUSABLE';
  return { code: known, message: cut(message) };
}

/** A capture that was read elsewhere, for reports. It has no packets. */
export function endedSource(name: string, end: CaptureEnd): PacketSource {
  const { format, linkTypes, notes, damage, position, size } = end;
  return {
    name,
    format,
    interfaces: linkTypes.map((linkType) => ({ linkType, name: undefined, snapLength: 0, ticksPerSecond: 1e6 })),
    notes: notes.map(({ message, count: times }) => ({ message: plainMessage(message), count: times })),
    damage: damage && new CaptureError(damage.code, plainMessage(damage.message)),
    position,
    size,
    next: () => Promise.resolve(undefined),
    close: () => Promise.resolve(),
  };
}

/** The bytes of a message. */
export function encodeMessage(message: JobMessage): Uint8Array {
  return serialize(message);
}

/**
 * Reads a message.
 * @throws CaptureJobError `BAD_OUTCOME`
 */
export function decodeMessage(bytes: Uint8Array): JobMessage {
  let value: unknown;
  try {
    value = deserialize(bytes);
  } catch {
    throw notAnOutcome('it is not serialized by node:v8');
  }
  const read = MESSAGE.safeParse(value);
  if (read.success) return read.data;
  throw notAnOutcome(read.error.issues[0].path.join('.'));
}

/** Messages one after the other, each after its length. */
export async function* framedMessages(messages: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const message of messages) {
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, message.length, true);
    yield length;
    yield message;
  }
}

/**
 * The messages in framed bytes.
 * @param pieces of any length
 * @throws CaptureJobError `BAD_OUTCOME`
 */
export async function* unframedMessages(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const header = new Uint8Array(4);
  let filled = 0;
  let message: Uint8Array | undefined;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length;) {
      const into: Uint8Array = message ?? header;
      const part = piece.subarray(at, at + into.length - filled);
      into.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < into.length) continue;
      filled = 0;
      if (message === undefined) {
        message = new Uint8Array(lengthIn(header));
        if (message.length > 0) continue;
      }
      yield message;
      message = undefined;
    }
  }
  if (message !== undefined || filled > 0) throw notAnOutcome('it ends in the middle of a message');
}

function lengthIn(header: Uint8Array): number {
  const length = new DataView(header.buffer).getUint32(0, true);
  if (length > MAX_MESSAGE) throw notAnOutcome(`a message of ${length} bytes`);
  return length;
}

function cut(message: string): string {
  return message.slice(0, MAX_TEXT);
}

function notAnOutcome(why: string): CaptureJobError {
  return new CaptureJobError('BAD_OUTCOME', `not the answer of a job that this vtep knows: ${why}`);
}
