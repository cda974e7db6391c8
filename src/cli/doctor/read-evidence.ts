/** Reads the inputs of `vtep doctor`: first the texts, whose keys decrypt the captures, then the captures. */
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { CaptureError, openCaptureFile, type PacketSource } from '../../capture/index.js';
import type { UnderlayDecoderOptions } from '../../dataplane/index.js';
import {
  type CaptureEvidence,
  CaptureExam,
  type Evidence,
  type ExaminedCapture,
  examinedCapture,
  InputForm,
  InputKind,
  readInputs,
  withCaptures,
} from '../../doctor/index.js';
import { rotatedCaptures } from '../../doctor/internal.js';
import { readInput, withKnownLinkType } from '../capture/capture-input.js';
import type { JobPlace } from '../fleet/job-run.js';
import { type FirstTime, firstTime, type ReadCaptures } from '../inspect/input-files.js';
import { isInterrupted, stopReadingOnInterrupt } from '../interruption.js';
import { type KeyValues, readKeysOption } from '../options/keys-option.js';
import { underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { UsageError } from '../usage-error.js';
import { examineOnCores } from './exam-workers.js';
import { formOf, type InputPath, inputPaths, textOf } from './input-paths.js';

/** Options that concern captures. */
export type CaptureValues = KeyValues & Parameters<typeof underlayDecoderOptions>[0];

/** A capture among the inputs. */
export interface OpenCapture {
  readonly input: InputPath;
  readonly source: PacketSource;
}

/** Everything that the operands name: texts, which are read, and captures, which are only opened. */
export interface OpenInputs {
  readonly texts: ReturnType<typeof readInputs>;
  /** Names of all files. */
  readonly paths: readonly string[];
  /** Texts with keys. */
  readonly keyFiles: readonly string[];
  readonly captures: readonly OpenCapture[];
}

/**
 * Opens what the operands name.
 * @param standardInput what standard input is: it can't be identified, as it can't be read twice
 * @throws UsageError; CaptureError; LiveError if a running node doesn't answer
 */
export async function openInputs(
  operands: readonly string[],
  standardInput: InputForm = InputForm.Text,
): Promise<OpenInputs> {
  const captures: OpenCapture[] = [];
  const texts: { name: string; node: string | undefined; text: string }[] = [];
  const inputs = await inputPaths(operands);
  for (const input of inputs) {
    const { path, node } = input;
    const { form, what } = path === STANDARD_STREAM ? { form: standardInput, what: '' } : formOf(input);
    if (form === InputForm.Unusable) throw new UsageError(`${path}: ${what}`);
    const source = form === InputForm.Capture || form === InputForm.Gzip ? await captureAt(path, form) : undefined;
    if (source !== undefined) captures.push({ input, source });
    else texts.push({ name: path, node, text: await textOf(path, form) });
  }
  const read = readInputs(texts);
  const keyFiles = read.inputs.filter(({ kinds }) => kinds.includes(InputKind.Keys)).map(({ file }) => file);
  return { texts: read, paths: inputs.map(({ path }) => path), keyFiles, captures };
}

/** The values of options, with the keys that are among the inputs. */
export function withInputKeys<Values extends CaptureValues>(values: Values, { keyFiles }: OpenInputs): Values {
  return { ...values, keys: [...new Set([...(values.keys ?? []), ...keyFiles])] };
}

/** A capture: its files, in order, which are several if a program rotated them. */
export type RotatedCapture = readonly [OpenCapture, ...OpenCapture[]];

/**
 * Finds the files that are one capture.
 * @throws CaptureError
 */
export async function rotatedAmong(captures: readonly OpenCapture[]): Promise<RotatedCapture[]> {
  if (captures.length === 1) return [[captures[0]]];
  const files: (InputPath & { readonly capture: OpenCapture; readonly first: FirstTime | undefined })[] = [];
  for (const capture of captures) {
    const { input } = capture;
    const isPipe = input.path === STANDARD_STREAM;
    files.push({ ...input, capture, first: isPipe ? undefined : await firstTime(input.path) });
  }
  return rotatedCaptures(files).map(([first, ...others]) => [first.capture, ...others.map(({ capture }) => capture)]);
}

/** What an exam found in a capture, under the names that the user gave. */
export function examinedAs([first, ...others]: RotatedCapture, evidence: CaptureEvidence): ExaminedCapture {
  return examinedCapture([first.input, ...others.map(({ input }) => input)], evidence);
}

/**
 * Reads everything that the operands name.
 * @param place where captures are examined: each in one place, or a single one by several threads
 * @throws UsageError; CaptureError, AeadError; LiveError if a running node doesn't answer; with a queue, CaptureJobError, StoreError
 */
export async function readEvidence(
  operands: readonly string[],
  values: CaptureValues,
  place: JobPlace,
): Promise<Evidence> {
  const inputs = await openInputs(operands);
  const { texts, captures } = inputs;
  if (captures.length === 0) return { ...texts, gossip: null };
  stopReadingOnInterrupt();
  return withCaptures(texts, await examineAll(captures, withInputKeys(values, inputs), place));
}

/** Opens a capture; undefined for compressed text. */
async function captureAt(path: string, form: InputForm): Promise<PacketSource | undefined> {
  try {
    return await withKnownLinkType(await openCaptureFile(path));
  } catch (error) {
    if (form === InputForm.Gzip && error instanceof CaptureError && error.code === 'NOT_A_CAPTURE') return undefined;
    throw error;
  }
}

/** What one thread finds in a capture. */
async function examinedHere(capture: RotatedCapture, exam: CaptureExam): Promise<CaptureEvidence> {
  const sources: PacketSource[] = [];
  for (const { source } of capture) {
    // After Ctrl-C, the diagnosis is about what was read.
    if (isInterrupted() && sources.length > 0) {
      await source.close();
      continue;
    }
    if (sources.length > 0) exam.endFile();
    await readInput(source, (batch) => exam.addBatch(batch));
    sources.push(source);
  }
  return exam.report(sources as ReadCaptures);
}

/** What several threads find; undefined if one has to look at all packets. */
async function examinedOnCores(...parameters: Parameters<typeof examineOnCores>): Promise<CaptureEvidence | undefined> {
  const examined = await examineOnCores(...parameters);
  return examined?.exam.report(examined.sources);
}

async function examineAll(
  captures: readonly OpenCapture[],
  values: CaptureValues,
  place: JobPlace,
): Promise<ExaminedCapture[]> {
  const keys = await readKeysOption(values, false, true);
  const decoding = underlayDecoderOptions(values);
  const rotated = await rotatedAmong(captures);
  // A trace finds packets in other captures.
  const trace = rotated.length > 1;
  if (place.fleet !== undefined || (place.workers > 1 && trace && values.espSa === undefined)) {
    await closeAll(captures);
    const examined = await examinedByJobs(rotated, decoding, values, place);
    keys?.finish();
    return examined;
  }
  const examined: ExaminedCapture[] = [];
  for (const capture of rotated) {
    const newExam = (): CaptureExam =>
      new CaptureExam({ ...decoding, ...keys?.openEsp(), gossip: keys?.openGossip(), trace });
    const paths = pathsOf(capture);
    const shared =
      place.workers > 1 && !trace ? await examinedOnCores(paths, place.workers, decoding, newExam) : undefined;
    if (shared !== undefined) await closeAll(capture);
    examined.push(examinedAs(capture, shared ?? (await examinedHere(capture, newExam()))));
  }
  keys?.finish();
  return examined;
}

/** What jobs find, one for each capture. */
async function examinedByJobs(
  rotated: readonly RotatedCapture[],
  decoding: UnderlayDecoderOptions,
  { keys = [], aead }: CaptureValues,
  place: JobPlace,
): Promise<ExaminedCapture[]> {
  // Loaded only here: most captures are examined without jobs.
  const { examineByJobs } = await import('../fleet/exam-jobs.js');
  const found = await examineByJobs({ captures: rotated.map(pathsOf), decoding, keys, aead }, place);
  return rotated.map((capture, i) => examinedAs(capture, found[i]));
}

function pathsOf([first, ...others]: RotatedCapture): [string, ...string[]] {
  return [first.input.path, ...others.map(({ input }) => input.path)];
}

async function closeAll(captures: readonly OpenCapture[]): Promise<void> {
  await Promise.all(captures.map(({ source }) => source.close()));
}
