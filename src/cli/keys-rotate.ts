/** `vtep keys rotate`: the next ring of a cluster, in place of the present one. */
import { randomFillSync } from 'node:crypto';
import { VtepError } from '../error.js';
import { formatKeyRing, isRingAlone } from '../overlay/key-ring-file.js';
import type { KeyRing } from '../overlay/index.js';
import { onlyOperand, parseWords, UsageError } from './arguments.js';
import { type Command, print } from './command.js';
import { ExitCode } from './exit-code.js';
import { keysOfText, readKeysText } from './key-files.js';
import { RingFileMode, withRingLocked, writeRing } from './ring-file.js';
import { keyReport, ringLines, ringReport } from './ring-report.js';
import { say, TextOutput } from './text-output.js';

const HELP = `vtep keys rotate RING [OPTIONS]

The next ring: the oldest key goes, a new random one comes behind the newest, with the tag after its tag. RING is written
anew, whole or not at all, for its owner alone (mode 0600); comments in it go. Prints what the keys are called, never the
keys. Whoever holds the ring in memory has to be told to read it again.

  -o, --output FILE  where the new ring goes, and RING stays as it is; - is standard output, with nothing else printed
  --force            overwrites FILE
  --json             one JSON object instead of a table`;

/** The middle one of so many transmits, so that nodes one rotation apart understand each other. */
const FEWEST_KEYS = 3;

/** Where the ring goes. */
interface Target {
  readonly path: string;
  readonly mode: RingFileMode;
}

function targetOf(ring: string, output: string | undefined, force: boolean): Target {
  if (output === '') throw new UsageError('-o needs a file (- for standard output)');
  if (output !== undefined) return { path: output, mode: force ? RingFileMode.Overwrite : RingFileMode.New };
  if (force) throw new UsageError('--force goes with -o FILE; without, the ring itself is written anew');
  return { path: ring, mode: RingFileMode.Replace };
}

function rotated(path: string, ring: KeyRing): KeyRing {
  try {
    return ring.rotated((bytes) => void randomFillSync(bytes));
  } catch (error) {
    if (error instanceof VtepError) throw new UsageError(`${path}: ${error.message}`);
    throw error;
  }
}

/** Makes the next ring, writes it and reports it. */
function rotateRing(path: string, target: Target, json: boolean): number {
  const text = readKeysText(path);
  const file = keysOfText(path, text);
  if (file.kind !== 'ring') throw new UsageError(`${path}: it holds SAs, not a key ring`);
  if (target.mode === RingFileMode.Replace && !isRingAlone(text)) {
    throw new UsageError(`${path}: it is no ring in YAML alone, and the rest would be lost; name a file with -o FILE`);
  }
  const { ring, profile } = file;
  const next = rotated(path, ring);
  try {
    const written = formatKeyRing(next, profile);
    if (target.path === '-') {
      print(written.trimEnd());
      return ExitCode.Done;
    }
    writeRing(target.path, written, target.mode);
    const dropped = keyReport(ring.keys[0], 'dropped');
    const keys = ringReport(next);
    const report = new TextOutput();
    if (json) {
      const { tag, fingerprint } = dropped;
      report.json({ file: target.path, profile, keys, dropped: { tag, fingerprint } });
    } else {
      for (const line of ringLines([dropped, ...keys])) report.line(line);
    }
    report.flush();
    if (keys.length < FEWEST_KEYS) {
      say(`vtep: ${path}: with fewer than ${FEWEST_KEYS} keys, nodes lose packets until all of them have the new ring`);
    }
    return ExitCode.Done;
  } finally {
    ring.wipe();
    next.wipe();
  }
}

/** `vtep keys rotate`. */
export const keysRotateCommand: Command = {
  summary: 'the next ring, in place of the present one',
  help: HELP,
  run(args) {
    const parsed = parseWords('keys rotate', args, {
      output: { type: 'string', short: 'o' },
      force: { type: 'boolean' },
      json: { type: 'boolean' },
    });
    const path = onlyOperand('keys rotate', parsed, 'a key ring');
    const output = parsed.values['output'] as string | undefined;
    const json = parsed.values['json'] === true;
    if (json && output === '-') throw new UsageError('--json and -o - both want standard output; name a file');
    const target = targetOf(path, output, parsed.values['force'] === true);
    const rotate = (): number => rotateRing(path, target, json);
    return Promise.resolve(target.mode === RingFileMode.Replace ? withRingLocked(path, rotate) : rotate());
  },
};
