/** `vtep decap`: extracts the inner frames of a capture of the underlay. */
import { statSync } from 'node:fs';
import type { PacketSource } from '../../capture/index.js';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { Profile } from '../../overlay/index.js';
import { inQuotes } from '../../text/plain-text.js';
import { MAX_WORKERS } from '../../workers/index.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import type { DecapRequest } from '../fleet/decap-jobs.js';
import { checkFleet, FLEET_OPTIONS } from '../fleet/fleet-option.js';
import type { JobPlace } from '../fleet/job-run.js';
import { inOrder, inputFiles } from '../inspect/input-files.js';
import { flag, Operand, option, outputFile } from '../options/declared.js';
import { readKeysOption } from '../options/keys-option.js';
import { learnNamesDeclared, learnOption } from '../options/learn-option.js';
import { UNDERLAY_DECODER_OPTIONS, underlayDecoderOptions } from '../options/underlay-decoder-options.js';
import { choice, integer } from '../options/value-kinds.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { type DecapInputs, DecapPass, openInputs } from './decap-pass.js';
import { decapReport, lost, sayDecap } from './decap-report.js';
import { formatOf } from './output-format.js';

/** A pass that is complete, and the captures it went over. */
interface Decapsulated {
  readonly pass: DecapPass;
  readonly sources: readonly PacketSource[];
}

/**
 * Refuses what jobs can't do: read what isn't a file, and write what can't be taken back if their result turns out not to be exact.
 * @param option that asks for jobs
 * @throws UsageError
 */
function checkForJobs(paths: readonly string[], output: string, option: string): void {
  const isFile = (path: string, isNew: boolean): boolean =>
    path !== STANDARD_STREAM && (statSync(path, { throwIfNoEntry: false })?.isFile() ?? isNew);
  const other = paths.find((path) => !isFile(path, true));
  if (other !== undefined) throw new UsageError(`${option} needs regular files, and ${inQuotes(other)} isn't one`);
  if (!isFile(output, true))
    throw new UsageError(`${option} needs a regular file as output, and ${inQuotes(output)} isn't one`);
}

/** Decapsulates captures by jobs; undefined if one pass has to do it. */
async function byJobs(
  newPass: () => DecapPass,
  inputs: DecapInputs,
  request: DecapRequest,
  place: JobPlace,
): Promise<Decapsulated | undefined> {
  // Loaded only here: most captures are read without jobs.
  const { decapByJobs } = await import('../fleet/decap-jobs.js');
  const pass = newPass();
  try {
    const sources = await decapByJobs(request, place, pass.merge());
    if (sources !== undefined) {
      await inputs.first.close();
      return { pass, sources };
    }
  } catch (error) {
    await inputs.first.close();
    pass.file.abandon();
    throw error;
  }
  pass.file.abandon();
  return undefined;
}

/** Decapsulates captures in one pass. */
async function inOnePass(newPass: () => DecapPass, inputs: DecapInputs): Promise<Decapsulated> {
  let pass: DecapPass;
  try {
    pass = newPass();
  } catch (error) {
    await inputs.first.close();
    throw error;
  }
  try {
    return { pass, sources: await pass.read(inputs) };
  } catch (error) {
    pass.file.abandon();
    throw error;
  }
}

/** `vtep decap FILE... -o OUT`. */
export const decapCommand = declare({
  usage: ['FILE... -o OUT [OPTIONS]'],
  description: [
    "Extracts the inner frames from captures of an overlay's underlay, with their timestamps. Outer fragments are " +
      'reassembled first, and ECN marks of outer packets are copied into the frames, as a receiver does. Frames that ' +
      'the capture truncated are skipped and counted. Several files are one capture, and are read in the order of their ' +
      'first packets.',
  ],
  operand: new Operand(
    '<FILE...>',
    'a capture file',
    "captures in pcap or pcapng format, optionally gzip-compressed, or a quoted pattern such as 'ring_*.pcapng'; - is " +
      'standard input',
  ),
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
    strict: flag('--strict', 'exit 1 if packets were dropped or a capture is damaged'),
    workers: option(
      '--workers N',
      `threads, 1 to ${MAX_WORKERS}: each reads some of several files`,
      integer(1, MAX_WORKERS),
    ).or(1),
    ...FLEET_OPTIONS,
  },
  examples: [
    ['vtep decap wire.pcap -o inner.pcap', "the containers' frames"],
    ['vtep decap wire.pcap --keys keys.txt -o inner.pcapng', 'decrypted, with one interface per network'],
    ['vtep decap wire.pcap --keys keys.txt -o - | tshark -r - -q -z conv,tcp', 'TCP conversations, by tshark'],
  ],
  async run(values, operands) {
    const { output, json, strict, fleet, workers, keepTruncated, learn } = values;
    if (json && output === '-') throw new UsageError('--json and -o - both use standard output; name a file');
    checkFleet(values);
    const [path, ...others] = await inOrder(await inputFiles(operands));
    const paths = [path, ...others] as const;
    const format = formatOf(output, values.format);
    if (learn !== undefined && learn.path === undefined && others.length > 0) {
      throw new UsageError('--learn gossip takes one capture; of several files, name the one with gossip: gossip=FILE');
    }
    const hasJobs = fleet !== undefined || (workers > 1 && others.length > 0);
    if (hasJobs) checkForJobs(paths, output, fleet === undefined ? '--workers' : '--fleet');
    const files = await readKeysOption(values, false, learn !== undefined);
    const learned = await learnOption(learn, {
      capture: path,
      gossip: files?.openGossip(),
      esp: files?.openEsp()?.esp,
      ring: undefined,
      profile: Profile.Swarm,
      mtu: 1500,
      warns: false,
    });
    const decoding = underlayDecoderOptions(values);
    const inputs = await openInputs(paths);
    const newPass = (): DecapPass =>
      new DecapPass({
        output,
        paths,
        format,
        nanoseconds: !inputs.isMicroseconds,
        keepTruncated,
        names: new Map(learned?.networks.map(({ vni, name }) => [vni, name])),
        decoding,
        keys: files?.openEsp(),
        // Decrypted frames are only for the owner of the keys.
        ownerOnly: files !== undefined,
      });
    const { keys, aead } = values;
    const request = { paths, decoding, keepTruncated, keys, aead };
    const { pass, sources } =
      (hasJobs ? await byJobs(newPass, inputs, request, values) : undefined) ?? (await inOnePass(newPass, inputs));
    try {
      pass.commit();
      files?.finish();
      const { file, decoder, esp, writer } = pass;
      const done = {
        sources,
        output: file.name,
        decoder,
        esp,
        networks: [...writer.networks.values()],
        keys: pass.keys,
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
      const isDamaged = sources.some(({ damage }) => damage !== undefined);
      const wrong = decoder.frames === 0 || isDamaged || lost(decoder.drops.counts) > 0 || writer.timeless > 0;
      return strict && wrong ? ExitCode.DataWrong : ExitCode.Done;
    } finally {
      pass.file.abandon();
    }
  },
});
