/** One replay of a capture, in the main thread or in workers. */
import { randomFillSync } from 'node:crypto';
import { hkdfSha256 } from '../../aead/index.js';
import { type CaptureBatch, closeShared, openShared, PcapWriter, type SharedFile } from '../../capture/index.js';
import type { Oversize } from '../../dataplane/index.js';
import { seedFlows } from '../../memory/index.js';
import type { Topology } from '../../overlay/index.js';
import {
  CaptureFrames,
  CaptureKind,
  FileReplay,
  FrameClock,
  ParallelReplay,
  Replay,
  type ReplayResult,
} from '../../replay/index.js';
import { EthernetHeaders } from '../../wire/index.js';
import { aeadOption } from '../options/aead-option.js';
import { readInput, sayDamage, sayInterrupted } from '../capture/capture-input.js';
import { isInterrupted, unlessInterrupted } from '../interruption.js';
import type { KeysOption } from '../keys/key-files.js';
import { openOutput } from '../output.js';
import { Progress } from '../progress.js';
import type { ReplayInput } from './replay-input.js';
import type { ReplayValues } from './replay-options.js';
import type { ReplayRun } from './replay-report.js';
import { grouped } from '../table.js';
import { say } from '../text-output.js';
import { UsageError } from '../usage-error.js';

/** With fewer, nodes one rotation apart can't decrypt each other's packets. */
const ROTATING_KEYS = 3;
const WORKER = new URL('replay-worker.js', import.meta.url);

/** What to replay, and how. */
export interface ReplayCall {
  readonly path: string;
  readonly input: ReplayInput;
  readonly values: ReplayValues;
  /** The keys for an encrypted capture, if given. */
  readonly keys: KeysOption | undefined;
}

/** Options that apply to every replay of the invocation. */
interface RunOptions {
  readonly oversize: Oversize;
  readonly batchSize: number;
  readonly frameBytes: number;
  readonly loss: number;
  readonly reorder: number;
  readonly duplicate: number;
  readonly corrupt: number;
  readonly seed: number;
}

/** Packets that weren't replayed. */
type Skipped = Pick<ReplayRun, 'withoutFrame' | 'cut' | 'tooLong'>;

/** The result of a replay, and its duration. */
type Outcome = Pick<ReplayRun, 'milliseconds' | 'lostToWorkers'> &
  Skipped & {
    readonly result: ReplayResult;
  };

/**
 * Refuses options that need a total order of packets, which several workers don't preserve.
 * @throws UsageError
 */
export function checkWorkers({ workers, rotateEvery, writeWire, ingressNode }: ReplayValues): void {
  const given = { 'rotate-every': rotateEvery, 'write-wire': writeWire, 'ingress-node': ingressNode };
  const other = Object.entries(given).find(([, value]) => value !== undefined)?.[0];
  if (workers > 1 && other !== undefined) {
    throw new UsageError(
      `--${other} needs packets in order, which ${workers} workers don't preserve; omit one of the options`,
    );
  }
}

function runOptions({ values, input }: ReplayCall): RunOptions {
  const { oversize, batch, loss, reorder, duplicate, corrupt, seed } = values;
  return { oversize, batchSize: batch, frameBytes: input.frameBytes, loss, reorder, duplicate, corrupt, seed };
}

/**
 * Reads a capture `--loops` times.
 * @param onFrames consumes the frames of a batch; the clock gives each frame's time since the first one
 * @returns the number of packets without a complete frame, of those that are truncated, and of frames too long
 */
