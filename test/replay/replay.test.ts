import assert from 'node:assert/strict';
import test from 'node:test';
import { Oversize } from '../../src/dataplane/index.js';
import { FloodPolicy, Profile, type Topology } from '../../src/overlay/index.js';
import { Replay } from '../../src/replay/index.js';

const MACS = [Uint8Array.of(2, 0, 0, 0, 0, 1), Uint8Array.of(2, 0, 0, 0, 0, 2)] as const;

const TOPOLOGY: Topology = {
  profile: Profile.Swarm,
  port: 4789,
  nodes: [1, 2].map((i) => ({ name: `n${i}`, vtep: Uint8Array.of(192, 0, 2, i), mac: undefined, mtu: 1500 })),
  networks: [
    {
      name: 'net',
      vni: 7,
      subnets: [],
      gateways: [],
      encrypted: false,
      mtu: undefined,
      flood: FloodPolicy.Drop,
      learning: false,
    },
  ],
  endpoints: [0, 1].map((i) => ({ name: `c${i}`, network: 0, node: i, ip: undefined, mac: MACS[i] })),
  ring: undefined,
};

test('frames of a node that rarely sends are delivered while they are still kept for comparison', () => {
  const replay = new Replay(TOPOLOGY, { oversize: Oversize.Outside, batchSize: 256, frameBytes: 1600 });
  const frame = new Uint8Array(60);
  const view = new DataView(frame.buffer);
  // IEEE 802's EtherType for experiments; each frame has a unique number.
  view.setUint16(12, 0x88b5);
  const frames = 20_000;
  for (let i = 0; i < frames; i++) {
    const from = i % 100 === 0 ? 1 : 0;
    frame.set(MACS[1 - from], 0);
    frame.set(MACS[from], 6);
    view.setUint32(20, i);
    replay.send(frame, 0, frame.length, 7, i / 1000);
  }
  replay.flush();
  const { exact, again, changed, missing, balanced } = replay.result();
  replay.close();
  assert.deepEqual(
    { exact, again, changed, missing, balanced },
    { exact: frames, again: 0, changed: 0, missing: 0, balanced: true },
  );
});
