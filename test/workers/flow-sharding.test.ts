/** Each flow and each SA has one worker, and each worker has its share. */
import { seedFlows } from '../../src/memory/index.js';
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ClusterKey, FloodPolicy, KeyRing, type Network, Profile, type Topology } from '../../src/overlay/index.js';
import { FlowSharding, workerOfFlow, workerOfSa } from '../../src/workers/index.js';
import { ShardMap } from '../../src/workers/shard-map.js';
import { VXLAN_PORT } from '../../src/wire/index.js';

// The distribution of flows depends on the key: the same in every run.
seedFlows(1);

const SEED = 20261121;

/** A network of each kind, on the given number of nodes. */
function topologyOf(nodes: number, networks: readonly Partial<Network>[]): Topology {
  return {
    profile: Profile.Swarm,
    port: VXLAN_PORT,
    nodes: Array.from({ length: nodes }, (_, i) => ({
      name: `n${i}`,
      vtep: Uint8Array.of(10, 0, 0, i),
      mac: undefined,
      mtu: 1500,
    })),
    networks: networks.map((network, i) => ({
      name: `net${i}`,
      vni: 4097 + i,
      subnets: [],
      gateways: [],
      encrypted: false,
      mtu: undefined,
      flood: FloodPolicy.Drop,
      learning: false,
      ...network,
    })),
    endpoints: [],
    ring: new KeyRing([new ClusterKey(1, new Uint8Array(16).fill(1))]),
  };
}

/** A frame with UDP over IPv4 for two addresses and ports. */
function frameOf(from: number, to: number, sourcePort: number, destinationPort: number): Uint8Array {
  const hex =
    `02420a0009${(to & 0xff).toString(16).padStart(2, '0')}02420a0009${(from & 0xff).toString(16).padStart(2, '0')}0800` +
    '4500001c00004000401100000a000900' +
    '0a000900' +
    '0000000000080000';
  const frame = new Uint8Array(Buffer.from(hex, 'hex'));
  frame[29] = from;
  frame[33] = to;
  new DataView(frame.buffer).setUint16(34, sourcePort);
  new DataView(frame.buffer).setUint16(36, destinationPort);
  return frame;
}

/** Number of things per worker. */
function shares(workers: number, owners: Iterable<number>): number[] {
  const counts = new Array<number>(workers).fill(0);
  for (const worker of owners) counts[worker]++;
  return counts;
}

function assertEven(counts: readonly number[], tolerance: number): void {
  const mean = counts.reduce((sum, count) => sum + count, 0) / counts.length;
  for (const count of counts) {
    assert.ok(Math.abs(count - mean) <= tolerance * mean, `${counts.join(' ')}: not within ${tolerance} of ${mean}`);
  }
}

describe('a clear network', () => {
  test('assigns a flow to one worker for good, and each worker the same number of flows', () => {
    for (const workers of [1, 2, 3, 8, 64]) {
      const spread = new FlowSharding(topologyOf(4, [{}]), workers);
      const owners = new Map<string, number>();
      for (let round = 0; round < 3; round++) {
        for (let flow = 0; flow < 640; flow++) {
          const frame = frameOf(flow & 0xff, 200, 40_000 + flow, 80);
          // The nodes don't matter.
          const worker = spread.workerOf(0, flow % 4, round % 4, frame, 0, frame.length);
          const name = `${flow}`;
          assert.equal(worker, owners.get(name) ?? worker);
          owners.set(name, worker);
        }
      }
      // Flows with the same hash stay together.
      assertEven(shares(workers, owners.values()), workers > 8 ? 0.8 : 0.25);
    }
  });
});

