/** `vtep decap`: extracts the inner frames of a capture of the underlay. */
import { type OutputFile, type PacketSource, PcapngWriter, PcapWriter } from '../../capture/index.js';
import { UnderlayDecoder } from '../../dataplane/index.js';
import { AddressTable, EspSurvey } from '../../inspect/internal.js';
import { openInput, readInput } from './capture-input.js';
import { declare } from '../command.js';
import { decapReport, lost, sayDecap } from './decap-report.js';
import { ExitCode } from '../exit-code.js';
import { ESP_ROWS, FrameWriter, formatOf } from '../replay/frame-writer.js';
import { Profile } from '../../overlay/index.js';
import { captureOperand, flag, option, outputFile } from '../options/declared.js';
import { learnNamesDeclared, learnOption } from '../options/learn-option.js';
import { UNDERLAY_DECODER_OPTIONS, underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { readKeysOption } from '../options/keys-option.js';
import { choice } from '../options/value-kinds.js';
import { openOutput } from '../output.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

/** Whether all timestamps of a capture are whole microseconds. */
function isMicroseconds(source: PacketSource): boolean {
  // A pcapng file may declare an interface with a finer resolution later.
  return source.format === 'pcap' && source.interfaces[0].ticksPerSecond <= 1e6;
}

/** `vtep decap FILE -o OUT`. */
export const decapCommand = declare({
  usage: ['FILE -o OUT [OPTIONS]'],
  description: [
    "Extracts the inner frames from a capture of an overlay's underlay, with their timestamps. Outer fragments are " +
      'reassembled first, and ECN marks of outer packets are copied into the frames, as a receiver does. Frames that ' +
      'the capture truncated are skipped and counted.',
  ],
  operand: captureOperand(),
  options: {
    output: outputFile(),
    format: option(
      '--format NAME',
      "pcap, with the input's timestamp resolution, or pcapng, with one interface per VNI",
      choice('pcap', 'pcapng'),
    ).otherwise("by OUT's extension"),
    keepTruncated: flag(
      '--keep-truncated',
      'also write the captured part of truncated frames (they still count as dropped)',
    ),
    ...UNDERLAY_DECODER_OPTIONS,
    learn: learnNamesDeclared,
    json: flag('--json', 'print the report as one JSON object'),
    strict: flag('--strict', 'exit 1 if packets were dropped or the capture is damaged'),
  },
  examples: [
    ['vtep decap wire.pcap -o inner.pcap', "the containers' frames"],
    ['vtep decap wire.pcap --keys keys.txt -o inner.pcapng', 'decrypted, with one interface per network'],
    ['vtep decap wire.pcap --keys keys.txt -o - | tshark -r - -q -z conv,tcp', 'TCP conversations, by tshark'],
  ],
  async run(values, [path]) {
    const { output: outputPath, json, strict } = values;
    if (json && outputPath === '-') throw new UsageError('--json and -o - both use standard output; name a file');
    const format = formatOf(outputPath, values.format);
    const files = await readKeysOption(values, false, values.learn !== undefined);
    const learned = await learnOption(values.learn, {
      capture: path,
      gossip: files?.openGossip(),
      esp: files?.openEsp()?.esp,
      ring: undefined,
      profile: Profile.Swarm,
      mtu: 1500,
      warns: false,
    });
    const names = new Map(learned?.networks.map(({ vni, name }) => [vni, name]));
    const keys = files?.openEsp();
    const decoder = new UnderlayDecoder({ ...underlayDecoderOptions(values), ...keys, applyEcn: true });
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
        values.keepTruncated,
        names,
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
      return strict && wrong ? ExitCode.DataWrong : ExitCode.Done;
    } finally {
      file.abandon();
    }
  },
});
