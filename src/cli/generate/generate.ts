/** `vtep generate`: makes a capture of overlay traffic to order. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Aead } from '../../aead/index.js';
import type { OutputFile } from '../../capture/index.js';
import { CaptureGenerator, type GenerateOptions, type GenerateReport, GenerateTask } from '../../generate/index.js';
import { declare } from '../command.js';
import { ExitCode } from '../exit-code.js';
import { aeadOption } from '../options/aead-option.js';
import { isInterrupted, stopReadingOnInterrupt } from '../interruption.js';
import { openOutput } from '../output.js';
import { StatusLine } from '../progress.js';
import { TextOutput } from '../text-output.js';
import { UsageError } from '../usage-error.js';
import { type GenerateValues, OPTIONS, optionsOf } from './generate-options.js';
import { sayReport, showProgress } from './generate-report.js';

const WORKER = new URL('generate-worker.js', import.meta.url);
const PROGRESS_MS = 200;
const PACKETS_PER_BLOCK = 1000;
const BYTES_PER_BLOCK = 1e6;

/** A file beside a capture: its suffix, and what is in it. */
type Beside = readonly [suffix: string, text: (generator: CaptureGenerator) => string];

const KEYS: readonly Beside[] = [
  ['esp_sa', (generator) => generator.espSa()],
  ['xfrm.sh', (generator) => generator.xfrmCommands()],
];
const NETWORK: readonly Beside[] = [
  ['yaml', (generator) => generator.config()],
  ['networks.json', (generator) => generator.dockerNetworks()],
];

/** Base name of the files beside the capture; undefined for none. */
function baseOf({ beside, output }: GenerateValues, encrypted: boolean): string | undefined {
  if (beside === '-') throw new UsageError('--beside takes the begin of file names, not -');
  if (beside !== undefined) return beside;
  // A device or a pipe has nothing beside it: no file of keys belongs into /dev.
  if (statSync(output, { throwIfNoEntry: false })?.isFile() === false) return undefined;
  return encrypted && output !== '-' ? output.replace(/\.pcap(ng)?$/, '') : undefined;
}

/** Writes keys and config, which only the owner can read. Returns the names of the files. */
function writeBeside(generator: CaptureGenerator, base: string, output: string): string[] {
  const all = [...(generator.encrypted ? KEYS : []), ...NETWORK].map(
    ([suffix, text]) => [`${base}.${suffix}`, text] as const,
  );
  // The capture would replace it.
  const same = all.find(([path]) => resolve(path) === resolve(output));
  if (same !== undefined)
    throw new UsageError(`${same[0]}: both the capture and a file beside it; --beside names others`);
  return all.map(([path, text]) => {
    const file = openOutput(path, output === '-' ? undefined : output, { ownerOnly: true, text: true });
    try {
      file.write(new TextEncoder().encode(text(generator)));
      file.commit();
    } finally {
      file.abandon();
    }
    return path;
  });
}

/** Gives signals a turn between blocks. */
function turn(): Promise<void> {
  return new Promise((resolve) => void setImmediate(resolve));
}

async function inThisThread(
  generator: CaptureGenerator,
  aead: Aead | undefined,
  file: OutputFile,
): Promise<GenerateReport> {
  const line = new StatusLine();
  let next = Date.now() + PROGRESS_MS;
  try {
    for (const { bytes } of generator.blocks(aead)) {
      file.write(bytes);
      await turn();
      if (isInterrupted()) break;
      if (!line.enabled || Date.now() < next) continue;
      next = Date.now() + PROGRESS_MS;
      showProgress(line, file.name, generator.progress);
    }
  } finally {
    line.end();
  }
  return generator.report();
}

/** Threads beyond these would have nothing to write: a block has at least some thousand packets. */
function mostWorkers({ packets, bytes }: CaptureGenerator['options']): number {
  return 1 + Math.ceil(Math.min(packets / PACKETS_PER_BLOCK, bytes / BYTES_PER_BLOCK));
}

async function inThreads(
  options: GenerateOptions,
  most: number,
  values: GenerateValues,
  file: OutputFile,
): Promise<GenerateReport> {
  const { aead: cipher } = values;
  const workers = Math.min(values.workers, most);
  const task = new GenerateTask(WORKER, options, { workers, cipher, descriptor: file.descriptor });
  const line = new StatusLine();
  const timer = setInterval(() => {
    if (isInterrupted()) task.stop();
    if (line.enabled) showProgress(line, file.name, task.progress);
  }, PROGRESS_MS);
  try {
    return await task.finish();
  } finally {
    clearInterval(timer);
    line.end();
    await task.close();
  }
}

/** `vtep generate -o OUT`. */
export const generateCommand = declare({
  usage: ['-o OUT [OPTIONS]'],
  description: [
    'Makes a capture of overlay traffic: TCP, UDP, ICMP, DNS and balanced flows between containers on several nodes, in ' +
      'VXLAN, clear or in ESP. Without faults, nothing in it is wrong: checksums are right, connections complete, queries ' +
      'answered. With --fault, the report says which packets show it.',
    'The keys of encrypted captures follow from the seed: never use them for anything else.',
  ],
  options: OPTIONS,
  notes: [
    'docs/generate.md describes the faults.',
    'Ctrl-C ends the capture after the packets that are written, and reports them.',
  ],
  examples: [
    [
      'vtep generate -o wire.pcap --encrypted --size imix --packets 1000000 --workers 2',
      'a million packets in ESP, with keys',
    ],
    [
      'vtep generate -o mtu.pcap --fault mtu-too-big --json',
      'a fault among healthy traffic, and which packets show it',
    ],
    ['vtep generate -o - --nodes 10 --networks 3 --flows 500 --duration 60 | tshark -r -', 'to another program'],
  ],
  async run(values) {
    const { output, json, workers } = values;
    if (json && output === '-') throw new UsageError('--json and -o - both use standard output; name a file');
    const options = optionsOf(values);
    const generator = new CaptureGenerator(options);
    if (values.aead !== undefined && !generator.encrypted) throw new UsageError('--aead needs --encrypted');
    const base = baseOf(values, generator.encrypted);
    const aead = generator.encrypted ? (await aeadOption(values.aead)).aead : undefined;
    const file = openOutput(output);
    stopReadingOnInterrupt();
    try {
      const files = base === undefined ? [] : writeBeside(generator, base, output);
      const report =
        workers === 1
          ? await inThisThread(generator, aead, file)
          : await inThreads(options, mostWorkers(generator.options), values, file);
      file.commit();
      if (json) {
        const text = new TextOutput();
        text.json({ file: file.name, ...report, files });
        text.flush();
      } else sayReport(report, file.name, files);
      return ExitCode.Done;
    } finally {
      file.abandon();
    }
  },
});
