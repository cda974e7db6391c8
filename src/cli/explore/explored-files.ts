/** What `vtep explore` serves: captures in ranges, everything else as text. */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { InputForm } from '../../doctor/index.js';
import { formOf, inputPaths, textOf } from '../doctor/input-paths.js';
import { UsageError } from '../usage-error.js';
import type { ExploredFile } from './explore-server.js';

/**
 * The files that arguments name.
 * @param operands captures, and what `vtep doctor` takes
 * @param keys files of keys
 * @throws UsageError for one that can't be read; LiveError if a running node doesn't answer
 */
export async function exploredFiles(operands: readonly string[], keys: readonly string[]): Promise<ExploredFile[]> {
  const files: ExploredFile[] = [];
  for (const input of [...(await inputPaths(operands)), ...(await inputPaths(keys))]) {
    const { path } = input;
    const { form, what } = formOf(input);
    if (form === InputForm.Unusable) throw new UsageError(`${path}: ${what}`);
    const name = basename(path);
    const isCapture = form === InputForm.Capture || (form === InputForm.Gzip && isCompressedCapture(path));
    if (isCapture) files.push({ kind: 'capture', name, path, size: statSync(path).size });
    else files.push({ kind: 'text', name, text: await textOf(path, form) });
  }
  return files;
}

/** Whether a compressed file is called like a capture: what is in it, the page finds out. */
function isCompressedCapture(path: string): boolean {
  return /\.(?:pcap|pcapng|cap|dmp)\d*\.gz$/i.test(path);
}
