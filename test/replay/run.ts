/** Replays a recording in this process. */
import { chooseAead, hkdfSha256 } from '../../src/aead/index.js';
import { openCaptureFile } from '../../src/capture/index.js';
import { Ingress, Oversize, Verdict } from '../../src/dataplane/index.js';
import { InboundEsp, InboundSa, Sad } from '../../src/ipsec/index.js';
import { ClusterKey, KeyRing, parseKeys, type Profile, type Topology } from '../../src/overlay/index.js';
import {
  CaptureKind,
  ObservedTopology,
  Replay,
  type ReplayOptions,
  type ReplayResult,
} from '../../src/replay/index.js';
import { readFileSync } from 'node:fs';

/** How a recording is replayed; what isn't said is as the command has it. */
export interface Run extends Partial<ReplayOptions> {
  readonly encrypted?: boolean;
  readonly profile?: Profile;
  readonly mtu?: number;
  /** A dump of SAs that opens the recording. */
  readonly keys?: string;
  readonly topology?: Topology;
}

const { aead } = chooseAead();
const RING = new KeyRing([1, 2, 3].map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag))));

function opener(keys: string): InboundEsp {
  const file = parseKeys(readFileSync(keys, 'utf8'));
  const sad = new Sad<InboundSa>();
  if (file.kind === 'ring') throw new Error('a dump is wanted');
  for (const association of file.associations) sad.add(new InboundSa(association, aead, { late: true }));
  return new InboundEsp(aead, sad);
}

/** Hands every frame of a recording to `onFrame`: of containers as they are, of an underlay out of their tunnels. */
async function eachFrame(
  path: string,
  kind: CaptureKind,
  keys: string | undefined,
  onFrame: (bytes: Uint8Array, start: number, end: number, vni: number, seconds: number) => void,
): Promise<void> {
  const ingress = new Ingress(keys === undefined ? {} : { esp: opener(keys) });
  const source = await openCaptureFile(path);
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    for (let i = 0; i < batch.count; i++) {
      const start = batch.offset[i];
      const end = start + batch.capturedLength[i];
      if (kind === CaptureKind.Frames) {
        onFrame(batch.bytes, start, end, -1, batch.seconds[i]);
        continue;
      }
      const limit = start + batch.originalLength[i];
      if (ingress.receive(batch.linkType[i], batch.bytes, start, end, limit, batch.seconds[i]) !== Verdict.Frame)
        continue;
      onFrame(ingress.outerBytes, ingress.frameOffset, ingress.frameEnd, ingress.vni, batch.seconds[i]);
    }
  }
}

/** What the recording shows of its network. */
export async function observe(path: string, keys?: string): Promise<ObservedTopology> {
  const observed = new ObservedTopology(keys === undefined ? {} : { esp: opener(keys) });
  const source = await openCaptureFile(path);
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) observed.add(batch);
  return observed;
}

/** Replays a recording. */
export async function replay(path: string, run: Run = {}): Promise<ReplayResult> {
  const { encrypted = false, profile = 'swarm', mtu = 1500, keys } = run;
  const observed = await observe(path, keys);
  const topology = run.topology ?? observed.topology({ profile, encrypted, mtu, ring: RING });
  const result = new Replay(topology, {
    oversize: Oversize.Outside,
    batchSize: 256,
    frameBytes: Math.max(1600, observed.largestFrame),
    ...(encrypted ? { cipher: { aead, hkdf: hkdfSha256, random: (bytes) => bytes.fill(7) } } : {}),
    ...run,
  });
  await eachFrame(path, observed.kind, keys, (bytes, start, end, vni, seconds) => {
    result.send(bytes, start, end, vni, seconds % 1000);
  });
  result.flush();
  return result.result();
}
