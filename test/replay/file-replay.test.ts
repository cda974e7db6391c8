/** Recordings replayed by several workers that each read the file: every sum is that of one thread. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { chooseAead, hkdfSha256 } from '../../src/aead/index.js';
import { CaptureError, closeShared, openShared, type SharedFile } from '../../src/capture/index.js';
import { Oversize } from '../../src/dataplane/index.js';
import { ClusterKey, KeyRing, NodeTables, type Topology } from '../../src/overlay/index.js';
import { CaptureFrames, FileReplay, FrameClock, type ObservedTopology, Replay } from '../../src/replay/index.js';
import { type FileReplayResult, sumOfShares } from '../../src/replay/file-replay.js';
import { replayShare } from '../../src/replay/file-replay-worker.js';
import { FrameRoute } from '../../src/replay/frame-route.js';
import { loadsOf } from '../../src/replay/parallel-replay.js';
import { openCaptureFile } from '../../src/capture/index.js';
import { topologyMessage } from '../../src/workers/index.js';
import { fixture, ROOT } from '../repository.js';
import { observe } from './run.js';

const WORKER = new URL('../../src/cli/replay/replay-worker.js', import.meta.url);
const { aead } = chooseAead();
const CIPHER = { aead: () => aead, hkdf: hkdfSha256, random: (bytes: Uint8Array) => void randomFillSync(bytes) };
const BASE = { oversize: Oversize.Outside, batchSize: 256 } as const;

/** One recording in five, in all folders: a replay allocates much memory, whatever it replays. */
const NAMES = readdirSync(join(ROOT, 'fixtures'), { recursive: true, encoding: 'utf8' })
  .filter((name) => /\.pcap(ng)?$/.test(name))
  .sort()
  .filter((_, i) => i % 5 === 0);

function optionsOf(observed: ObservedTopology): typeof BASE & { frameBytes: number } {
  return { ...BASE, frameBytes: Math.max(1600, observed.largestFrame) };
}

function topologyOf(observed: ObservedTopology, encrypted: boolean): Topology {
  const ring = new KeyRing([1, 2, 3].map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag))));
  return observed.topology({ profile: 'swarm', encrypted, mtu: 1500, ring });
}

/** One thread. */
async function alone(path: string, observed: ObservedTopology, topology: Topology): Promise<FileReplayResult> {
  const options = optionsOf(observed);
  const encrypted = topology.networks.some((network) => network.encrypted);
  const replay = new Replay(topology, { ...options, ...(encrypted ? { cipher: { ...CIPHER, aead } } : {}) });
  const frames = new CaptureFrames(observed.kind, undefined, options.frameBytes);
  const clock = new FrameClock();
  const source = await openCaptureFile(path);
  let packets = 0;
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    packets += batch.count;
    frames.begin(batch);
    while (frames.next()) replay.send(frames.bytes, frames.start, frames.end, frames.vni, clock.at(frames));
  }
  await source.close();
  replay.flush();
  replay.close();
  const { withoutFrame, truncated, tooLong } = frames;
  return { result: replay.result(), withoutFrame, truncated, tooLong, packets, damage: source.damage?.message };
}

/** The shares of several workers, one after the other in this thread. */
async function shared(
  file: SharedFile,
  observed: ObservedTopology,
  topology: Topology,
  workers: number,
): Promise<FileReplayResult> {
  const loads = [...loadsOf(observed.conversations(), new FrameRoute(new NodeTables(topology, 'node1')))];
  const parts = [];
  for (let worker = 0; worker < workers; worker++) {
    const share = {
      file,
      kind: observed.kind,
      loops: 1,
      topology: topologyMessage(topology),
      options: optionsOf(observed),
      loads,
      cipher: topology.networks.some((network) => network.encrypted) ? aead.name : undefined,
    };
    parts.push(await replayShare(share, { worker, workers, stopped: false, report: () => undefined }, CIPHER));
  }
  return sumOfShares(parts);
}

describe('a file replayed by several workers', { timeout: 300_000 }, () => {
  test('gives the result of one thread, for recordings of every kind, clear and encrypted', async () => {
    let frames = 0;
    let shares = 0;
    for (const [i, name] of NAMES.entries()) {
      const path = fixture(name);
      const file = openShared(path);
      assert.ok(file !== undefined, name);
      try {
        const observed = await observe(path);
        for (const encrypted of i % 4 === 0 ? [false, true] : [false]) {
          const topology = topologyOf(observed, encrypted);
          if (topology.endpoints.length === 0 || topology.nodes.length === 0) continue;
          const expected = await alone(path, observed, topology);
          assert.deepEqual(await shared(file, observed, topology, 2), expected, name);
          frames += expected.result.frames;
          shares++;
        }
      } catch (error) {
        // Recordings of damaged files.
        if (!(error instanceof CaptureError)) throw error;
      } finally {
        closeShared(file);
      }
    }
    assert.ok(frames > 500 && shares > 10, `${frames} frames in ${shares} replays`);
  });

  test('in threads too, as often as wanted', async () => {
    const path = fixture('docker/03-vip-http.underlay.pcap');
    const observed = await observe(path);
    const topology = topologyOf(observed, false);
    const file = openShared(path);
    assert.ok(file !== undefined);
    after(() => closeShared(file));
    const options = { ...optionsOf(observed), kind: observed.kind, workers: 2, loops: 3 };
    const replay = new FileReplay(WORKER, file, topology, options);
    const { result, packets } = await replay.finish();
    assert.equal(replay.position, file.size);
    await replay.close();
    const { result: once } = await alone(path, observed, topology);
    assert.deepEqual(
      [result.frames, result.exact, result.wire.bytes, result.balanced, packets],
      [3 * once.frames, 3 * once.exact, 3 * once.wire.bytes, true, 417],
    );
  });

  test('is an error if a worker fails, as the rest is incomplete', async () => {
    const path = fixture('docker/03-vip-http.underlay.pcap');
    const observed = await observe(path);
    const file = openShared(path);
    assert.ok(file !== undefined);
    after(() => closeShared(file));
    const options = { ...optionsOf(observed), kind: observed.kind, workers: 2 };
    const missing = new URL('no-worker.js', import.meta.url);
    const replay = new FileReplay(missing, file, topologyOf(observed, false), options);
    await assert.rejects(replay.finish(), { code: 'WORKER_FAILED' });
    await replay.close();
    assert.throws(() => new FileReplay(WORKER, file, topologyOf(observed, false), { ...options, workers: 65 }), {
      code: 'BAD_GROUP',
    });
  });
});
