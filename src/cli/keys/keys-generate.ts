/** `vtep keys generate`: creates a key ring. */
import { randomFillSync, randomInt } from 'node:crypto';
import { formatKeyRing } from '../../overlay/keys/key-ring-file.js';
import { KeyRing, Profile } from '../../overlay/index.js';
import { declare, print } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { RingFileMode, writeRing } from './key-ring-file.js';
import { flag, option, outputFile, type Values } from '../options/declared.js';
import { choice, integer } from '../options/value-kinds.js';
import { ringLines, ringReport } from './ring-report.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

const OPTIONS = {
  output: outputFile('output file; - is standard output, without a report'),
  count: option('--count N', 'number of keys, 1 to 64; Swarm has 3: oldest, current, next', integer(1, 64)).or(3),
  bits: option(
    '--bits N',
    'key size in bits: 128 (the only one that Docker accepts), 192 or 256',
    choice('128', '192', '256'),
  ).or('128'),
  firstTag: option('--first-tag N', 'Lamport time of the oldest key', integer(0, Number.MAX_SAFE_INTEGER)).otherwise(
    "random, 1 to 65536, like the start of Swarm's clock",
  ),
  profile: option(
    '--profile NAME',
    'IPsec profile: swarm is compatible with Docker, strict needs vtep on both ends',
    choice(Profile.Swarm, Profile.Strict),
  ).or(Profile.Swarm),
  force: flag('--force', 'overwrite the output file'),
  json: flag('--json', 'print one JSON object instead of a table'),
};

/** Number of possible start values of Swarm's clock, which is incremented before the first key. */
const SWARM_STARTS = 65_536;

function generate({ count, bits, firstTag = randomInt(SWARM_STARTS) + 1 }: Values<typeof OPTIONS>): KeyRing {
  const last = Number.MAX_SAFE_INTEGER - (count - 1);
  if (firstTag > last) throw new UsageError(`--first-tag takes an integer from 0 to ${last} for ${count} keys`);
  const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
  return KeyRing.generate({ random, count, keyBytes: Number(bits) / 8, firstTag });
}

/** `vtep keys generate`. */
export const keysGenerateCommand = declare({
  usage: ['-o FILE [OPTIONS]'],
  description: [
    'Writes a ring of new random keys to a YAML file that only its owner can read (mode 0600), for use with --keys, ' +
      '--ring and in a config. Prints tags and fingerprints, never the keys.',
  ],
  options: OPTIONS,
  examples: [
    ['vtep keys generate -o ring.yaml', 'three keys, as in Swarm'],
    ['vtep keys generate -o ring.yaml --profile strict --bits 256', 'for nodes that all run vtep'],
  ],
  run(values) {
    const { output: path, profile, force, json } = values;
    if (json && path === '-') throw new UsageError('--json and -o - both use standard output; name a file');
    const ring = generate(values);
    try {
      const text = formatKeyRing(ring, profile);
      if (path === '-') {
        print(text.trimEnd());
        return ExitCode.Done;
      }
      writeRing(path, text, force ? RingFileMode.Overwrite : RingFileMode.New);
      const keys = ringReport(ring);
      const output = new TextOutput();
      if (json) output.json({ file: path, profile, keys });
      else for (const line of ringLines(keys)) output.line(line);
      output.flush();
      return ExitCode.Done;
    } finally {
      ring.wipe();
    }
  },
});
