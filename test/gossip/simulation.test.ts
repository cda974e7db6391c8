import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ALL_TROUBLE, differenceIn, runChaos } from '../../bench/gossip/chaos.js';
import { measurePerturbation } from '../../bench/gossip/perturbations.js';
import { type SimulatedWire, Simulation, TABLE } from '../../bench/gossip/simulation.js';
import { stallNodes } from '../../bench/gossip/stalls.js';
import { nodeBackend } from '../../src/aead/index.js';
import {
  DOCKER_PROFILES,
  GossipKeyring,
  NodeState,
  StreamDecoder,
  type SwarmMemberParameters,
  decodeParts,
  encodeParts,
  encodeStream,
  fromStream,
  isFault,
  toStream,
} from '../../src/gossip/index.js';

const ROUND = 200;
const NETWORK = 'network';

/** Encrypts all that is sent, and decrypts it again. */
function encryptedWire(): SimulatedWire {
  const keys = new GossipKeyring(nodeBackend.create());
  keys.add(1, new Uint8Array(16).fill(7));
  return {
    packet: (parts, crc) => {
      const bytes = encodeParts(parts, crc, keys);
      assert.ok(bytes.length <= 1400, `${bytes.length} bytes`);
      const decoded = decodeParts(bytes, keys);
      assert.ok(!isFault(decoded) && decoded.invalid === 0);
      return decoded.parts;
    },
    stream: (message) => {
      const decoded = new StreamDecoder(keys).push(encodeStream(toStream(message), keys));
      assert.ok(decoded !== undefined && !isFault(decoded));
      const read = fromStream(decoded);
      assert.ok(read !== undefined);
      return read;
    },
  };
}

/** A cluster of nodes that have all joined the first ones and a network. */
function cluster(seed: number, nodes: number, parameters = {}): Simulation {
  const simulation = new Simulation({ seed, nodes, parameters });
  const managers = simulation.nodes.slice(0, 3);
  for (const node of simulation.nodes) {
    simulation.start(node, `node-${node.index}`);
    simulation.call(node, ({ networkDb }, now) => {
      networkDb.join(
        managers.filter((other) => other !== node).map(({ endpoint }) => endpoint),
        now,
      );
      networkDb.joinNetwork(NETWORK, now);
    });
  }
  simulation.run(5000);
  return simulation;
}

function createAll(simulation: Simulation): void {
  for (const node of simulation.nodes) {
    simulation.call(node, ({ networkDb }, now) =>
      networkDb.createEntry(NETWORK, TABLE, node.name, Uint8Array.of(1), now),
    );
  }
}

/** Runs until all nodes agree. */
function settle(simulation: Simulation, patience: number, what: string): number {
  const from = simulation.now;
  let difference: string | undefined;
  simulation.run(from + patience, () => (difference = differenceIn(simulation)) === undefined, 100);
  assert.equal(difference, undefined, what);
  return simulation.now - from;
}

test('the same seed gives the same run', () => {
  const run = (seed: number): unknown => {
    const simulation = new Simulation({ seed, nodes: 30, loss: 0.1, skew: 0.01 });
    simulation.startFormed(NETWORK, 1);
    simulation.at(3000, () => simulation.kill(simulation.node(7)));
    simulation.run(30_000);
    return [simulation.packets, simulation.lostPackets, simulation.streams, simulation.random()];
  };
  assert.deepEqual(run(1), run(1));
  assert.notDeepEqual(run(1), run(2));
});

test('a new entry is known on 200 nodes within 12 rounds, with and without loss', () => {
  for (const loss of [0, 0.1]) {
    const times = measurePerturbation({ seed: 1, nodes: 200, loss, kind: 'entry created', repetitions: 10 });
    assert.ok((times.at(-1) ?? Infinity) <= 12 * ROUND, `seed 1: ${times.join(' ')}`);
  }
});

test('a death among 100 nodes is declared near the shortest suspicion', () => {
  // Two probe periods until three nodes have noticed, 4 * log10(100) s of suspicion, and some rounds of gossip.
  const times = measurePerturbation({ seed: 1, nodes: 100, loss: 0, kind: 'node dies', repetitions: 5 });
  assert.ok((times.at(-1) ?? Infinity) <= 8000 + 4000, `seed 1: ${times.join(' ')}`);
  assert.ok((times[0] ?? 0) >= 8000);
});

test('nodes that are cut off accuse 50 times fewer healthy ones than with plain SWIM', () => {
  const options = { seed: 1, nodes: 120, stalled: 3, stallTime: 20_000, runTime: 10_000, duration: 90_000 };
  const plain = stallNodes({ ...options, lifeguard: false, kind: 'held' });
  const lifeguard = stallNodes({ ...options, lifeguard: true, kind: 'held' });
  assert.ok(plain.falseAtHealthy >= 1000, `${plain.falseAtHealthy}`);
  assert.ok(lifeguard.falseAtHealthy * 50 <= plain.falseAtHealthy, `${lifeguard.falseAtHealthy}`);
  assert.ok(lifeguard.stalledAtHealthy > 0);
});

test('no random trouble makes nodes disagree for ever', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const { settled, difference, log } = runChaos({ seed });
    assert.ok(settled !== undefined, `seed ${seed}: ${difference}\n${log.join('\n')}`);
  }
});

