/** `vtep report`: captures as one HTML page. */
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { diagnose, doctorReport, InputForm, withCaptures } from '../../doctor/index.js';
import { MAX_CONVERSATIONS } from '../../inspect/index.js';
import { reportHtml } from '../../report/index.js';
import { byteText } from '../../text/quantity.js';
import { declare } from '../command.js';
import { type OpenCapture, openInputs, withInputKeys } from '../doctor/read-evidence.js';
import { ExitCode } from '../exit-code.js';
import { NAMES_OPTIONS, namesOption } from '../inspect/names-option.js';
import { stopReadingOnInterrupt } from '../interruption.js';
import { flag, Operand, option, outputFile, type Values } from '../options/declared.js';
import { readKeysOption } from '../options/keys-option.js';
import { UNDERLAY_DECODER_OPTIONS, underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { integer } from '../options/value-kinds.js';
import { openOutput } from '../output.js';
import { grouped } from '../table.js';
import { say, TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { version } from '../version.js';
import { surveyCaptures } from './surveyed-captures.js';

const { keys, aead, vni, port, reserved } = UNDERLAY_DECODER_OPTIONS;
/** Options that name files to read. */
const FILE_OPTIONS = { ...NAMES_OPTIONS, keys };

/** `vtep report FILE...`. */
export const reportCommand = declare({
  usage: ['[NODE=]FILE... -o OUT [OPTIONS]'],
  description: [
    'Writes what captures hold as one HTML page that needs no network: what is wrong with them, as vtep doctor says, a ' +
      'picture of the overlay, throughput by ' +
      'network, conversations, packet sizes and overhead, keys and rotations, services. It works in light and dark, on a ' +
      'phone and on paper.',
  ],
  operand: new Operand(
    '<FILE...>',
    'a capture file',
    "captures in pcap or pcapng format, optionally gzip-compressed, or a quoted pattern such as 'ring_*.pcapng', and other " +
      'inputs of vtep doctor; - is a capture on standard input, which can be read only without other captures',
  ),
  options: {
    output: outputFile('the page, an HTML file; - is standard output'),
    ...FILE_OPTIONS,
    aead,
    vni,
    port,
    reserved,
    maxFlows: option(
      '--max-flows N',
      'maximum number of conversations; packets of further ones are only counted',
      integer(1, 1 << 24),
    ).otherwise(String(MAX_CONVERSATIONS)),
    strict: flag('--strict', 'exit 1 if there is a warning'),
  },
  notes: ['The page has no keys, but it names addresses, nodes and services: treat it like the capture.'],
  examples: [
    ['vtep report wire.pcap -o report.html', 'a page to look at, or to attach to a ticket'],
    ['vtep report wire.pcap --keys keys.txt -o report.html', 'of an encrypted network; ip xfrm state > keys.txt'],
    [
      'vtep report wire.pcap --swarm networks.json --swarm services.json -o report.html',
      'with names, and the load of each service',
    ],
  ],
  async run(values, operands) {
    const { output: path, strict } = values;
    stopReadingOnInterrupt();
    const inputs = await openInputs(operands, InputForm.Capture);
    const { captures, texts } = inputs;
    checkCaptures(captures);
    const decoding = underlayDecoderOptions(values);
    const names = await namesOption(values);
    const found = await readKeysOption(withInputKeys(values, inputs), false, true);
    const file = openOutput(path, [...inputs.paths, ...optionFiles(values)], { text: true });
    try {
      const plan = { decoding, keys: found, names, maxConversations: values.maxFlows };
      const { survey, timeline, examined } = await surveyCaptures(captures, plan);
      found?.finish();
      const { findings, omitted, collect } = doctorReport(diagnose(withCaptures(texts, examined)));
      const contents = { survey, timeline, findings, omitted, collect, version: version() };
      const page = new TextEncoder().encode(reportHtml(contents));
      file.write(page);
      file.commit();
      const { packets } = survey;
      const errors = findings.filter(({ severity }) => severity === 'error').length;
      const warnings = findings.filter(({ severity }) => severity === 'warning').length;
      const counts = `${errors > 0 ? `${counted(errors, 'error')}, ` : ''}${counted(warnings, 'warning')}`;
      sayWritten(path, `${path}: ${byteText(page.length)}, ${counted(packets, 'packet')}, ${counts}`);
      return strict && (packets === 0 || errors + warnings > 0) ? ExitCode.DataWrong : ExitCode.Done;
    } finally {
      file.abandon();
    }
  },
});

function counted(count: number, what: string): string {
  return `${grouped(count)} ${what}${count === 1 ? '' : 's'}`;
}

/**
 * Checks that there is a capture, and only one if it is standard input, whose place among others isn't known.
 * @throws UsageError
 */
function checkCaptures(captures: readonly OpenCapture[]): void {
  if (captures.length === 0) throw new UsageError('report needs a capture; vtep doctor takes the other inputs alone');
  if (captures.length > 1 && captures.some(({ input }) => input.path === STANDARD_STREAM)) {
    throw new UsageError('- (standard input) can be read only without other captures');
  }
}

/** Files that options name. */
function optionFiles({ keys: keyFiles, swarm, config }: Values<typeof FILE_OPTIONS>): string[] {
  return [...keyFiles, ...swarm, ...(config === undefined ? [] : [config])];
}

/** Says what was written: on standard output, unless the page is there. */
function sayWritten(path: string, line: string): void {
  if (path === STANDARD_STREAM) {
    say(line);
    return;
  }
  const output = new TextOutput();
  output.line(line);
  output.flush();
}