describe('an encrypted network', () => {
  test('assigns all frames between two nodes to one worker, for any flow and network: each SA has one owner', () => {
    const node = fc.integer({ min: 0, max: 4 });
    const frame = fc.record({
      network: fc.constantFrom(0, 1, 2),
      source: node,
      destination: fc.integer({ min: -1, max: 4 }),
      port: fc.nat(0xffff),
    });
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 200 }), fc.integer({ min: 1, max: 64 }), (frames, workers) => {
        const sealed = { encrypted: true };
        const spread = new FlowSharding(topologyOf(5, [sealed, {}, sealed]), workers);
        const owners = new Map<string, number>();
        for (const { network, source, destination, port } of frames) {
          const bytes = frameOf(source, destination & 0xff, port, 80);
          const worker = spread.workerOf(network, source, destination, bytes, 0, bytes.length);
          assert.ok(worker >= 0 && worker < workers);
          if (network === 1) continue;
          const pair = `${source} ${destination}`;
          assert.equal(worker, owners.get(pair) ?? worker);
          owners.set(pair, worker);
        }
      }),
      { seed: SEED },
    );
  });

  test('assigns each worker the same number of pairs, plus or minus one', () => {
    for (const workers of [1, 2, 3, 5, 64]) {
      const spread = new FlowSharding(topologyOf(6, [{ encrypted: true }]), workers);
      const owners: number[] = [];
      for (let source = 0; source < 6; source++) {
        for (let destination = 0; destination < 6; destination++) {
          if (destination === source) continue;
          owners.push(spread.workerOf(0, source, destination, new Uint8Array(0), 0, 0));
        }
      }
      const counts = shares(workers, owners);
      assert.ok(Math.max(...counts) - Math.min(...counts) <= 1, counts.join(' '));
    }
  });

  test('balances known loads, the heaviest first', () => {
    const loads = [9, 7, 6, 5, 4, 2].map((load, i) => ({ source: i, destination: (i + 1) % 6, load }));
    const spread = new FlowSharding(topologyOf(6, [{ encrypted: true }]), 2, loads);
    const totals = [0, 0];
    for (const { source, destination, load } of loads) {
      totals[spread.workerOf(0, source, destination, new Uint8Array(0), 0, 0)] += load;
    }
    assert.deepEqual(totals.sort(), [16, 17]);
  });

  for (const [what, kind] of [
    ['uses head-end replication', { flood: FloodPolicy.Replicate }],
    ['uses learning', { learning: true }],
  ] as const) {
    test(`that ${what} assigns all that a node seals to one worker, in every encrypted network`, () => {
      const topology = topologyOf(6, [{ encrypted: true }, { encrypted: true, ...kind }, {}]);
      const spread = new FlowSharding(topology, 3);
      const owners: number[] = [];
      for (let source = 0; source < 6; source++) {
        const workers = new Set<number>();
        for (let destination = -1; destination < 6; destination++) {
          for (const network of [0, 1]) {
            workers.add(spread.workerOf(network, source, destination, new Uint8Array(0), 0, 0));
          }
        }
        assert.equal(workers.size, 1);
        owners.push(...workers);
      }
      assert.deepEqual(shares(3, owners), [2, 2, 2]);
    });
  }

  test('does not apply this rule to a clear network with replication', () => {
    const topology = topologyOf(3, [{ encrypted: true }, { flood: FloodPolicy.Replicate }]);
    const spread = new FlowSharding(topology, 2);
    const [one, other] = [1, 2].map((to) => spread.workerOf(0, 0, to, new Uint8Array(0), 0, 0));
    assert.notEqual(one, other);
  });
});

describe('received ESP', () => {
  test('is assigned by SPI and destination: an SA has one worker, and each worker its share of SAs', () => {
    for (const workers of [2, 3, 8]) {
      const owners: number[] = [];
      for (let spi = 256; spi < 756; spi++) {
        for (const address of [Uint8Array.of(9, 10, 0, 0, 1, 9), Uint8Array.of(10, 0, 0, 2)]) {
          const offset = address.length === 6 ? 1 : 0;
          const worker = workerOfSa(spi, 4, address, offset, workers);
          assert.equal(workerOfSa(spi, 4, address.slice(offset, offset + 4), 0, workers), worker);
          owners.push(worker);
        }
      }
      assertEven(shares(workers, owners), 0.2);
    }
  });

  test('uses all 16 bytes of an IPv6 address', () => {
    const workers = new Set<number>();
    for (let i = 0; i < 256; i++) {
      const address = new Uint8Array(16);
      address[15] = i;
      workers.add(workerOfSa(7, 6, address, 0, 64));
    }
    assert.ok(workers.size > 32, `${workers.size} of 64 workers`);
  });
});

describe('flows by hash only', () => {
  test('assign each worker a range of hashes, and none beyond the last worker', () => {
    for (const workers of [1, 2, 3, 64]) {
      assert.equal(workerOfFlow(0, workers), 0);
      assert.equal(workerOfFlow(-1, workers), workers - 1);
      assert.equal(workerOfFlow(0xffffffff, workers), workers - 1);
    }
    assert.deepEqual([workerOfFlow(0x7fffffff, 2), workerOfFlow(0x80000000 | 0, 2)], [0, 1]);
  });
});

describe('owners', () => {
  test('are permanent: an item assigned before is not assigned again', () => {
    const owners = new ShardMap(2);
    const first = owners.ownerOf(5);
    owners.assignInAdvance(
      new Map([
        [5, 1000],
        [6, 1],
      ]),
    );
    assert.equal(owners.ownerOf(5), first);
    assert.equal(owners.ownerOf(6), owners.ownerOf(6));
  });
});
