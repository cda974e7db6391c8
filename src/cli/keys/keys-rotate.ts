/** `vtep keys rotate`: replaces a key ring by its successor. */
import { randomFillSync } from 'node:crypto';
import { VtepError } from '../../error.js';
import { formatKeyRing, isRingAlone } from '../../overlay/keys/key-ring-file.js';
import type { KeyRing } from '../../overlay/index.js';
import { declare, print } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { keysOfText, readKeysText } from './key-files.js';
import { RingFileMode, withRingLocked, writeRing } from './key-ring-file.js';
import { flag, Operand, option } from '../options/declared.js';
import { file } from '../options/value-kinds.js';
import { keyReport, ringLines, ringReport } from './ring-report.js';
import { say, TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';

/** With this many, the middle one transmits, and nodes one rotation apart can decrypt each other's packets. */
const FEWEST_KEYS = 3;

/** Where to write the ring. */
interface Target {
  readonly path: string;
  readonly mode: RingFileMode;
}

function targetOf(ring: string, output: string | undefined, force: boolean): Target {
  if (output !== undefined) return { path: output, mode: force ? RingFileMode.Overwrite : RingFileMode.New };
  if (force) throw new UsageError('--force needs -o FILE; without it, the ring itself is replaced');
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

/** Creates the next ring, writes it and reports it. */
function rotateRing(path: string, target: Target, json: boolean): number {
  const text = readKeysText(path);
  const file = keysOfText(path, text);
  if (file.kind !== 'ring') throw new UsageError(`${path}: contains SAs, not a key ring`);
  if (target.mode === RingFileMode.Replace && !isRingAlone(text)) {
    throw new UsageError(`${path}: not just a ring in YAML; the rest would be lost. Name an output file with -o FILE`);
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
      say(`vtep: ${path}: with fewer than ${FEWEST_KEYS} keys, nodes drop packets until all of them have the new ring`);
    }
    return ExitCode.Done;
  } finally {
    ring.wipe();
    next.wipe();
  }
}

/** `vtep keys rotate`. */
export const keysRotateCommand = declare({
  usage: ['RING [OPTIONS]'],
  description: [
    'Rotates a key ring: drops the oldest key, and appends a new random one with the next tag. RING is replaced ' +
      'atomically by a file that only its owner can read (mode 0600); comments in it are lost. Prints tags and ' +
      'fingerprints, never the keys. Programs that hold the ring in memory must be told to reload it.',
  ],
  operand: new Operand('<RING>', 'a key ring', 'the file of the key ring'),
  options: {
    output: option(
      '-o, --output FILE',
      'write the new ring to FILE and leave RING unchanged; - is standard output, without a report',
      file,
    ),
    force: flag('--force', 'overwrite FILE'),
    json: flag('--json', 'print one JSON object instead of a table'),
  },
  examples: [
    ['vtep keys rotate ring.yaml', 'rotate; then send SIGHUP to vtep up, which reloads the ring'],
    ['vtep keys rotate ring.yaml -o next.yaml', 'write the next ring to another file'],
  ],
  run({ output, force, json }, [path]) {
    if (json && output === '-') throw new UsageError('--json and -o - both use standard output; name a file');
    const target = targetOf(path, output, force);
    const rotate = (): number => rotateRing(path, target, json);
    return target.mode === RingFileMode.Replace ? withRingLocked(path, rotate) : rotate();
  },
});
