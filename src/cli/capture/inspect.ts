/** `vtep inspect`: summarizes a capture. */
import { Survey } from '../../inspect/survey.js';
import { onlyOperand, parseWords, UsageError, wholeNumber } from '../arguments.js';
import { openInput, readInput } from './capture-input.js';
import type { Command } from '../command.js';
import { ExitCode } from '../exit-code.js';
import {
  UNDERLAY_DECODER_HELP,
  UNDERLAY_DECODER_OPTIONS,
  underlayDecoderOptions,
} from '../options/underlay-decoder-options.js';
import { readKeysOption } from '../options/keys-option.js';
import { stopReadingOnInterrupt } from '../interruption.js';
import { printPackets } from './packet-lines.js';
import { DEFAULT_ROWS, printSurvey } from './survey-tables.js';
import { TextOutput } from '../text-output.js';

const HELP = `vtep inspect FILE [OPTIONS]

Shows what a capture of an overlay's underlay contains. FILE is pcap or pcapng,
optionally gzip-compressed; - is standard input.

  --packets          one line per packet instead of tables
  --json             one JSON object instead of tables
${UNDERLAY_DECODER_HELP}
  --no-checksums     don't verify checksums
  --rows N           maximum rows per printed table; 0 for all. Default: 20
  --strict           exit 1 if there is a warning`;

/** `vtep inspect FILE`. */
export const inspectCommand: Command = {
  summary: 'shows what a capture contains',
  help: HELP,
  async run(args) {
    const parsed = parseWords('inspect', args, {
      ...UNDERLAY_DECODER_OPTIONS,
      packets: { type: 'boolean' },
      json: { type: 'boolean' },
      'no-checksums': { type: 'boolean' },
      rows: { type: 'string' },
      strict: { type: 'boolean' },
    });
    const path = onlyOperand('inspect', parsed, 'a capture file');
    const rows = wholeNumber(parsed, 'rows', 0, 1e9) ?? DEFAULT_ROWS;
    if (parsed.values['packets'] === true && parsed.values['json'] === true) {
      throw new UsageError('--packets and --json are mutually exclusive');
    }
    const checksums = parsed.values['no-checksums'] !== true && parsed.values['packets'] !== true;
    const keys = await readKeysOption(parsed);
    const survey = new Survey({ ...underlayDecoderOptions(parsed), ...keys?.open(), checksums });
    const output = new TextOutput();
    if (parsed.values['json'] !== true) stopReadingOnInterrupt();
    const source = await openInput(path);
    const packets = parsed.values['packets'] === true;
    await readInput(source, packets ? printPackets(output, survey) : (batch) => survey.addBatch(batch));
    keys?.finish();
    const report = survey.report(source);
    if (parsed.values['json'] === true) output.json(report);
    else if (!packets) printSurvey(output, report, rows);
    output.flush();
    const warned = report.packets === 0 || report.problems.some((problem) => problem.severity === 'warning');
    return parsed.values['strict'] === true && warned ? ExitCode.DataWrong : ExitCode.Done;
  },
};
