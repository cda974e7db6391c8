/** Reads the inputs of `vtep doctor`: first the texts, whose keys decrypt the captures, then the captures. */
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { CaptureError, openCaptureFile, type PacketSource } from '../../capture/index.js';
import {
  type CaptureEvidence,
  CaptureExam,
  type Evidence,
  type ExaminedCapture,
  InputForm,
  InputKind,
  readInputs,
  withCaptures,
} from '../../doctor/index.js';
import { readInput, withKnownLinkType } from '../capture/capture-input.js';
import { stopReadingOnInterrupt } from '../interruption.js';
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

/** What an exam found in a capture, as an input. */
export function examinedCapture({ input }: OpenCapture, evidence: CaptureEvidence): ExaminedCapture {
  const { firstSeconds, damage } = evidence;
  const summary = {
    file: input.path,
    node: input.node ?? '',
    kinds: [InputKind.Capture],
    warnings: damage === undefined ? [] : [damage],
    seconds: firstSeconds,
  };
  return { node: input.node, evidence, summary };
}

/**
 * Reads everything that the operands name.
 * @param workers threads for a single capture; several are compared, for which one thread must have all packets of each
 * @throws UsageError; CaptureError, AeadError; LiveError if a running node doesn't answer
 */
export async function readEvidence(operands: readonly string[], values: CaptureValues, workers = 1): Promise<Evidence> {
  const inputs = await openInputs(operands);
  const { texts, captures } = inputs;
  if (captures.length === 0) return { ...texts, gossip: null };
  stopReadingOnInterrupt();
  return withCaptures(texts, await examineAll(captures, withInputKeys(values, inputs), workers));
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
async function examinedHere(source: PacketSource, exam: CaptureExam): Promise<CaptureEvidence> {
  await readInput(source, (batch) => exam.addBatch(batch));
  return exam.report(source);
}

/** What several threads find; undefined if one has to look at all packets. */
async function examinedOnCores(...parameters: Parameters<typeof examineOnCores>): Promise<CaptureEvidence | undefined> {
  const examined = await examineOnCores(...parameters);
  return examined?.exam.report(examined.source);
}

async function examineAll(
  captures: readonly OpenCapture[],
  values: CaptureValues,
  workers: number,
): Promise<ExaminedCapture[]> {
  const keys = await readKeysOption(values, false, true);
  const decoding = underlayDecoderOptions(values);
  const examined: ExaminedCapture[] = [];
  for (const capture of captures) {
    const { source } = capture;
    // A trace finds packets in other captures.
    const trace = captures.length > 1;
    const newExam = (): CaptureExam =>
      new CaptureExam({ ...decoding, ...keys?.openEsp(), gossip: keys?.openGossip(), trace });
    const { path } = capture.input;
    const shared = workers > 1 && !trace ? await examinedOnCores(path, workers, decoding, newExam) : undefined;
    if (shared !== undefined) await source.close();
    examined.push(examinedCapture(capture, shared ?? (await examinedHere(source, newExam()))));
  }
  keys?.finish();
  return examined;
}
