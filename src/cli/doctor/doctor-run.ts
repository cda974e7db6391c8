/** `vtep doctor`: what it does with its arguments. */
import { collectScript, diagnose, doctorReport, FINDINGS, type Finding } from '../../doctor/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { didYouMean } from '../../text/suggestion.js';
import { ExitCode } from '../exit-code.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { catalogueLines, explanationLines, reportLines } from './finding-lines.js';
import { checkFleet } from '../fleet/fleet-option.js';
import type { JobPlace } from '../fleet/job-run.js';
import { type CaptureValues, readEvidence } from './read-evidence.js';

/** The value of `--explain` that lists all findings. */
const ALL = 'all';

function findingNamed(name: string): Finding {
  const found = FINDINGS.find(({ id }) => id === name);
  if (found !== undefined) return found;
  const hint = didYouMean(
    name,
    FINDINGS.map(({ id }) => id),
  );
  throw new UsageError(`--explain: no finding is called ${inQuotes(name)}${hint}; --explain ${ALL} lists them`);
}

/** The options. */
export type DoctorValues = CaptureValues &
  JobPlace & {
    readonly explain?: string | undefined;
    readonly collect: boolean;
    readonly withKeys: boolean;
    readonly json: boolean;
  };

/**
 * Runs the command.
 * @throws UsageError; CaptureError, AeadError, LiveError; with `--fleet` CaptureJobError, StoreError
 */
export async function runDoctor(values: DoctorValues, operands: readonly string[]): Promise<number> {
  const { explain, collect, withKeys, json, fleet, espSa } = values;
  const output = new TextOutput();
  checkFleet(values);
  if (fleet !== undefined && espSa !== undefined) {
    throw new UsageError('--esp-sa needs all packets in one process; omit it or --fleet');
  }
  if (withKeys && !collect) throw new UsageError('--with-keys needs --collect');
  if (collect) {
    output.verbatim(collectScript({ withKeys }));
    output.flush();
    return ExitCode.Done;
  }
  if (explain !== undefined) {
    const lines = explain === ALL ? catalogueLines(FINDINGS) : explanationLines(findingNamed(explain));
    for (const line of lines) output.line(line);
    output.flush();
    return ExitCode.Done;
  }
  if (operands.length === 0)
    throw new UsageError('doctor needs a FILE; vtep doctor --collect prints a script that makes one');
  const report = doctorReport(diagnose(await readEvidence(operands, values, values)));
  if (json) output.json(report);
  else for (const line of reportLines(report)) output.line(line);
  output.flush();
  return report.counts.error > 0 ? ExitCode.DataWrong : ExitCode.Done;
}
