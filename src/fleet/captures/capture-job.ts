/** What a worker is asked to do with a capture: compressed JSON, which whoever can write to the queue may have made up. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import * as z from 'zod';
import { quoted } from '../../text/plain-text.js';
import { CaptureJobError } from './error.js';

/** Changes with every change of what a job says. */
export const CAPTURE_JOB_VERSION = 1;
/** Most bytes of a job: what a queue takes. */
export const MAX_JOB_LENGTH = 65_536;

/** Most files of a capture, in one job. */
export const MAX_JOB_FILES = 1000;
/** Most bytes of a job's JSON. */
const MAX_JSON = 1 << 23;
const MAX_PATH = 4096;
const MAX_PORTS = 16;
const MAX_SHOWN = 200;
/** What a sealed key of a run has, in base64. */
const MAX_SEAL = 1024;

const count = z.int().min(0);
const path = z
  .string()
  .min(1)
  .max(MAX_PATH)
  .refine((text) => !text.includes('\0'), 'has a zero byte');

const FILE = z.discriminatedUnion('where', [
  /** A file that the worker reads itself. */
  z.strictObject({
    where: z.literal('path'),
    path,
    size: count,
    /** Nanoseconds since 1970, in decimal: a number would round them. */
    modified: z.string().regex(/^\d{1,20}$/),
  }),
  /** A file of the run. */
  z.strictObject({ where: z.literal('object'), object: z.string().min(1).max(255), size: count }),
]);

const CAPTURE_JOB = z.strictObject({
  version: z.literal(CAPTURE_JOB_VERSION),
  /** The version of vtep: results of different ones may differ. */
  program: z.string().min(1).max(64),
  kind: z.enum(['survey', 'exam', 'frames']),
  /** The files of the capture in order: one, except for an exam of a capture that was rotated. */
  files: z
    .array(
      z.strictObject({
        /** What messages call it. */
        name: path,
        file: FILE,
      }),
    )
    .min(1)
    .max(MAX_JOB_FILES),
  port: z.array(z.int().min(1).max(65_535)).min(1).max(MAX_PORTS).optional(),
  vni: z.int().min(0).max(0xff_ffff).optional(),
  /** Whether packets with reserved bits set are decapsulated. */
  ignoresReserved: z.boolean(),
  checksums: z.boolean(),
  maxRows: z
    .int()
    .min(1)
    .max(1 << 24)
    .optional(),
  /** Most conversations; absent: none are collected. */
  maxConversations: z
    .int()
    .min(1)
    .max(1 << 24)
    .optional(),
  /** When the traffic over time begins, in all captures of the run. */
  start: z.strictObject({ seconds: z.number(), nanoseconds: z.int().min(0).max(999_999_999) }).optional(),
  /** Whether an exam keeps a trace of the packets, to compare captures with each other. */
  trace: z.boolean(),
  keepTruncated: z.boolean(),
  /** The cipher that decrypts ESP; absent: the worker's choice. */
  aead: z.string().max(64).optional(),
  /** Whether the run has a file of keys. */
  hasKeys: z.boolean(),
});

/** One job: a capture, and all options that change what is found in it. */
export type CaptureJob = z.infer<typeof CAPTURE_JOB>;
/** Where a job's capture is. */
export type JobFile = CaptureJob['files'][number]['file'];
/** What is done with a capture. */
export type CaptureJobKind = CaptureJob['kind'];

const ENVELOPE = z.strictObject({
  version: z.literal(CAPTURE_JOB_VERSION),
  /** The key of the run, sealed with the key-encryption key; absent: nothing of the run is sealed. */
  seal: z
    .string()
    .regex(/^[A-Za-z0-9+/]*={0,2}$/)
    .max(MAX_SEAL)
    .optional(),
  /** The job, or that sealed, in base64. */
  job: z
    .string()
    .regex(/^[A-Za-z0-9+/]*={0,2}$/)
    .max(MAX_JOB_LENGTH),
});

/** A job as it is in the queue. */
export type JobEnvelope = z.infer<typeof ENVELOPE>;

/**
 * The bytes of a job.
 * @throws CaptureJobError `BAD_JOB` if it has too many
 */
export function encodeEnvelope(envelope: JobEnvelope): Uint8Array {
  const bytes = new TextEncoder().encode(JSON.stringify(envelope));
  if (bytes.length > MAX_JOB_LENGTH) {
    throw new CaptureJobError('BAD_JOB', `a job of ${bytes.length} bytes, and at most ${MAX_JOB_LENGTH} are allowed`);
  }
  return bytes;
}

/**
 * Reads a job as it is in the queue.
 * @throws CaptureJobError `BAD_JOB`
 */
export function decodeEnvelope(bytes: Uint8Array): JobEnvelope {
  if (bytes.length > MAX_JOB_LENGTH) throw notAJob(`it has ${bytes.length} bytes`);
  return parsed(ENVELOPE, bytes);
}

/** The bytes of a job. */
export function encodeJob(job: CaptureJob): Uint8Array {
  return deflateRawSync(JSON.stringify(job));
}

/**
 * Reads a job. Fields that this version doesn't know are refused, as they might change the result.
 * @param program the version of vtep that does it
 * @throws CaptureJobError `BAD_JOB`
 */
export function decodeJob(bytes: Uint8Array, program: string): CaptureJob {
  const job = parsed(CAPTURE_JOB, inflated(bytes));
  if (job.program !== program) {
    throw new CaptureJobError('BAD_JOB', `the job is of vtep ${quoted(job.program)}, and this worker is ${program}`);
  }
  if (job.kind !== 'exam' && job.files.length > 1) throw notAJob('only an exam reads several files');
  return job;
}

function inflated(bytes: Uint8Array): Uint8Array {
  try {
    return inflateRawSync(bytes, { maxOutputLength: MAX_JSON });
  } catch {
    throw notAJob('it is not compressed, or too large');
  }
}

function parsed<T extends z.ZodType>(schema: T, bytes: Uint8Array): z.infer<T> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw notAJob('it is not JSON');
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [{ path: at, message }] = result.error.issues;
  throw notAJob(quoted(`${at.join('.')}: ${message}`.slice(0, MAX_SHOWN)));
}

function notAJob(why: string): CaptureJobError {
  return new CaptureJobError('BAD_JOB', `not a job of captures that this vtep knows: ${why}`);
}
