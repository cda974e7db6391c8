/** `vtep keys generate`: creates a key ring. */
import { randomFillSync, randomInt } from 'node:crypto';
import { formatKeyRing } from '../../overlay/keys/key-ring-file.js';
import { KeyRing, Profile } from '../../overlay/index.js';
import { oneOf, type ParsedArguments, parseWords, UsageError, wholeNumber } from '../arguments.js';
import { type Command, print } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { RingFileMode, writeRing } from './key-ring-file.js';
import { ringLines, ringReport } from './ring-report.js';
import { TextOutput } from '../text-output.js';

const HELP = `vtep keys generate -o FILE [OPTIONS]

Writes a ring of new random keys to a YAML file that only its owner can read
(mode 0600), for use with --keys, --ring and in a config. Prints tags and
fingerprints, never the keys.

  -o, --output FILE  output file; - is standard output, without a report
  --count N          number of keys, 1 to 64. Default: 3, as in Swarm: oldest,
                     current, next
  --bits N           key size in bits: 128 (the only one that Docker accepts),
                     192 or 256. Default: 128
  --first-tag N      Lamport time of the oldest key. Default: random, 1 to
                     65536, like the start of Swarm's clock
  --profile NAME     swarm (as Docker) or strict (both ends are vtep). Default:
                     swarm
  --force            overwrites FILE
  --json             one JSON object instead of a table`;

/** Number of possible start values of Swarm's clock, which is incremented before the first key. */
const SWARM_STARTS = 65_536;

function generate(parsed: ParsedArguments): { readonly ring: KeyRing; readonly profile: Profile } {
  const count = wholeNumber(parsed, 'count', 1, 64) ?? 3;
  const bits = oneOf(parsed, 'bits', ['128', '192', '256']) ?? '128';
  const firstTag =
    wholeNumber(parsed, 'first-tag', 0, Number.MAX_SAFE_INTEGER - (count - 1)) ?? randomInt(SWARM_STARTS) + 1;
  const profile = oneOf(parsed, 'profile', [Profile.Swarm, Profile.Strict]) ?? Profile.Swarm;
  const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
  return { ring: KeyRing.generate({ random, count, keyBytes: Number(bits) / 8, firstTag }), profile };
}

/** `vtep keys generate`. */
export const keysGenerateCommand: Command = {
  summary: 'creates a key ring',
  help: HELP,
  run(args) {
    const parsed = parseWords('keys generate', args, {
      output: { type: 'string', short: 'o' },
      count: { type: 'string' },
      bits: { type: 'string' },
      'first-tag': { type: 'string' },
      profile: { type: 'string' },
      force: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    if (parsed.operands.length > 0) throw new UsageError('keys generate takes the output file as -o FILE');
    const path = parsed.values['output'];
    if (typeof path !== 'string' || path === '') {
      throw new UsageError('keys generate needs an output file: -o FILE (- for standard output)');
    }
    const json = parsed.values['json'] === true;
    if (json && path === '-') throw new UsageError('--json and -o - both use standard output; name a file');
    const { ring, profile } = generate(parsed);
    try {
      const text = formatKeyRing(ring, profile);
      if (path === '-') {
        print(text.trimEnd());
        return Promise.resolve(ExitCode.Done);
      }
      writeRing(path, text, parsed.values['force'] === true ? RingFileMode.Overwrite : RingFileMode.New);
      const keys = ringReport(ring);
      const output = new TextOutput();
      if (json) output.json({ file: path, profile, keys });
      else for (const line of ringLines(keys)) output.line(line);
      output.flush();
      return Promise.resolve(ExitCode.Done);
    } finally {
      ring.wipe();
    }
  },
};
