/** `--svg`: a capture as a picture, in a file that appears complete or not at all. */
import type { OutputFile } from '../../capture/index.js';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import type { SurveyReport } from '../../inspect/index.js';
import { captureSvg } from '../../picture/index.js';
import { openOutput } from '../output.js';
import { UsageError } from '../usage-error.js';

/**
 * Opens the file for the picture, if one was asked for.
 * @param path the value of `--svg`
 * @param inputs the captures, none of which it may be
 * @throws UsageError for standard output, which has the tables
 * @throws CaptureError `FILE_UNUSABLE`
 */
export function openPicture(path: string | undefined, inputs: readonly string[]): OutputFile | undefined {
  if (path === undefined) return undefined;
  if (path === STANDARD_STREAM) throw new UsageError('--svg takes a file name: standard output has the tables');
  return openOutput(path, inputs, { text: true });
}

/** Writes the picture of a report, and finishes its file. */
export function writePicture(file: OutputFile, report: SurveyReport): void {
  file.write(new TextEncoder().encode(captureSvg(report)));
  file.commit();
}
