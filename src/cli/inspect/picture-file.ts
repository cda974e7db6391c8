/** `--svg`: a capture as a picture, in a file that appears complete or not at all. */
import type { OutputFile } from '../../capture/file/output-file.js';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import type { SurveyReport } from '../../inspect/index.js';
import { captureSvg } from '../../picture/index.js';
import { type ParsedArguments, UsageError } from '../arguments.js';
import { openOutput } from '../output.js';

/**
 * Opens the file that `--svg` names, if it was given.
 * @param inputs the captures, none of which it may be
 * @throws UsageError for standard output, which has the tables
 * @throws CaptureError `FILE_UNUSABLE`
 */
export function openPicture({ values }: ParsedArguments, inputs: readonly string[]): OutputFile | undefined {
  const path = values['svg'];
  if (typeof path !== 'string') return undefined;
  if (path === STANDARD_STREAM) throw new UsageError('--svg takes a file name: standard output has the tables');
  return openOutput(path, inputs);
}

/** Writes the picture of a report, and finishes its file. */
export function writePicture(file: OutputFile, report: SurveyReport): void {
  file.write(new TextEncoder().encode(captureSvg(report)));
  file.commit();
}
