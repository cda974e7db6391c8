/** Reads the inputs of `vtep doctor`: first the texts, whose keys decrypt the captures, then the captures. */
import { CaptureError, openCaptureFile, type PacketSource } from '../../capture/index.js';
import {
  type CaptureEvidence,
  CaptureExam,
  type Evidence,
  InputForm,
  InputKind,
  type InputSummary,
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
interface OpenCapture {
  readonly input: InputPath;
  readonly source: PacketSource;
}

/**
 * Reads everything that the operands name.
 * @param workers threads for a single capture; several are compared, for which one thread must have all packets of each
 * @throws UsageError; CaptureError, AeadError; LiveError if a running node doesn't answer
 */
export async function readEvidence(operands: readonly string[], values: CaptureValues, workers = 1): Promise<Evidence> {
  const captures: OpenCapture[] = [];
  const texts: { name: string; node: string | undefined; text: string }[] = [];
  for (const input of await inputPaths(operands)) {
    const { path, node } = input;
    const { form, what } = formOf(input);
    if (form === InputForm.Unusable) throw new UsageError(`${path}: ${what}`);
    const source = form === InputForm.Capture || form === InputForm.Gzip ? await captureAt(path, form) : undefined;
    if (source !== undefined) captures.push({ input, source });
    else texts.push({ name: path, node, text: await textOf(path, form) });
  }
  const read = readInputs(texts);
  if (captures.length === 0) return { ...read, gossip: null };
  stopReadingOnInterrupt();
  const keyFiles = read.inputs.filter(({ kinds }) => kinds.includes(InputKind.Keys)).map(({ file }) => file);
  const withKeys = { ...values, keys: [...new Set([...(values.keys ?? []), ...keyFiles])] };
  const examined = await examineAll(captures, withKeys, workers);
  return withCaptures(read, examined);
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
): Promise<{ node: string | undefined; evidence: CaptureEvidence; summary: InputSummary }[]> {
  const keys = await readKeysOption(values, false, true);
  const decoding = underlayDecoderOptions(values);
  const examined = [];
  for (const { input, source } of captures) {
    // A trace finds packets in other captures.
    const trace = captures.length > 1;
    const newExam = (): CaptureExam =>
      new CaptureExam({ ...decoding, ...keys?.openEsp(), gossip: keys?.openGossip(), trace });
    const shared = workers > 1 && !trace ? await examinedOnCores(input.path, workers, decoding, newExam) : undefined;
    if (shared !== undefined) await source.close();
    const evidence = shared ?? (await examinedHere(source, newExam()));
    const { firstSeconds, damage } = evidence;
    examined.push({
      node: input.node,
      evidence,
      summary: {
        file: input.path,
        node: input.node ?? '',
        kinds: [InputKind.Capture],
        warnings: damage === undefined ? [] : [damage],
        seconds: firstSeconds,
      },
    });
  }
  keys?.finish();
  return examined;
}
