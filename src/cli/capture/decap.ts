/** `vtep decap`: extracts the inner frames of a capture of the underlay. */
import { type OutputFile, type PacketSource, PcapngWriter, PcapWriter } from '../../capture/index.js';
import { UnderlayDecoder } from '../../dataplane/underlay-decoder.js';
import { AddressTable } from '../../inspect/address-table.js';
import { EspSurvey } from '../../inspect/esp-survey.js';
import { oneOf, onlyOperand, parseWords, UsageError } from '../arguments.js';
import { openInput, readInput } from './capture-input.js';
import type { Command } from '../command.js';
import { decapReport, lost, sayDecap } from './decap-report.js';
import { ExitCode } from '../exit-code.js';
import { ESP_ROWS, FrameWriter, formatOf } from '../replay/frame-writer.js';
import {
  UNDERLAY_DECODER_HELP,
  UNDERLAY_DECODER_OPTIONS,
  underlayDecoderOptions,
} from '../options/underlay-decoder-options.js';
import { readKeysOption } from '../options/keys-option.js';
import { openOutput } from '../output.js';
import { TextOutput } from '../text-output.js';

const HELP = `vtep decap FILE -o OUT [OPTIONS]

Extracts the inner frames from a capture of an overlay's underlay, with their
timestamps. FILE is pcap or pcapng, optionally gzip-compressed; - is standard
input. Outer fragments are reassembled first, and ECN marks of outer packets are
copied into the frames, as a receiver does. Frames that the capture truncated
are skipped and counted.

  -o, --output OUT   output file; - is standard output
  --format NAME      pcap (with the input's timestamp resolution) or pcapng (one
                     interface per VNI). Default: by OUT's extension
  --keep-truncated   also writes the captured part of truncated frames (they
                     still count as dropped)
${UNDERLAY_DECODER_HELP}
  --json             reports as one JSON object
  --strict           exit 1 if packets were dropped or the capture is damaged`;

/** Whether all timestamps of a capture are whole microseconds. */
function isMicroseconds(source: PacketSource): boolean {
  // A pcapng file may declare an interface with a finer resolution later.
  return source.format === 'pcap' && source.interfaces[0].ticksPerSecond <= 1e6;
}

/** `vtep decap FILE -o OUT`. */
export const decapCommand: Command = {
  summary: 'extracts inner frames from the wire',
  help: HELP,
  async run(args) {
    const parsed = parseWords('decap', args, {
      ...UNDERLAY_DECODER_OPTIONS,
      output: { type: 'string', short: 'o' },
      format: { type: 'string' },
      'keep-truncated': { type: 'boolean' },
      json: { type: 'boolean' },
      strict: { type: 'boolean' },
    });
    const path = onlyOperand('decap', parsed, 'a capture file');
    const outputPath = parsed.values['output'];
    if (typeof outputPath !== 'string' || outputPath === '') {
      throw new UsageError('decap needs an output file: -o OUT (- for standard output)');
    }
    const json = parsed.values['json'] === true;
    if (json && outputPath === '-') throw new UsageError('--json and -o - both use standard output; name a file');
    const format = formatOf(outputPath, oneOf(parsed, 'format', ['pcap', 'pcapng']));
    const files = await readKeysOption(parsed);
    const keys = files?.open();
    const decoder = new UnderlayDecoder({ ...underlayDecoderOptions(parsed), ...keys, applyEcn: true });
    const esp = new EspSurvey(new AddressTable(ESP_ROWS), ESP_ROWS);
    const source = await openInput(path);
    let file: OutputFile;
    try {
      // Decrypted frames are only for the owner of the keys.
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
      await readInput(source, (batch) => writer.take(batch, decoder, esp));
      writer.flush();
      file.commit();
      files?.finish();
      const drops = decoder.drops.counts;
      const done = {
        source,
        output: file.name,
        decoder,
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
      const wrong = decoder.frames === 0 || source.damage !== undefined || lost(drops) > 0 || writer.timeless > 0;
      return parsed.values['strict'] === true && wrong ? ExitCode.DataWrong : ExitCode.Done;
    } finally {
      file.abandon();
    }
  },
};
