/** Recordings replayed by several workers: every frame arrives unchanged, and every sum is that of one thread. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AEAD_BACKENDS, chooseAead } from '../../src/aead/index.js';
import { openCaptureFile } from '../../src/capture/index.js';
import { Oversize } from '../../src/dataplane/index.js';
import { ClusterKey, KeyRing, type Profile, type Topology } from '../../src/overlay/index.js';
import {
  CaptureFrames,
  ParallelReplay,
  type ParallelReplayOptions,
  type ParallelReplayResult,
  type ReplayResult,
} from '../../src/replay/index.js';
import { seedOfWorker } from '../../src/replay/replay-worker.js';
import { forgeBackend } from '../../native-free/forge-aead.js';
import { fixture } from '../repository.js';
import { observe, replay } from './run.js';

const WORKER = new URL('../../src/cli/replay/replay-worker.js', import.meta.url);
/** A module whose second worker ends at its first frame. */
const DYING = new URL('dying-worker.js', import.meta.url);
const BACKENDS = [...AEAD_BACKENDS, forgeBackend];
const CIPHER = chooseAead().aead.name;

function works(name: string): boolean {
  try {
    chooseAead(name, BACKENDS);
    return true;
  } catch {
    return false;
  }
}

function ring(): KeyRing {
  return new KeyRing([1, 2, 3].map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag))));
}

interface Run extends Partial<ParallelReplayOptions> {
  readonly encrypted?: boolean;
  readonly profile?: Profile;
  readonly module?: URL;
  readonly loops?: number;
}

/** Replays a recording as `replay` of run.ts does. */
async function parallel(name: string, run: Run): Promise<ParallelReplayResult & { readonly failures: string[] }> {
  const { encrypted = false, profile = 'swarm', module = WORKER, loops = 1, ...options } = run;
  const path = fixture(name);
  const observed = await observe(path);
  const topology: Topology = observed.topology({ profile, encrypted, mtu: 1500, ring: ring() });
  const workers = await ParallelReplay.start(module, topology, {
    workers: 2,
    oversize: Oversize.Outside,
    batchSize: 256,
    frameBytes: Math.max(1600, observed.largestFrame),
    conversations: observed.conversations(),
    ...(encrypted ? { cipher: CIPHER } : {}),
    ...options,
  });
  try {
    for (let loop = 0; loop < loops; loop++) {
      const frames = new CaptureFrames(observed.kind);
      const source = await openCaptureFile(path);
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        frames.begin(batch);
        while (frames.next()) {
          const { bytes, start, end, vni, seconds } = frames;
          while (!workers.send(bytes, start, end, vni, seconds % 1000)) await workers.room();
        }
      }
    }
    const outcome = await workers.finish();
    return { ...outcome, failures: workers.failures.map(({ message }) => message) };
  } finally {
    await workers.close();
  }
}

/** Each frame is accounted for exactly once. */
function assertSums({ result, lostToWorkers }: ParallelReplayResult): void {
  const { frames, unknownSource, local, exact, missing, dropped } = result;
  assert.ok(result.balanced, 'every sum adds up');
  assert.equal(unknownSource + local + exact + missing + dropped.egress.total + lostToWorkers, frames);
}

const NAMES = [
  'docker/03-vip-http.underlay.pcap',
  'vxlan/03-http-200k.c1.pcap',
  'vxlan/20-learning-arp-icmp.underlay.pcap',
];

describe('a recording replayed by 1, 2 and 3 workers gives the result of one thread', { timeout: 300_000 }, () => {
  for (const name of NAMES) {
    const counts = name === NAMES[0] ? [1, 2, 3] : [3];
    for (const [what, kind] of [
      ['clear', {}],
      ['swarm', { encrypted: true, profile: 'swarm' }],
      ['strict', { encrypted: true, profile: 'strict' }],
    ] as const) {
      test(`${name}, ${what}`, async () => {
        const alone: ReplayResult = await replay(fixture(name), kind);
        assert.ok(alone.exact > 0);
        for (const workers of counts) {
          const outcome = await parallel(name, { ...kind, workers });
          assert.deepEqual(outcome, { result: alone, lostToWorkers: 0, failures: [] });
        }
      });
    }
  }

  for (const { name: cipher } of BACKENDS) {
    test(`with ${cipher}`, { skip: works(cipher) ? false : 'it does not work here' }, async () => {
      const outcome = await parallel(NAMES[0], { encrypted: true, cipher, workers: 2 });
      assert.deepEqual(outcome.result, await replay(fixture(NAMES[0]), { encrypted: true }));
    });
  }
});

describe('an underlay that loses, reorders and duplicates packets, with workers', { timeout: 300_000 }, () => {
  for (const encrypted of [false, true]) {
    test(`the sums add up (${encrypted ? 'encrypted' : 'unencrypted'}), and the same seed gives the same result`, async () => {
      const harm = { loss: 0.1, reorder: 0.1, duplicate: 0.1, seed: 7 };
      const options = { encrypted, profile: 'strict', workers: 2, loops: 5, ...harm } as const;
      const outcome = await parallel('docker/03-vip-http.underlay.pcap', options);
      const { result } = outcome;
      assert.ok(result.balanced);
      assert.ok(result.missing > 0 && result.underlay.lost > 0 && result.underlay.duplicates > 0);
      assert.deepEqual([result.changed, result.frames], [0, 5 * 181]);
      assertSums(outcome);
      assert.deepEqual((await parallel('docker/03-vip-http.underlay.pcap', options)).result, result);
    });
  }

  test('each worker has a different seed', () => {
    const seeds = Array.from({ length: 64 }, (_, worker) => seedOfWorker(1, worker));
    assert.equal(new Set(seeds).size, 64);
    assert.deepEqual(
      seeds.map((_, worker) => seedOfWorker(1, worker)),
      seeds,
    );
    assert.notEqual(seedOfWorker(2, 0), seedOfWorker(1, 0));
  });
});

describe('a worker that ends early', { timeout: 300_000 }, () => {
  test('loses its frames, which are counted: every sum adds up with them', async () => {
    const outcome = await parallel('docker/03-vip-http.underlay.pcap', { module: DYING, workers: 2, loops: 20 });
    assert.deepEqual(outcome.failures, ['worker 2 ended before its packets did (exit code 3)']);
    assert.ok(outcome.lostToWorkers > 0);
    assert.ok(outcome.result.exact > 0);
    assert.equal(outcome.result.frames, 20 * 181);
    assertSums(outcome);
  });

  test('at its start is reported as an error with the cause', async () => {
    const missing = new URL('no-worker.js', import.meta.url);
    await assert.rejects(parallel(NAMES[0], { module: missing }), { code: 'WORKER_FAILED' });
    await assert.rejects(parallel(NAMES[0], { encrypted: true, cipher: 'x' }), /worker 1 ended: unknown cipher "x"/);
    await assert.rejects(parallel(NAMES[0], { workers: 65 }), { code: 'BAD_GROUP' });
  });
});
