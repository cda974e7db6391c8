/** `vtep inspect`: summarizes a capture. */
import { Survey } from '../../inspect/survey.js';
import { openInput, readInput } from './capture-input.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { captureOperand, flag, option } from '../options/declared.js';
import { UNDERLAY_DECODER_OPTIONS, underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { readKeysOption } from '../options/keys-option.js';
import { integer } from '../options/value-kinds.js';
import { printPackets } from './packet-lines.js';
import { DEFAULT_ROWS, printSurvey } from './survey-tables.js';
import { TextOutput } from '../text-output.js';

/** `vtep inspect FILE`. */
export const inspectCommand = declare({
  usage: ['FILE [OPTIONS]'],
  description: [
    "Shows what a capture of an overlay's underlay contains: networks, VTEPs, endpoints, SPIs, sizes, fragments, and " +
      'problems.',
  ],
  operand: captureOperand(),
  options: {
    packets: flag('--packets', 'print one line per packet instead of tables').conflicts('json'),
    json: flag('--json', 'print one JSON object instead of tables'),
    ...UNDERLAY_DECODER_OPTIONS,
    checksums: flag('--no-checksums', "don't verify checksums"),
    rows: option('--rows N', 'maximum rows per printed table; 0 for all', integer(0, 1e9)).or(DEFAULT_ROWS),
    strict: flag('--strict', 'exit 1 if there is a warning'),
  },
  examples: [
    ['vtep inspect wire.pcap', 'networks, VTEPs, endpoints and problems'],
    ['vtep inspect wire.pcap --keys keys.txt', 'look into an encrypted network; ip xfrm state > keys.txt'],
    ['vtep inspect wire.pcap --vni 4097 --packets | less', 'the packets of one network'],
  ],
  async run(values, [path]) {
    const { packets, json, rows, strict } = values;
    const keys = await readKeysOption(values);
    const checksums = values.checksums && !packets;
    const survey = new Survey({ ...underlayDecoderOptions(values), ...keys?.open(), checksums });
    const output = new TextOutput();
    const source = await openInput(path);
    await readInput(source, packets ? printPackets(output, survey) : (batch) => survey.addBatch(batch));
    keys?.finish();
    const report = survey.report(source);
    if (json) output.json(report);
    else if (!packets) printSurvey(output, report, rows);
    output.flush();
    const warned = report.packets === 0 || report.problems.some((problem) => problem.severity === 'warning');
    return strict && warned ? ExitCode.DataWrong : ExitCode.Done;
  },
});
