/** `vtep inspect`: summarizes captures. */
import { MAX_CONVERSATIONS } from '../../inspect/flows/flow-table.js';
import type { SurveyReport } from '../../inspect/report.js';
import { Survey } from '../../inspect/survey.js';
import { oneOf, parseWords, UsageError, wholeNumber } from '../arguments.js';
import type { Command } from '../command.js';
import { ExitCode } from '../exit-code.js';
import {
  UNDERLAY_DECODER_HELP,
  UNDERLAY_DECODER_OPTIONS,
  underlayDecoderOptions,
} from '../options/underlay-decoder-options.js';
import { readKeysOption } from '../options/keys-option.js';
import { stopReadingOnInterrupt } from '../interruption.js';
import { FLOW_COLUMNS } from '../inspect/flow-columns.js';
import { inputFiles, readInOrder } from '../inspect/input-files.js';
import { openPicture, writePicture } from '../inspect/picture-file.js';
import { printPackets } from './packet-lines.js';
import { DEFAULT_ROWS, printFlows, printSurvey } from './survey-tables.js';
import { TextOutput } from '../text-output.js';

const SORT_NAMES = FLOW_COLUMNS.map(({ name }) => name);
const DEFAULT_SORT = 'bytes';

const HELP = `vtep inspect FILE... [OPTIONS]

Shows what captures of an overlay's underlay contain. FILE is pcap or pcapng,
optionally gzip-compressed, or a quoted pattern such as 'ring_*.pcapng'; - is
standard input. Several files give one report, and are read in the order of
their first packets.

  --flows            conversations instead of tables: who talked to whom, how
                     much and how fast, inside the overlays and outside them.
                     Columns that don't fit the terminal are left out
                     (COLUMNS sets the width of a pipe)
  --sort COLUMN      what conversations are sorted by: vni, protocol, a, b,
                     packets, bytes, bytes-a, bytes-b (sent by A or B), start,
                     duration, rate, rtt, retransmissions, resets,
                     zero-windows or flags. Default: bytes
  --max-flows N      maximum number of conversations; packets of further ones
                     are only counted. Default: ${MAX_CONVERSATIONS}
  --svg OUT          also draws a picture: nodes, endpoints and their traffic,
                     throughput over time and the largest conversations
  --packets          one line per packet instead of tables
  --json             one JSON object instead of tables
${UNDERLAY_DECODER_HELP}
  --no-checksums     don't verify checksums
  --rows N           maximum rows per printed table; 0 for all. Default: 20
  --strict           exit 1 if there is a warning`;

/** `vtep inspect FILE...`. */
export const inspectCommand: Command = {
  summary: 'shows what captures contain',
  help: HELP,
  async run(args) {
    const parsed = parseWords('inspect', args, {
      ...UNDERLAY_DECODER_OPTIONS,
      flows: { type: 'boolean' },
      sort: { type: 'string' },
      'max-flows': { type: 'string' },
      packets: { type: 'boolean' },
      json: { type: 'boolean' },
      'no-checksums': { type: 'boolean' },
      rows: { type: 'string' },
      strict: { type: 'boolean' },
      svg: { type: 'string' },
    });
    const rows = wholeNumber(parsed, 'rows', 0, 1e9) ?? DEFAULT_ROWS;
    const packets = parsed.values['packets'] === true;
    const json = parsed.values['json'] === true;
    if (!json) stopReadingOnInterrupt();
    const flows = parsed.values['flows'] === true;
    if (packets && json) throw new UsageError('--packets and --json are mutually exclusive');
    if (packets && flows) throw new UsageError('--packets and --flows are mutually exclusive');
    const sort = oneOf(parsed, 'sort', SORT_NAMES);
    const maxConversations = wholeNumber(parsed, 'max-flows', 1, 1 << 24);
    if (!flows && (sort ?? maxConversations) !== undefined) {
      throw new UsageError(`--${sort === undefined ? 'max-flows' : 'sort'} needs --flows`);
    }
    const paths = await inputFiles('inspect', parsed.operands);
    const checksums = parsed.values['no-checksums'] !== true && !packets;
    const keys = await readKeysOption(parsed);
    const picture = openPicture(parsed, paths);
    const survey = new Survey({
      ...underlayDecoderOptions(parsed),
      ...keys?.open(),
      checksums,
      flows: (flows || picture !== undefined) && { maxConversations },
    });
    const output = new TextOutput();
    let report: SurveyReport;
    try {
      const sources = await readInOrder(
        paths,
        packets ? printPackets(output, survey) : (batch) => survey.addBatch(batch),
      );
      keys?.finish();
      report = survey.report(sources);
      if (picture !== undefined) writePicture(picture, report);
    } finally {
      picture?.abandon();
    }
    const column = FLOW_COLUMNS.find(({ name }) => name === (sort ?? DEFAULT_SORT));
    if (json) output.json(report);
    else if (flows && column !== undefined) printFlows(output, report, column, rows);
    else if (!packets) printSurvey(output, report, rows);
    output.flush();
    const warned = report.packets === 0 || report.problems.some((problem) => problem.severity === 'warning');
    return parsed.values['strict'] === true && warned ? ExitCode.DataWrong : ExitCode.Done;
  },
};
