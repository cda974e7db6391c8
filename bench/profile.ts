/**
 * Draws a profile written by `node --cpu-prof`.
 *
 *     node dist/bench/profile.js FILE.cpuprofile -o OUT.svg [--focus FUNCTION] [--title TEXT]
 */
import { basename } from 'node:path';
import { parseArgs } from 'node:util';
import { writeWhole } from '../src/capture/file/output-file.js';
import { UsageError } from '../src/cli/usage-error.js';
import { ExitCode } from '../src/cli/exit-code.js';
import { readSmallText } from '../src/cli/options/small-file.js';
import { VtepError } from '../src/error.js';
import { readProfile } from './cpu-profile.js';
import { flameGraph } from './flame-graph.js';

/** Enough bytes for hours of a profile. */
const MOST = 1 << 28;

const USAGE = 'profile FILE.cpuprofile -o OUT.svg [--focus FUNCTION] [--title TEXT]';

interface Call {
  readonly path: string;
  readonly output: string;
  readonly focus: string | undefined;
  readonly title: string | undefined;
}

function parseCall(): Call {
  const text = { type: 'string' } as const;
  const options = { output: { ...text, short: 'o' }, focus: text, title: text };
  try {
    const { values, positionals } = parseArgs({ options, allowPositionals: true });
    const { output, focus, title } = values;
    if (output !== undefined && positionals.length === 1) return { path: positionals[0], output, focus, title };
  } catch {
    // The usage line shows what is wrong with the arguments.
  }
  throw new UsageError(`usage: ${USAGE}`);
}

function draw({ path, output, focus, title }: Call): void {
  const profile = readProfile(readSmallText(path, MOST, 'a CPU profile'));
  const picture = flameGraph(profile, title ?? basename(path, '.cpuprofile'), focus);
  writeWhole(output, picture);
}

try {
  draw(parseCall());
} catch (error) {
  if (!(error instanceof VtepError)) throw error;
  process.stderr.write(`profile: ${error.message}\n`);
  process.exitCode = ExitCode.Unusable;
}
