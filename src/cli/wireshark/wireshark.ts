/** `vtep wireshark`: writes what Wireshark needs to open an encrypted capture. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { STANDARD_STREAM } from '../../capture/file/standard-stream.js';
import { printable } from '../../text/plain-text.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import type { KeysOption } from '../keys/key-files.js';
import { aeadDeclared } from '../options/aead-option.js';
import { flag, Operand, option } from '../options/declared.js';
import { readKeysOption } from '../options/keys-option.js';
import { keysDeclared, portDeclared } from '../options/underlay-decoder-options.js';
import { file, text } from '../options/value-kinds.js';
import { writeText } from '../output.js';
import { grouped } from '../table.js';
import { say, TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { type CaptureNeeds, captureNeeds } from './capture-needs.js';
import { createFolder, type Destination, destinationOf } from './destination.js';
import { withObservedSources } from './observed-sources.js';
import { DECODE_AS_FILE, decodeAsText, ESP_SA_FILE, PREFERENCES_FILE, preferencesText } from './wireshark-files.js';

const PROGRAMS = ['wireshark', 'tshark'] as const;

/** What was written. */
interface Written {
  /** Names of the files. */
  readonly files: readonly string[];
  /** Whether Wireshark checks ICVs. */
  readonly checksIcv: boolean;
}

/** `vtep wireshark FILE --keys KEYS -o FOLDER`. */
export const wiresharkCommand = declare({
  usage: ['FILE --keys KEYS (-o FOLDER | --profile NAME) [OPTIONS]'],
  description: [
    'Writes what Wireshark and tshark need to open an encrypted capture: the SAs with their keys (esp_sa), the preferences ' +
      'that decrypt and check ESP, and "Decode As" entries for VXLAN on other ports. Then prints the commands that open ' +
      'the capture. From a key ring, it derives the SAs of the addresses in the capture.',
  ],
  operand: new Operand('<FILE>', 'a capture file', 'a capture in pcap or pcapng format, optionally gzip-compressed'),
  options: {
    keys: keysDeclared,
    output: option(
      '-o, --output FOLDER',
      'a new folder for the files; your own configuration is left alone',
      file,
    ).conflicts('profile'),
    profile: option('--profile NAME', 'a new profile in your own configuration, for wireshark -C NAME', text),
    port: portDeclared,
    aead: aeadDeclared,
    json: flag('--json', 'print one JSON object'),
    strict: flag('--strict', 'exit 1 if ESP packets of the capture could not be decrypted'),
  },
  notes: [
    'The files hold keys, so that only their owner can read them; no key is printed or put into a command, which every user ' +
      'sees in ps. Delete them when you are done.',
    'Ports whose packets look like VXLAN become VXLAN in Wireshark without --port, too.',
  ],
  examples: [
    ['vtep wireshark wire.pcap --keys keys.txt -o wire.wireshark', 'then run one of the commands that it prints'],
    ['vtep wireshark wire.pcap --keys ring.yaml --profile incident-7', 'for wireshark -C incident-7'],
    ['vtep wireshark wire.pcap --port 8472 -o wire.wireshark', 'VXLAN on the port of flannel, not encrypted'],
  ],
  async run({ keys, output, profile, port, aead, json, strict }, [path]) {
    if (path === STANDARD_STREAM) throw new UsageError('wireshark takes a file, which Wireshark opens again');
    const destination = destinationOf(output, profile);
    const espSa = keys.length === 0 ? undefined : join(destination.folder, ESP_SA_FILE);
    const files = await readKeysOption({ keys, aead, espSa });
    const opened = files?.openEsp();
    const needs = await captureNeeds(path, port, opened);
    if (opened === undefined && needs.ports.length === 0) {
      throw new UsageError(`${path}: Wireshark opens it without help; --keys FILE decrypts ESP`);
    }
    const written = writeFiles(destination, needs, files);
    const text = new TextOutput();
    if (json) {
      text.json({ file: path, output: destination.folder, profile: profile ?? null, ...written, ...needs });
    } else {
      if (opened !== undefined) {
        const of = `${grouped(needs.opened)} of ${grouped(needs.espPackets)} ESP packets`;
        say(`${of} decrypted by ${opened.cipher.name}`);
      }
      sayNeeds(needs, written);
      // As they are: a wrapped command isn't one.
      for (const program of PROGRAMS) text.verbatim(printable(destination.command(program, path)));
    }
    text.flush();
    return strict && needs.opened < needs.espPackets ? ExitCode.DataWrong : ExitCode.Done;
  },
});

/** Writes the files, and wipes the keys. */
function writeFiles(destination: Destination, needs: CaptureNeeds, keys: KeysOption | undefined): Written {
  const { folder } = destination;
  createFolder(destination);
  // Wireshark computes another ICV than the sender with extended sequence numbers.
  const checksIcv = keys?.hasExtendedSequences !== true;
  keys?.finish((all) => withObservedSources(all, needs.esp));
  const written = keys === undefined ? [] : [ESP_SA_FILE];
  const decodeAs = decodeAsText(needs.ports);
  for (const [name, content] of [
    [PREFERENCES_FILE, preferencesText(checksIcv)],
    [DECODE_AS_FILE, decodeAs],
  ] as const) {
    const path = join(folder, name);
    if (content === undefined) rmSync(path, { force: true });
    else {
      writeText(path, content, true);
      written.push(name);
    }
  }
  return { files: written, checksIcv };
}

function sayNeeds({ ports, problems }: CaptureNeeds, { checksIcv }: Written): void {
  for (const { code, count, message } of problems) say(`  ${code} ${grouped(count)}: ${message}`);
  if (ports.length > 0) say(`VXLAN also on UDP port ${ports.join(', ')}`);
  if (!checksIcv) say("Wireshark doesn't check the ICVs: it can't with extended sequence numbers");
}
