/** Replays a recording in this process. */
import { chooseAead, hkdfSha256 } from '../../src/aead/index.js';
import { openCaptureFile } from '../../src/capture/index.js';
import { Oversize } from '../../src/dataplane/index.js';
import { InboundEsp, InboundSa, Sad } from '../../src/ipsec/index.js';
import { parseKeys } from '../../src/overlay/files.js';
import { ClusterKey, KeyRing, type Profile, type Topology } from '../../src/overlay/index.js';
import {
  CaptureFrames,
  ObservedTopology,
  Replay,
  type ReplayOptions,
  type ReplayResult,
} from '../../src/replay/index.js';
import { readFileSync } from 'node:fs';

/** Options of a replay; defaults are those of the command. */
export interface Run extends Partial<ReplayOptions> {
  readonly encrypted?: boolean;
  readonly profile?: Profile;
  readonly mtu?: number;
  /** A dump of the SAs that decrypt the recording. */
  readonly keys?: string;
  readonly topology?: Topology;
}

const { aead } = chooseAead();
const RING = new KeyRing([1, 2, 3].map((tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag))));

function opener(keys: string): InboundEsp {
  const file = parseKeys(readFileSync(keys, 'utf8'));
  const sad = new Sad<InboundSa>();
  if (file.kind === 'ring') throw new Error('a dump is wanted');
  for (const association of file.associations) sad.add(new InboundSa(association, aead, { midStream: true }));
  return new InboundEsp(aead, sad);
}

/** The topology that the recording shows. */
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
  const esp = keys === undefined ? undefined : opener(keys);
  const frames = new CaptureFrames(observed.kind, esp);
  const source = await openCaptureFile(path);
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
    frames.begin(batch);
    while (frames.next()) result.send(frames.bytes, frames.start, frames.end, frames.vni, frames.seconds % 1000);
  }
  result.flush();
  return result.result();
}
