/** The metrics that nodes really give, with their labels: a node of an encrypted network with a service, in a swarm. */
import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { createSocket } from 'node:dgram';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { chooseAead, hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import { LiveVtep, vtepMetrics } from '../../src/live/index.js';
import { JoinedVtep } from '../../src/swarm/index.js';
import { gossipMetrics, joinedMetrics } from '../../src/swarm/internal.js';
import { FakeManager } from '../join/fake-manager.js';
import { FakeSwarm } from '../join/fake-swarm.js';
import { SHORT, stateDirectory } from '../join/joining.js';
import { portOf } from '../live/loopback.js';
import { ListPort } from '../live/memory-underlay.js';
import { parsePrometheus } from '../live/prometheus-page.js';
import { segmentsToVip, swarm } from '../live/services/swarm.js';

const PATIENCE_MS = 60_000;
const GOSSIP_PORT = 7946;
const KEYS = ['000102030405060708090a0b0c0d0e0f', '101112131415161718191a1b1c1d1e1f'];
const random = (bytes: Uint8Array): void => void randomFillSync(bytes);

/** Labels by metric. */
export type ExposedMetrics = ReadonlyMap<string, ReadonlySet<string>>;

/** Runs the nodes, has them count something of each kind, and reads their pages. */
export async function exposedMetrics(t: TestContext): Promise<ExposedMetrics> {
  const exposed = new Map<string, Set<string>>();
  for (const page of [await pageOfVtep(t), await pageOfJoined(t)]) {
    for (const { name, samples } of parsePrometheus(page)) {
      const labels = exposed.get(name) ?? new Set();
      for (const sample of samples) for (const label of Object.keys(sample.labels)) labels.add(label);
      exposed.set(name, labels);
    }
  }
  return exposed;
}

/** A node with an encrypted and a clear network: it translates, seals, drops, and can't send to one peer. */
async function pageOfVtep(t: TestContext): Promise<string> {
  const topology = swarm({
    port: portOf(5),
    more: {
      // The system doesn't let anybody send to the broadcast address.
      nodes: { node1: { vtep: '127.0.0.2' }, node2: { vtep: '127.0.0.3' }, node3: { vtep: '127.255.255.255' } },
      networks: {
        'my-network': {
          vni: 4097,
          subnet: '10.0.9.0/24',
          encrypted: true,
          balancers: { node1: '10.0.9.7', node2: '10.0.9.6' },
        },
        clear: { vni: 4098, subnet: '10.0.8.0/24' },
      },
      endpoints: {
        busybox: { network: 'my-network', node: 'node1', ip: '10.0.9.10', mac: '02:42:0a:00:09:0a' },
        near: { network: 'clear', node: 'node1', ip: '10.0.8.3', mac: '02:42:0a:00:08:03' },
        far: { network: 'clear', node: 'node3', ip: '10.0.8.4', mac: '02:42:0a:00:08:04' },
      },
      keys: KEYS.map((key, i) => ({ tag: i + 1, key })),
    },
  });
  const ports = new Map<string, ListPort>();
  let now = 0;
  const vtep = await LiveVtep.open({
    topology,
    node: 'node1',
    cipher: { aead: nodeBackend.create(), hkdf: hkdfSha256, random },
    clock: () => now,
    portOf: ({ name }) => {
      const port = new ListPort();
      ports.set(name, port);
      return port;
    },
  });
  t.after(() => vtep.close());
  const [busybox, near] = ['busybox', 'near'].map((name) => ports.get(name) ?? assert.fail(name));
  const toFar = Buffer.from(`02420a00080402420a00080388b5${'00'.repeat(46)}`, 'hex');
  const [segment] = segmentsToVip();
  const broken = Uint8Array.from(segment);
  broken[24] ^= 1;
  for (let i = 0; i < 5; i++) {
    now += 0.9;
    busybox.outgoing.push(...segmentsToVip(), broken, Uint8Array.of(0));
    near.outgoing.push(toFar);
    while (vtep.node.turn(0));
  }
  near.refusedBy = { EIO: 1 };
  return vtepMetrics(vtep, { version: '1.2.3', aead: 'node', reloads: { taken: 1, refused: 0 } });
}

/** A node that a manager has registered, and whose gossip has dropped a packet. */
async function pageOfJoined(t: TestContext): Promise<string> {
  const swarmOfManager = new FakeSwarm();
  const manager = await FakeManager.start(swarmOfManager);
  t.after(() => manager.stop());
  const address = '127.0.94.31';
  const joined = await JoinedVtep.open({
    managers: [manager.address],
    token: swarmOfManager.token,
    stateDirectory: stateDirectory(t),
    name: 'vtep-test',
    attachments: [{ network: 'web' }],
    advertiseAddress: address,
    cipher: { aead: chooseAead().aead, hkdf: hkdfSha256, random },
    sockets: 'node',
    esp: false,
    portOf: () => new ListPort(),
    times: { ...SHORT, callMs: 10_000, connectMs: 10_000 },
    onEvent: () => undefined,
  });
  t.after(() => joined.close({ leave: false }));
  const socket = createSocket('udp4');
  t.after(() => socket.close());
  const end = performance.now() + PATIENCE_MS;
  let metrics = '';
  // Each of these lines is there once something has happened.
  while (!['attachments', 'heartbeat_age', 'gossip_dropped', 'key_age'].every((one) => metrics.includes(one))) {
    assert.ok(performance.now() < end, metrics);
    await new Promise((done) => socket.send('nonsense', GOSSIP_PORT, address, done));
    await sleep(20);
    metrics = gossipMetrics(await joined.swarm.report()) + joinedMetrics(joined);
  }
  return metrics;
}