test('nor does it over the wire, encrypted', () => {
  for (let seed = 1; seed <= 8; seed += 1) {
    const { settled, difference } = runChaos({ seed, wire: encryptedWire(), nodes: 5, trouble: 20_000 });
    assert.ok(settled !== undefined, `seed ${seed}: ${difference}`);
  }
});

test('nor do asymmetric partitions alone', () => {
  const weights = { ...ALL_TROUBLE, kill: 0, restart: 0, restartSameName: 0, leave: 0, oneWay: 8, partition: 0 };
  for (let seed = 1; seed <= 40; seed += 1) {
    const { settled, difference } = runChaos({ seed, weights });
    assert.ok(settled !== undefined, `seed ${seed}: ${difference}`);
  }
});

test('nodes that all restart under their old names find each other again (memberlist issue 311)', () => {
  for (let seed = 1; seed <= 10; seed += 1) {
    const simulation = cluster(seed, 20);
    createAll(simulation);
    for (const node of simulation.nodes) {
      // Incarnations that a new process doesn't know of.
      const { self } = node.member.member;
      self.incarnation = 50 + node.index;
      simulation.at(simulation.now + 1 + Math.floor(simulation.random() * 15_000), () => {
        simulation.kill(node);
        simulation.at(simulation.now + 500 + Math.floor(simulation.random() * 8000), () => {
          simulation.start(node, node.name);
          const managers = simulation.nodes.slice(0, 3).filter((other) => other !== node);
          simulation.call(node, ({ networkDb }, now) => {
            networkDb.join(
              managers.map(({ endpoint }) => endpoint),
              now,
            );
            networkDb.joinNetwork(NETWORK, now);
          });
        });
      });
    }
    simulation.run(simulation.now + 25_000);
    settle(simulation, 120_000, `seed ${seed}`);
  }
});

test('the entries of a node that was cut off for a while are back soon after (moby issue 53141)', () => {
  const simulation = cluster(1, 8);
  createAll(simulation);
  settle(simulation, 10_000, 'before');
  const cut = simulation.node(5);
  simulation.blocks = (from, to) => from === cut || to === cut;
  simulation.run(simulation.now + 40_000);
  const other = simulation.node(2).member;
  assert.equal(other.member.peer(cut.name)?.state ?? NodeState.Dead, NodeState.Dead);
  assert.equal(other.networkDb.value(NETWORK, TABLE, cut.name), undefined);
  simulation.blocks = undefined;
  const time = settle(simulation, 60_000, 'after');
  assert.ok(time <= 20_000, `${time} ms`);
});

test('a node that comes back under its old name takes back what it no longer has (moby issue 47728)', () => {
  const simulation = cluster(1, 6);
  createAll(simulation);
  settle(simulation, 10_000, 'before');
  const node = simulation.node(4);
  simulation.kill(node);
  simulation.start(node, node.name);
  simulation.call(node, ({ networkDb }, now) => {
    networkDb.join([simulation.node(0).endpoint], now);
    networkDb.joinNetwork(NETWORK, now);
  });
  settle(simulation, 90_000, 'after');
  for (const { member } of simulation.nodes) assert.equal(member.networkDb.value(NETWORK, TABLE, node.name), undefined);
});

test('one that has restarted alone has all entries soon after another has joined it again', () => {
  const simulation = cluster(1, 6);
  createAll(simulation);
  settle(simulation, 10_000, 'before');
  const alone = simulation.node(0);
  simulation.kill(alone);
  simulation.run(simulation.now + 40_000);
  simulation.start(alone, 'back');
  simulation.call(alone, ({ networkDb }, now) => networkDb.joinNetwork(NETWORK, now));
  const other = simulation.node(5);
  simulation.call(other, ({ networkDb }, now) => networkDb.join([alone.endpoint], now));
  const { networkDb } = alone.member;
  const has = (): boolean => networkDb.value(NETWORK, TABLE, other.name) !== undefined;
  simulation.run(simulation.now + 2_000, has, 100);
  assert.ok(has());
});

test('this member and engines of all releases agree with each other', () => {
  for (const [name, parameters] of Object.entries(DOCKER_PROFILES)) {
    const simulation = cluster(1, 6, parameters);
    createAll(simulation);
    settle(simulation, 40_000, name);
  }
});

/** How long nodes that all start at once, each with an entry, take until they agree. */
function timeOfStart(seed: number, nodes: number, parameters: SwarmMemberParameters): number {
  const simulation = new Simulation({ seed, nodes, parameters });
  const [first] = simulation.nodes;
  for (const node of simulation.nodes) {
    simulation.start(node, `node-${node.index}`);
    simulation.call(node, ({ networkDb }, now) => {
      if (node !== first) networkDb.join([first.endpoint], now);
      networkDb.joinNetwork(NETWORK, now);
      networkDb.createEntry(NETWORK, TABLE, node.name, Uint8Array.of(1), now);
    });
  }
  return settle(simulation, 60_000, `seed ${seed}`);
}

test('nodes that start at once know all entries within seconds, and engines with their next bulk sync', () => {
  const engines: number[] = [];
  for (let seed = 1; seed <= 40; seed += 1) {
    for (const nodes of seed % 4 === 0 ? [6, 8, 20] : [8]) {
      const time = timeOfStart(seed, nodes, {});
      assert.ok(time <= 8000, `seed ${seed}, ${nodes} nodes: ${time} ms`);
    }
    engines.push(timeOfStart(seed, 8, DOCKER_PROFILES['docker-29.8']));
  }
  assert.ok(Math.max(...engines) > 10_000, engines.join(' '));
});
