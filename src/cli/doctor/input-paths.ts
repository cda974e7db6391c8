/** The operands of `vtep doctor`: files, patterns, and `NODE=FILE`. */
import { closeSync, existsSync, openSync, readSync, statSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { identify, IDENTIFY_BYTES, type IdentifiedInput, InputForm, inputText, MAX_INPUT } from '../../doctor/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { inputFiles } from '../inspect/input-files.js';
import { readSmallFile } from '../options/small-file.js';
import { UsageError } from '../usage-error.js';

const NODE_NAME = /^([\w][\w.-]{0,62})=(.+)$/;
const MAX_FILES = 1000;
/** Rows of each section of a running node's status. */
const STATUS_ROWS = 10_000;

/** An input. */
export interface InputPath {
  readonly path: string;
  /** Name of the node that the user gave. */
  readonly node: string | undefined;
}

/**
 * The files that operands name. One with `=` whose whole name is a file's is that file.
 * @throws UsageError
 */
export async function inputPaths(operands: readonly string[]): Promise<InputPath[]> {
  const found: InputPath[] = [];
  for (const operand of operands) {
    const match = existsSync(operand) ? null : NODE_NAME.exec(operand);
    const [node, named] = match === null ? [undefined, operand] : [match[1], match[2]];
    for (const path of await inputFiles([named])) found.push({ path, node });
  }
  if (found.filter(({ path }) => path === STANDARD_STREAM).length > 1) {
    throw new UsageError('- (standard input) can be read only once');
  }
  if (found.length > MAX_FILES) throw new UsageError(`${found.length} files are too many: at most ${MAX_FILES}`);
  return found;
}

/**
 * What a file is. Standard input is text: a capture would have to be read twice.
 * @throws UsageError if it can't be read
 */
export function formOf({ path }: InputPath): IdentifiedInput {
  if (path === STANDARD_STREAM) return { form: InputForm.Text, what: '' };
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats === undefined) throw new UsageError(`${path}: no such file`);
  if (stats.isDirectory())
    throw new UsageError(`${path}: a folder; name its files, or a pattern such as ${inQuotes(`${path}/*`)}`);
  if (stats.isSocket()) return identify(new Uint8Array(), true);
  // A pipe's first bytes can't be read twice.
  if (!stats.isFile()) return { form: InputForm.Text, what: '' };
  return identify(headOf(path));
}

function headOf(path: string): Uint8Array {
  const head = new Uint8Array(IDENTIFY_BYTES);
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw new UsageError(`${path}: can't be read (${String((error as NodeJS.ErrnoException).code)})`);
  }
  try {
    return head.subarray(0, readSync(file, head));
  } finally {
    closeSync(file);
  }
}

/**
 * The text of an input that isn't a capture.
 * @throws UsageError; LiveError if a running node doesn't answer
 */
export async function textOf(path: string, form: InputForm): Promise<string> {
  if (form === InputForm.Socket) {
    // Loaded only here: captures and texts need nothing of what runs a node.
    const { readStatus } = await import('../../live/index.js');
    return JSON.stringify(await readStatus(path, { sections: [], rows: STATUS_ROWS }));
  }
  const bytes = readSmallFile(path === STANDARD_STREAM ? '/dev/stdin' : path, MAX_INPUT, 'an output of a command');
  return inputText(form === InputForm.Gzip ? unpacked(path, bytes) : bytes);
}

function unpacked(path: string, bytes: Uint8Array): Uint8Array {
  try {
    return gunzipSync(bytes, { maxOutputLength: MAX_INPUT });
  } catch {
    throw new UsageError(
      `${path}: neither a compressed capture nor compressed text of at most ${MAX_INPUT >>> 20} MiB`,
    );
  }
}