async function readFrames(
  { input, values, keys }: ReplayCall,
  onFrames: (frames: CaptureFrames, clock: FrameClock) => void | Promise<void>,
): Promise<Skipped> {
  const { observed, frameBytes } = input;
  const clock = new FrameClock();
  let withoutFrame = 0;
  let cut = 0;
  let tooLong = 0;
  const { loops } = values;
  const progress = new Progress();
  for (let loop = 1; loop <= loops && !isInterrupted(); loop++) {
    const source = await input.open();
    if (loops > 1) progress.pass = `loop ${grouped(loop)} of ${grouped(loops)}`;
    const frames = new CaptureFrames(observed.kind, keys?.openEsp()?.esp, frameBytes);
    clock.restart();
    const onBatch = (batch: CaptureBatch): void | Promise<void> => {
      frames.begin(batch);
      return onFrames(frames, clock);
    };
    await readInput(source, onBatch, progress).finally(() => progress.end());
    withoutFrame += frames.withoutFrame;
    cut += frames.truncated;
    tooLong += frames.tooLong;
  }
  return { withoutFrame, cut, tooLong };
}

/** Replays in the main thread; the measured time excludes reading. */
async function runHere(
  call: ReplayCall,
  topology: Topology,
  keys: KeysOption['choice'] | undefined,
  wirePath: string | undefined,
): Promise<Outcome> {
  const rotateEvery = keys === undefined ? undefined : rotateOption(call.values, topology);
  // For the IV masks: the key is new in each run, unless a config provides one.
  const random = (bytes: Uint8Array): void => void randomFillSync(bytes);
  // Decrypted frames may be written in clear here.
  const wire =
    wirePath === undefined ? undefined : openOutput(wirePath, call.path, { ownerOnly: call.keys !== undefined });
  try {
    const writer = wire === undefined ? undefined : new PcapWriter(wire.write, { nanoseconds: true });
    const macs = topology.nodes.map(({ mac }) => mac);
    const headers = topology.nodes.map(({ vtep, mac }) => new EthernetHeaders(vtep.length === 4 ? 4 : 6, mac, macs));
    let seconds = 0;
    let nanoseconds = 0;
    const replay = new Replay(topology, {
      ...runOptions(call),
      balance: call.input.observed.kind === CaptureKind.Frames,
      ...(call.values.ingressNode === undefined ? {} : { ingressNode: call.values.ingressNode }),
      ...(rotateEvery === undefined ? {} : { rotateEvery }),
      ...(keys === undefined ? {} : { cipher: { aead: keys.aead, hkdf: hkdfSha256, random } }),
      ...(writer === undefined
        ? {}
        : {
            onWire: (batch, from) => {
              const { bytes } = batch.arena;
              for (let i = 0; i < batch.count; i++) {
                const start = headers[from].prepend(bytes, batch.start[i], batch.node[i]);
                const length = batch.end[i] - start;
                writer.write(bytes, start, length, length, seconds, nanoseconds);
              }
            },
          }),
    });
    let milliseconds = 0;
    let skipped: Skipped;
    try {
      skipped = await readFrames(call, (frames, clock) => {
        const began = performance.now();
        while (frames.next()) {
          ({ seconds, nanoseconds } = frames);
          replay.send(frames.bytes, frames.start, frames.end, frames.vni, clock.at(frames));
        }
        milliseconds += performance.now() - began;
      });
      const began = performance.now();
      replay.flush();
      milliseconds += performance.now() - began;
    } finally {
      replay.close();
    }
    writer?.flush();
    wire?.commit();
    return { milliseconds, ...skipped, lostToWorkers: 0, result: replay.result() };
  } finally {
    wire?.abandon();
  }
}

/** How often the status line is written while workers read, in milliseconds. */
const STATUS_MS = 200;

/** Replays in workers that are given the frames; reading runs in parallel and is part of the measured time. */
async function runByWorkers(
  call: ReplayCall,
  topology: Topology,
  keys: KeysOption['choice'] | undefined,
  workers: number,
): Promise<Outcome> {
  const replay = await ParallelReplay.start(WORKER, topology, {
    ...runOptions(call),
    workers,
    conversations: call.input.observed.conversations(),
    ...(keys === undefined ? {} : { cipher: keys.aead.name }),
  });
  try {
    const began = performance.now();
    const skipped = await readFrames(call, async (frames, clock) => {
      while (frames.next()) {
        const now = clock.at(frames);
        while (!replay.send(frames.bytes, frames.start, frames.end, frames.vni, now)) await replay.room();
      }
    });
    const outcome = await replay.finish();
    const milliseconds = performance.now() - began;
    for (const { message } of replay.failures) say(`vtep: ${message}: its frames count as lost`);
    return { ...outcome, milliseconds, ...skipped };
  } finally {
    await replay.close();
  }
}

