/** `vtep decap`: the inner frames of a capture of the underlay. */
import { type OutputFile, type PacketSource, PcapngWriter, PcapWriter } from '../capture/index.js';
import { Ingress } from '../dataplane/ingress.js';
import { AddressTable } from '../inspect/address-table.js';
import { EspSurvey } from '../inspect/esp-survey.js';
import { oneOf, onlyOperand, parseWords, UsageError } from './arguments.js';
import { openInput, readInput } from './capture-input.js';
import type { Command } from './command.js';
import { decapReport, lost, sayDecap } from './decap-report.js';
import { ExitCode } from './exit-code.js';
import { ESP_ROWS, FrameWriter, formatOf } from './frame-writer.js';
import { INGRESS_HELP, INGRESS_OPTIONS, ingressOptions } from './ingress-options.js';
import { readKeysOption } from './keys-option.js';
import { openOutput } from './output.js';
import { TextOutput } from './text-output.js';

const HELP = `vtep decap FILE -o OUT [OPTIONS]

The inner frames of a capture of an overlay's underlay, whole and with their times. FILE is pcap or pcapng,
gzip-compressed or not; - is standard input. Outer fragments are reassembled first. Frames of which the capture holds
only a part are skipped and counted.

  -o, --output OUT   where the frames go; - is standard output
  --format WORD      pcap (times as exact as the input's) or pcapng (an interface for each VNI); by OUT's ending
                     if not said
  --keep-truncated   writes frames that the capture's snaplen cut, too, as far as they go (they count as dropped all
                     the same)
${INGRESS_HELP}
  --json             one JSON object about what was done
  --strict           exit 1 if packets were dropped or the capture is damaged`;

/** Whether every time of a capture is a whole number of microseconds. */
function isMicroseconds(source: PacketSource): boolean {
  // A pcapng file may name a finer interface further on.
  return source.format === 'pcap' && source.interfaces[0].ticksPerSecond <= 1e6;
}

/** `vtep decap FILE -o OUT`. */
export const decapCommand: Command = {
  summary: 'wire to inner frames',
  help: HELP,
  async run(args) {
    const parsed = parseWords('decap', args, {
      ...INGRESS_OPTIONS,
      output: { type: 'string', short: 'o' },
      format: { type: 'string' },
      'keep-truncated': { type: 'boolean' },
      json: { type: 'boolean' },
      strict: { type: 'boolean' },
    });
    const path = onlyOperand('decap', parsed, 'a capture file');
    const outputPath = parsed.values['output'];
    if (typeof outputPath !== 'string' || outputPath === '') {
      throw new UsageError('decap needs -o OUT, where the frames go (- for standard output)');
    }
    const json = parsed.values['json'] === true;
    if (json && outputPath === '-') throw new UsageError('--json and -o - both want standard output; name a file');
    const format = formatOf(outputPath, oneOf(parsed, 'format', ['pcap', 'pcapng']));
    const files = await readKeysOption(parsed);
    const keys = files?.open();
    const ingress = new Ingress({ ...ingressOptions(parsed), ...keys });
    const esp = new EspSurvey(new AddressTable(ESP_ROWS), ESP_ROWS);
    const source = await openInput(path);
    let file: OutputFile;
    try {
      // Frames out of ESP are for whoever has the keys.
      file = openOutput(outputPath, path, { ownerOnly: files !== undefined });
    } catch (error) {
      await source.close();
      throw error;
    }
    try {
      const nanoseconds = !isMicroseconds(source);
      const writer = new FrameWriter(
        format === 'pcapng' ? new PcapngWriter(file.write) : new PcapWriter(file.write, { nanoseconds }),
        parsed.values['keep-truncated'] === true,
      );
      await readInput(source, (batch) => writer.take(batch, ingress, esp));
      writer.flush();
      file.commit();
      files?.finish();
      const drops = ingress.drops();
      const done = {
        source,
        output: file.name,
        ingress,
        esp,
        networks: [...writer.networks.values()],
        keys,
        truncated: writer.truncated,
        timeless: writer.timeless,
      };
      if (json) {
        const text = new TextOutput();
        text.json(decapReport(done));
        text.flush();
      } else {
        sayDecap(done);
      }
      const wrong = ingress.frames === 0 || source.damage !== undefined || lost(drops) > 0 || writer.timeless > 0;
      return parsed.values['strict'] === true && wrong ? ExitCode.DataWrong : ExitCode.Done;
    } finally {
      file.abandon();
    }
  },
};
