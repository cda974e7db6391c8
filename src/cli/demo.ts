/** `vtep demo`: what a capture holds, and its frames through the data plane and back, on one screen. */
import { existsSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Survey, type SurveyReport } from '../inspect/index.js';
import { Profile, type Topology } from '../overlay/index.js';
import { openInput, readInput } from './capture/capture-input.js';
import { declare } from './command.js';
import { demoLines } from './demo-report.js';
import { ExitCode } from './exit-code.js';
import { defaultsOf, Operand, options } from './options/declared.js';
import { readKeysOption } from './options/keys-option.js';
import { file } from './options/value-kinds.js';
import { clear, encrypted } from './replay/replay.js';
import { fileInput } from './replay/replay-input.js';
import type { ReplayRun } from './replay/replay-report.js';
import { REPLAY_OPTIONS } from './replay/replay-options.js';
import { runReplay } from './replay/replay-run.js';
import { TextOutput } from './text-output.js';
import { UsageError } from './usage-error.js';

const MTU = 1500;

/** The bundled capture, and the keys of its swarm. */
const BUNDLED = { capture: '07-encrypted.esp.pcap', keys: 'swarm-keys.txt' } as const;

/** The directory of the bundled captures, relative to the working directory; undefined if they are missing. */
function bundledDirectory(): string | undefined {
  const directory = fileURLToPath(new URL('../../../fixtures/docker', import.meta.url));
  if (!existsSync(join(directory, BUNDLED.capture))) return undefined;
  return relative(process.cwd(), directory) || '.';
}

/** The capture and key files to show. */
function filesOf(operands: readonly string[], keys: readonly string[]): { path: string; keys: readonly string[] } {
  if (operands.length === 1) return { path: operands[0], keys };
  const directory = bundledDirectory();
  if (directory === undefined) {
    throw new UsageError('the bundled capture is missing; name a capture: vtep demo FILE');
  }
  if (keys.length > 0) throw new UsageError('--keys needs a FILE; the bundled capture has its own keys');
  return { path: join(directory, BUNDLED.capture), keys: [join(directory, BUNDLED.keys)] };
}

/** `vtep demo`. */
export const demoCommand = declare({
  usage: ['[FILE] [OPTIONS]'],
  description: [
    'Shows on one screen what vtep does: the networks, nodes and endpoints in a capture of an underlay, and that each ' +
      'frame in it crosses the data plane, clear and encrypted, and comes back byte for byte.',
  ],
  operand: new Operand(
    '[FILE]',
    'a capture file',
    'a capture in pcap or pcapng format; without one, a bundled recording of a Docker Swarm with an encrypted network',
  ),
  options: { keys: options('--keys FILE', 'keys to decrypt an encrypted capture, as for inspect', file) },
  examples: [
    ['vtep demo', 'the bundled recording'],
    ['vtep demo wire.pcap --keys keys.txt', 'your own'],
  ],
  async run({ keys: given }, operands) {
    const { path, keys: keyPaths } = filesOf(operands, given);
    const keys = await readKeysOption({ keys: keyPaths, aead: undefined, espSa: undefined });
    const report = await surveyOf(path, new Survey({ ...keys?.open(), checksums: false }));
    const input = await fileInput(path, keys?.open().esp);
    const topology = input.observed.topology({
      profile: Profile.Swarm,
      encrypted: false,
      mtu: MTU,
      ring: undefined,
    });
    if (topology.nodes.length === 0 || report.frames === 0) {
      throw new UsageError(
        report.accounting.esp > 0
          ? `${path}: ESP packets, none decrypted; use --keys FILE`
          : `${path}: no overlay packets; vtep inspect shows what it contains`,
      );
    }
    const ways: readonly Topology[] = [clear(topology), encrypted(topology, Profile.Swarm)];
    const values = { ...defaultsOf(REPLAY_OPTIONS), keys: keyPaths };
    const runs: ReplayRun[] = [];
    try {
      for (const way of ways) runs.push(await runReplay({ path, input, values, keys }, way, undefined));
    } finally {
      for (const { ring } of ways) ring?.wipe();
    }
    keys?.finish();
    const output = new TextOutput();
    for (const line of demoLines({ path, keyPaths, report, observed: input.observed, runs })) output.line(line);
    output.flush();
    const whole = runs.every(({ result }) => result.balanced && result.changed + result.missing === 0);
    return whole ? ExitCode.Done : ExitCode.DataWrong;
  },
});

async function surveyOf(path: string, survey: Survey): Promise<SurveyReport> {
  const source = await openInput(path);
  await readInput(source, (batch) => survey.addBatch(batch));
  return survey.report(source);
}
