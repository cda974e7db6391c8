/** `vtep keys generate`: a new key ring in a file. */
import { randomFillSync, randomInt } from 'node:crypto';
import { formatKeyRing } from '../overlay/key-ring-file.js';
import { KeyRing, Profile } from '../overlay/index.js';
import { oneOf, type ParsedArguments, parseWords, UsageError, wholeNumber } from './arguments.js';
import { type Command, print } from './command.js';
import { ExitCode } from './exit-code.js';
import { RingFileMode, writeRing } from './ring-file.js';
import { ringLines, ringReport } from './ring-report.js';
import { TextOutput } from './text-output.js';

const HELP = `vtep keys generate -o FILE [OPTIONS]

A ring of new random keys in a YAML file for its owner alone (mode 0600), as --keys, --ring and a config's keys read it.
Prints what the keys are called, never the keys.

  -o, --output FILE  where the ring goes; - is standard output, with nothing else printed
  --count N          keys, 1 to 64; 3, as Swarm: oldest, current, next
  --bits N           bits of a key: 128 (all that Docker takes; the default), 192 or 256
  --first-tag N      Lamport time of the oldest key; by chance from 1 to 65536 if not said, as Swarm's clock starts
  --profile WORD     swarm (as Docker; the default) or strict (both ends are vtep)
  --force            overwrites FILE
  --json             one JSON object instead of a table`;

/** Swarm's clock starts at one of so many values, and counts up before the first key. */
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
  summary: 'a new key ring',
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
    if (parsed.operands.length > 0) throw new UsageError('keys generate takes its file as -o FILE');
    const path = parsed.values['output'];
    if (typeof path !== 'string' || path === '') {
      throw new UsageError('keys generate needs -o FILE, where the ring goes (- for standard output)');
    }
    const json = parsed.values['json'] === true;
    if (json && path === '-') throw new UsageError('--json and -o - both want standard output; name a file');
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