/** Replays a file in workers that read it themselves, which is part of the measured time. */
async function runFromFile(
  call: ReplayCall,
  file: SharedFile,
  topology: Topology,
  keys: KeysOption['choice'] | undefined,
): Promise<Outcome> {
  const { observed } = call.input;
  const { workers, loops } = call.values;
  const began = performance.now();
  const replay = new FileReplay(WORKER, file, topology, {
    ...runOptions(call),
    workers,
    loops,
    kind: observed.kind,
    conversations: observed.conversations(),
    ...(keys === undefined ? {} : { cipher: keys.aead.name }),
  });
  const progress = new Progress();
  const status = setInterval(() => progress.tick({ ...file, position: replay.position }), STATUS_MS);
  try {
    const finished = replay.finish();
    let outcome = await unlessInterrupted(finished);
    if (outcome === undefined) {
      replay.stop();
      outcome = await finished;
    }
    const milliseconds = performance.now() - began;
    progress.end();
    const { result, withoutFrame, truncated, tooLong, packets, damage } = outcome;
    if (isInterrupted()) sayInterrupted(file.name, packets);
    else if (damage !== undefined) sayDamage(file.name, damage, packets);
    return { milliseconds, lostToWorkers: 0, result, withoutFrame, cut: truncated, tooLong };
  } finally {
    clearInterval(status);
    progress.end();
    await replay.close();
  }
}

/** Workers read a file themselves, unless only one thread can read it, or has the keys to decrypt it. */
async function runOnCores(
  call: ReplayCall,
  topology: Topology,
  keys: KeysOption['choice'] | undefined,
  workers: number,
): Promise<Outcome> {
  const file = call.keys === undefined ? openShared(call.path) : undefined;
  if (file === undefined) return runByWorkers(call, topology, keys, workers);
  try {
    return await runFromFile(call, file, topology, keys);
  } finally {
    closeShared(file);
  }
}

function rotateOption({ rotateEvery }: ReplayValues, { ring }: Topology): number | undefined {
  if (rotateEvery !== undefined && (ring?.keys.length ?? 0) < ROTATING_KEYS) {
    throw new UsageError(`--rotate-every needs a ring of at least ${ROTATING_KEYS} keys: oldest, current, next`);
  }
  return rotateEvery;
}

/**
 * Replays the whole capture once.
 * @param topology the topology, with its networks encrypted or clear
 * @param wirePath output file for the packets on the wire, if any
 * @throws UsageError, WorkersError
 */
export async function runReplay(
  call: ReplayCall,
  topology: Topology,
  wirePath: string | undefined,
): Promise<ReplayRun> {
  const { values, keys } = call;
  const { workers } = values;
  const isBalanced = topology.services !== undefined && call.input.observed.kind === CaptureKind.Frames;
  if (workers > 1 && isBalanced) {
    throw new UsageError(`load balancers need packets in order, which ${workers} workers don't preserve`);
  }
  const sealed = topology.networks.some(({ encrypted }) => encrypted);
  const choice = sealed ? (keys?.choice ?? (await aeadOption(values.aead))) : undefined;
  // A fixed seed gives every run the same source ports, so that outputs can be compared.
  seedFlows(1);
  const outcome =
    workers === 1 ? await runHere(call, topology, choice, wirePath) : await runOnCores(call, topology, choice, workers);
  return {
    encrypted: sealed,
    profile: topology.profile,
    cipher: choice?.aead.name ?? null,
    mtu: topology.nodes[0]?.mtu ?? 0,
    workers,
    ...outcome,
  };
}
