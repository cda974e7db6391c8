/**
 * Memory and speed of `inspect` on captures of several sizes and of `replay` on streams of 10 MB to 10 GB, and the
 * garbage per packet. Each is measured in a separate process.
 *
 *     node dist/bench/memory.js [--streams] [--quick]
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { BIG_COUNT, capture, COUNT, ROOT } from './captures.js';
import { machine, median, printTable, spread } from './machine.js';
import type { Collected } from './memory-child.js';
import { replayStream } from './stream-memory.js';

const ROUNDS = 5;
const PACKETS = 10_000_000;
/** Sizes of the streams in bytes; `--quick` omits the last one. */
const STREAMS = [1e7, 1e8, 1e9, 1e10];
const MAIN = join(ROOT, 'dist/cli/main.js');
const PROBE = pathToFileURL(join(ROOT, 'dist/bench/memory-probe.js')).href;

interface Run {
  readonly seconds: number;
  /** Peak resident memory in bytes. */
  readonly peak: number;
}

function run(words: readonly string[], record: string): Run {
  const start = process.hrtime.bigint();
  const call = spawnSync(process.execPath, ['--import', PROBE, ...words], {
    env: { ...process.env, VTEP_BENCH_MEMORY: record },
    maxBuffer: 1 << 28,
  });
  const seconds = Number(process.hrtime.bigint() - start) / 1e9;
  if (call.status !== 0) throw new Error(`${words.join(' ')} failed: ${call.stderr.toString().trim()}`);
  return { seconds, peak: Number(readFileSync(record, 'utf8')) * 1024 };
}

function inspections(): void {
  const files: (readonly [name: string, words: string[], bytes: number])[] = [['node alone', ['-e', '0'], 0]];
  for (const [payload, packets] of [
    [64, 50_000],
    [64, COUNT],
    [1400, COUNT],
    [1400, BIG_COUNT],
  ]) {
    const path = capture(payload, packets);
    const bytes = statSync(path).size;
    files.push([`inspect, ${payload} bytes inside, ${(bytes / 1e6).toFixed(0)} MB`, [MAIN, 'inspect', path], bytes]);
    // Load it into the page cache: the command is measured, not the disk.
    readFileSync(path);
  }
  const folder = mkdtempSync(join(tmpdir(), 'vtep-bench-'));
  const runs = files.map((): Run[] => []);
  try {
    for (let round = 0; round < ROUNDS; round++) {
      files.forEach(([, words], i) => runs[i].push(run(words, join(folder, 'peak'))));
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
  printTable(
    ['process', 'wall s', 'spread %', 'GB/s', 'peak MB'],
    files.map(([name, , bytes], i) => {
      const seconds = runs[i].map((one) => one.seconds);
      const middle = median(seconds);
      return [
        name,
        middle.toFixed(3),
        spread(seconds).toFixed(0),
        bytes === 0 ? '' : (bytes / middle / 1e9).toFixed(2),
        (median(runs[i].map((one) => one.peak)) / 1e6).toFixed(1),
      ];
    }),
  );
}

function streams(quick: boolean): void {
  const rows = [false, true].flatMap((encrypted) =>
    (quick ? STREAMS.slice(0, -1) : STREAMS).map((bytes) => {
      const { seconds, frames, peak } = replayStream(bytes, encrypted);
      const what = `replay -, ${encrypted ? 'encrypted' : 'clear'}, ${bytes / 1e6} MB`;
      return [what, String(frames), seconds.toFixed(1), (bytes / seconds / 1e9).toFixed(2), (peak / 1e6).toFixed(1)];
    }),
  );
  printTable(['generated and piped', 'frames', 'wall s', 'GB/s', 'peak MB'], rows);
}

function garbage(): void {
  const words = ['--expose-gc', join(ROOT, 'dist/bench/memory-child.js'), capture(64, COUNT), String(PACKETS)];
  const call = spawnSync(process.execPath, words);
  if (call.status !== 0) throw new Error(`memory-child failed: ${call.stderr.toString().trim()}`);
  const { fromFile, inMemory } = JSON.parse(call.stdout.toString()) as { fromFile: Collected; inMemory: Collected };
  printTable(
    ['64 bytes inside', 'packets', 'heap grew by', 'scavenges', 'other collections'],
    (
      [
        ['from the file, through UnderlayDecoder to the inner IP', fromFile],
        ['UnderlayDecoder over a batch in memory', inMemory],
      ] as const
    ).map(([name, of]) => [
      name,
      String(of.packets),
      `${(of.growth / 1024).toFixed(1)} KiB`,
      String(of.scavenges),
      String(of.others),
    ]),
  );
}

const { values } = parseArgs({ options: { streams: { type: 'boolean' }, quick: { type: 'boolean' } } });
process.stdout.write(`${machine()}\n\n`);
if (values.streams !== true) {
  inspections();
  process.stdout.write('\n');
  garbage();
  process.stdout.write('\n');
}
streams(values.quick === true);
