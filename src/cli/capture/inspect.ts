/** `vtep inspect`: summarizes captures. */
import type { CaptureBatch } from '../../capture/index.js';
import { MAX_CONVERSATIONS, Survey, type SurveyReport } from '../../inspect/index.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { checkFleet, FLEET_OPTIONS } from '../fleet/fleet-option.js';
import { FLOW_COLUMNS } from '../inspect/flow-columns.js';
import { NAMES_OPTIONS, namesOption } from '../inspect/names-option.js';
import { inputFiles, type ReadCaptures, readInOrder } from '../inspect/input-files.js';
import { openPicture, writePicture } from '../inspect/picture-file.js';
import { surveyOnCores } from '../inspect/survey-workers.js';
import { stopReadingOnInterrupt } from '../interruption.js';
import { surveyByJobs } from '../fleet/survey-jobs.js';
import { flag, Operand, option } from '../options/declared.js';
import { readKeysOption } from '../options/keys-option.js';
import { UNDERLAY_DECODER_OPTIONS, underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { choice, file, integer } from '../options/value-kinds.js';
import { MAX_WORKERS } from '../../workers/index.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { printPackets } from './packet-lines.js';
import { DEFAULT_ROWS, printFlows, printSurvey } from './survey-tables.js';

const SORT_NAMES = FLOW_COLUMNS.map(({ name }) => name);
const DEFAULT_SORT = 'bytes';

/** Options that decide how captures can be shared. */
interface Sharing {
  readonly fleet?: string | undefined;
  readonly workers: number;
  readonly flows: boolean;
  readonly packets: boolean;
  readonly svg?: string | undefined;
  readonly espSa?: string | undefined;
  readonly config?: string | undefined;
  readonly swarm: readonly string[];
}

/** How captures are shared among threads or workers. */
interface Shares {
  /** Each file is read by a job. */
  readonly byFile: boolean;
  /** Each thread reads all files, and counts its flows. */
  readonly byFlow: boolean;
}

/**
 * How the captures can be shared.
 * @throws UsageError for options for which one thread must see all packets
 */
function sharesOf(values: Sharing, files: number): Shares {
  const { fleet, workers, flows, packets, svg, config, swarm, espSa } = values;
  if (fleet === undefined && workers === 1) return { byFile: false, byFlow: false };
  const byFile = fleet !== undefined || (files > 1 && espSa === undefined);
  const needsFlows = { flows, svg: svg !== undefined, config: config !== undefined, swarm: swarm.length > 0 };
  const given = { packets, ...(byFile ? { 'esp-sa': espSa !== undefined } : needsFlows) };
  const other = Object.entries(given).find(([, isGiven]) => isGiven)?.[0];
  if (other !== undefined) {
    const sharing = fleet === undefined ? 'workers' : 'fleet';
    throw new UsageError(`--${other} needs all packets in one thread; omit it or --${sharing}`);
  }
  return { byFile, byFlow: fleet === undefined && !Object.values(needsFlows).includes(true) };
}

/** Surveys captures in one thread; with an output, prints a line per packet. */
async function surveyAll(
  paths: readonly string[],
  survey: Survey,
  lines: TextOutput | undefined,
): Promise<{ readonly survey: Survey; readonly sources: ReadCaptures }> {
  const onBatch =
    lines === undefined ? (batch: CaptureBatch): void => survey.addBatch(batch) : printPackets(lines, survey);
  return { survey, sources: await readInOrder(paths, onBatch) };
}

/** `vtep inspect FILE...`. */
export const inspectCommand = declare({
  usage: ['FILE... [OPTIONS]'],
  description: [
    "Shows what captures of an overlay's underlay contain: networks, VTEPs, endpoints, conversations, SPIs, sizes, " +
      'fragments, and problems. Several files give one report, and are read in the order of their first packets.',
  ],
  operand: new Operand(
    '<FILE...>',
    'a capture file',
    "captures in pcap or pcapng format, optionally gzip-compressed, or a quoted pattern such as 'ring_*.pcapng'; - is " +
      'standard input',
  ),
  options: {
    flows: flag(
      '--flows',
      'print conversations instead of tables: who talked to whom, how much and how fast',
    ).conflicts('packets'),
    outside: flag('--outside', 'with --flows, also list conversations outside overlays, such as gossip between nodes'),
    sort: option('--sort COLUMN', 'what conversations are sorted by', choice(...SORT_NAMES)).otherwise(DEFAULT_SORT),
    maxFlows: option(
      '--max-flows N',
      'maximum number of conversations; packets of further ones are only counted',
      integer(1, 1 << 24),
    ).otherwise(String(MAX_CONVERSATIONS)),
    svg: option(
      '--svg OUT',
      'also draw a picture: nodes, endpoints and their traffic, throughput over time, the largest conversations',
      file,
    ),
    packets: flag('--packets', 'print one line per packet instead of tables').conflicts('json'),
    json: flag('--json', 'print one JSON object instead of tables'),
    ...NAMES_OPTIONS,
    ...UNDERLAY_DECODER_OPTIONS,
    checksums: flag('--no-checksums', "don't verify checksums"),
    workers: option(
      '--workers N',
      `threads, 1 to ${MAX_WORKERS}: each reads some of several files; of a single file, each counts its own flows, and what isn't clear VXLAN is counted by one`,
      integer(1, MAX_WORKERS),
    ).or(1),
    rows: option('--rows N', 'maximum rows per printed table; 0 for all', integer(0, 1e9)).or(DEFAULT_ROWS),
    strict: flag('--strict', 'exit 1 if there is a warning'),
    ...FLEET_OPTIONS,
  },
  examples: [
    ['vtep inspect wire.pcap', 'networks, VTEPs, endpoints and problems'],
    ['vtep inspect wire.pcap --keys keys.txt --flows', 'who talks in an encrypted network; ip xfrm state > keys.txt'],
    [
      'vtep inspect wire.pcap --swarm networks.json --swarm services.json',
      'the same with names; the load of each service',
    ],
  ],
  async run(values, operands) {
    const { packets, json, rows, strict, flows, outside } = values;
    if (!json) stopReadingOnInterrupt();
    if (!flows && (values.sort ?? values.maxFlows) !== undefined) {
      throw new UsageError(`--${values.sort === undefined ? 'max-flows' : 'sort'} needs --flows`);
    }
    if (!flows && outside) throw new UsageError('--outside needs --flows');
    checkFleet(values);
    const paths = await inputFiles(operands);
    const { byFile, byFlow } = sharesOf(values, paths.length);
    const names = await namesOption(values);
    const keys = await readKeysOption(values, false, true);
    const picture = openPicture(values.svg, paths);
    const checksums = values.checksums && !packets;
    const decoding = { ...underlayDecoderOptions(values), checksums };
    const listsFlows = flows || picture !== undefined;
    const newSurvey = (): Survey =>
      new Survey({
        ...decoding,
        ...keys?.openEsp(),
        gossip: packets ? undefined : keys?.openGossip(),
        flows: listsFlows && { maxConversations: values.maxFlows },
        names: packets ? undefined : names,
      });
    const output = new TextOutput();
    let report: SurveyReport;
    try {
      const surveyed =
        (byFile ? await surveyByJobs({ ...values, paths, decoding, newSurvey }, values) : undefined) ??
        (byFlow ? await surveyOnCores(paths, values.workers, decoding, newSurvey) : undefined) ??
        (await surveyAll(paths, newSurvey(), packets ? output : undefined));
      keys?.finish();
      report = surveyed.survey.report(surveyed.sources);
      if (picture !== undefined) writePicture(picture, report);
    } finally {
      picture?.abandon();
    }
    const column = FLOW_COLUMNS.find(({ name }) => name === (values.sort ?? DEFAULT_SORT));
    if (json) output.json(report);
    else if (flows && column !== undefined) printFlows(output, report, column, rows, outside);
    else if (!packets) printSurvey(output, report, rows);
    output.flush();
    const warned = report.packets === 0 || report.problems.some((problem) => problem.severity === 'warning');
    return strict && warned ? ExitCode.DataWrong : ExitCode.Done;
  },
});
