/** Networks in one process: frames arrive as sent, nothing is lost uncounted, and a seed repeats a run. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { ChangeKind, parseIp } from '../../src/overlay/index.js';
import { parseConfig } from '../../src/overlay/files.js';
import type { Arrival } from '../../src/simulate/arrival.js';
import { simulate } from '../../src/simulate/simulate.js';
import type { Simulation } from '../../src/simulate/simulation.js';
import { parseMac } from '../../src/wire/index.js';
import { scratch } from '../cli/run.js';

function configOf(encrypted: boolean, more = ''): string {
  return `
nodes:
  n1: { vtep: 192.168.50.1 }
  n2: { vtep: 192.168.50.2 }
  n3: { vtep: 192.168.50.3 }
networks:
  web: { vni: 4097, subnet: 10.0.9.0/24, encrypted: ${encrypted}${more} }
endpoints:
  c1: { network: web, node: n1, ip: 10.0.9.1, mac: "02:42:0a:00:09:01" }
  c2: { network: web, node: n2, ip: 10.0.9.2, mac: "02:42:0a:00:09:02" }
  c3: { network: web, node: n3, ip: 10.0.9.3, mac: "02:42:0a:00:09:03" }
  c4: { network: web, node: n1, ip: 10.0.9.4, mac: "02:42:0a:00:09:04" }
keys:
  - { tag: 1, key: "4c6f72656d20697073756d20646f6c6f" }
  - { tag: 2, key: "722073697420616d65742c20636f6e73" }
  - { tag: 3, key: "65637465747572206164697069736369" }
`;
}

/** A frame from one container to another, with an experimental EtherType. */
function frame(from: number, to: number, length = 60): Buffer {
  const bytes = Buffer.alloc(length, 0x5a);
  bytes.set([2, 0x42, 10, 0, 9, to, 2, 0x42, 10, 0, 9, from, 0x88, 0xb5]);
  return bytes;
}

function assertSum(network: Simulation): void {
  const { in: into, made, out, dropped, held, drops } = network.accounting;
  assert.equal(into + made, out + dropped + held, JSON.stringify(network.accounting));
  assert.equal(
    Object.values(drops).reduce((sum, count) => sum + count, 0),
    dropped,
  );
}

describe('simulate', () => {
  for (const encrypted of [false, true]) {
    test(`frames arrive as they were sent, ${encrypted ? 'encrypted' : 'clear'}`, async () => {
      const network = await simulate(configOf(encrypted));
      const sent = [frame(1, 2), frame(1, 2, 1400), frame(1, 4), frame(1, 3)];
      for (const each of sent) network.node('n1').send('c1', each);
      const arrived = network.nodes.flatMap((node) => node.take());
      assert.deepEqual(
        arrived.map(({ node, endpoint, vni }) => [node, endpoint, vni]),
        [
          ['n1', 'c4', 4097],
          ['n2', 'c2', 4097],
          ['n2', 'c2', 4097],
          ['n3', 'c3', 4097],
        ],
      );
      assert.deepEqual(
        arrived.map(({ frame: bytes }) => Buffer.from(bytes)),
        [sent[2], sent[0], sent[1], sent[3]],
      );
      assert.equal(arrived[0].headers.sourceMac, '02:42:0a:00:09:01');
      assertSum(network);
      assert.deepEqual(network.accounting, { in: 4, made: 0, out: 4, dropped: 0, held: 0, drops: {} });
      network.close();
    });
  }

  test('takes a path, a text or a topology', async () => {
    const path = join(scratch(), 'overlay.yaml');
    writeFileSync(path, configOf(true));
    for (const topology of [path, configOf(true), parseConfig(configOf(true))]) {
      const network = await simulate(topology);
      network.node('n1').send('c1', frame(1, 2));
      assert.equal(network.node('n2').take().length, 1);
      network.close();
    }
    await assert.rejects(simulate(join(scratch(), 'missing.yaml')), { code: 'CONFIG_UNUSABLE' });
    await assert.rejects(simulate('nodes: {}\nnetworks: 7\n'), { code: 'BAD_CONFIG' });
  });

  test('a flooded frame reaches all other endpoints of the network', async () => {
    const network = await simulate(configOf(true, ', flood: replicate'));
    const broadcast = frame(1, 0);
    broadcast.fill(0xff, 0, 6);
    network.node('n1').send('c1', broadcast);
    const names = network.nodes.flatMap((node) => node.take().map(({ endpoint }) => endpoint));
    assert.deepEqual(names.sort(), ['c2', 'c3', 'c4']);
    assertSum(network);
    network.close();
  });

  test('packets that exceed the MTU are fragmented and reassembled where that is wanted', async () => {
    const network = await simulate(configOf(true), { mtu: 600, oversize: 'outside' });
    const large = frame(1, 2, 1400);
    network.node('n1').send('c1', large);
    assert.deepEqual(Buffer.from(network.node('n2').take()[0].frame), large);
    assertSum(network);
    network.close();
  });

  test('refuses names and options that make no sense, and says which there are', async () => {
    const network = await simulate(configOf(false));
    assert.throws(() => network.node('n9'), { code: 'NO_SUCH_NODE', message: /n1, n2, n3/ });
    assert.throws(() => network.node('n1').send('c2', frame(2, 1)), { code: 'NO_SUCH_ENDPOINT', message: /c1, c4/ });
    network.close();
    assert.throws(() => network.node('n1').send('c1', frame(1, 2)), { code: 'CLOSED' });
    for (const options of [{ loss: 2 }, { latencySeconds: -1 }, { maxQueued: 0 }, { jitterSeconds: Number.NaN }]) {
      await assert.rejects(simulate(configOf(false), options), { code: 'BAD_OPTION' });
    }
  });
});

describe('time', () => {
  test('is simulated: packets arrive when their latency has passed', async () => {
    const network = await simulate(configOf(false), { latencySeconds: 0.25 });
    network.node('n1').send('c1', frame(1, 2));
    assert.equal(network.inFlight, 1);
    network.advance(0.2);
    assert.deepEqual(network.node('n2').take(), []);
    assertSum(network);
    network.advance(0.1);
    const [arrival] = network.node('n2').take();
    assert.deepEqual([arrival.seconds, network.seconds], [0.25, 0.30000000000000004]);
    network.close();
  });

  test('is that of a clock that is passed in', async () => {
    let now = 1000;
    const network = await simulate(configOf(true), { latencySeconds: 1, clock: () => now });
    network.node('n1').send('c1', frame(1, 2));
    network.run();
    assert.equal(network.inFlight, 1);
    now += 2;
    network.run();
    assert.equal(network.node('n2').take()[0].seconds, 1002);
    assert.throws(
      () => {
        network.advance(1);
      },
      { code: 'NOT_ITS_CLOCK' },
    );
    network.close();
  });

  test('passes while a loop waits for arrivals, which ends with the simulation', async () => {
    const network = await simulate(configOf(true), { latencySeconds: 60 });
    for (let i = 0; i < 3; i++) network.node('n1').send('c1', frame(1, 2, 60 + i));
    const lengths: number[] = [];
    for await (const arrival of network.node('n2')) {
      lengths.push(arrival.frame.length);
      if (lengths.length === 3) break;
    }
    assert.deepEqual([lengths, network.seconds], [[60, 61, 62], 60]);
    const rest = (async () => {
      const all: Arrival[] = [];
      for await (const arrival of network.node('n2')) all.push(arrival);
      return all.length;
    })();
    await Promise.resolve();
    network.node('n1').send('c1', frame(1, 2));
    network.run();
    await new Promise<void>((resolve) => setImmediate(resolve));
    network.close();
    assert.equal(await rest, 1);
  });
});

test('listeners may answer, and take the arrivals instead of the queues', async () => {
  const network = await simulate(configOf(true), { latencySeconds: 0.001 });
  const seen: string[] = [];
  const stop = network.on('deliver', ({ node, endpoint, seconds }) => {
    seen.push(`${node} ${endpoint} ${seconds.toFixed(3)}`);
    if (seen.length < 4) network.node(node).send(endpoint, endpoint === 'c2' ? frame(2, 1) : frame(1, 2));
  });
  network.node('n1').send('c1', frame(1, 2));
  network.run();
  assert.deepEqual(seen, ['n2 c2 0.001', 'n1 c1 0.002', 'n2 c2 0.003', 'n1 c1 0.004']);
  assert.deepEqual(network.node('n2').take(), []);
  stop();
  network.node('n1').send('c1', frame(1, 2));
  network.run();
  assert.equal(network.node('n2').take().length, 1);
  assertSum(network);
  network.close();
});

describe('a listener', () => {
  test('that throws leaves the simulation usable: the next call goes on', async () => {
    const network = await simulate(configOf(true));
    const off = network.on('deliver', () => {
      throw new Error('of the listener');
    });
    // Unicast, and a local one too.
    assert.throws(() => network.node('n1').send('c1', frame(1, 2)), /of the listener/);
    assert.throws(() => network.node('n1').send('c1', frame(1, 4)), /of the listener/);
    off();
    for (let i = 0; i < 3; i++) network.node('n1').send('c1', frame(1, 2));
    assert.equal(network.node('n2').take().length, 3);
    assert.equal(network.accounting.out, 5);
    assertSum(network);
    network.close();
  });

  test('may apply changes, also to the node that sends, and close the simulation', async () => {
    const network = await simulate(configOf(true), { latencySeconds: 1 });
    const heard: string[] = [];
    network.on('deliver', ({ endpoint }) => {
      heard.push(endpoint);
      if (endpoint !== 'c2') return;
      const [node1] = network.nodes;
      node1.send('c1', frame(1, 3));
      network.apply([
        { kind: ChangeKind.RemoveEndpoint, id: 'c1' },
        { kind: ChangeKind.RemoveEndpoint, id: 'c4' },
        { kind: ChangeKind.RemoveNode, vtep: node1.tables.here.vtep },
      ]);
      assert.throws(() => node1.send('c1', frame(1, 3)), { code: 'CLOSED' });
      network.node('n3').send('c3', frame(3, 2));
      network.close();
    });
    network.node('n1').send('c1', frame(1, 2));
    network.node('n1').send('c1', frame(1, 2));
    network.advance(5);
    assert.deepEqual(heard, ['c2']);
    assert.throws(() => network.run(), { code: 'CLOSED' });
  });

  test('lets no time pass, which would never end', async () => {
    const network = await simulate(configOf(false), { latencySeconds: 1 });
    const codes: unknown[] = [];
    network.on('deliver', () => {
      network.node('n2').send('c2', frame(2, 1));
      for (const pass of [() => network.advance(1), () => network.run()]) {
        try {
          pass();
        } catch (error) {
          codes.push((error as { code: unknown }).code);
        }
      }
    });
    network.node('n1').send('c1', frame(1, 2));
    network.advance(1);
    assert.deepEqual(codes, ['IN_LISTENER', 'IN_LISTENER']);
    network.close();
  });
});

test('a clock in milliseconds is refused, and frames after it pass', async () => {
  let now = 1.8e12;
  const network = await simulate(configOf(false), { clock: () => now }).catch((error: unknown) => error);
  assert.equal((network as { code?: unknown }).code, 'BAD_TIME');
  now = 1;
  const good = await simulate(configOf(false), { clock: () => now });
  now = Number.NaN;
  for (let i = 0; i < 2; i++) assert.throws(() => good.node('n1').send('c1', frame(1, 2)), { code: 'BAD_TIME' });
  now = 2;
  good.node('n1').send('c1', frame(1, 2));
  assert.equal(good.node('n2').take().length, 1);
  good.close();
});

test('await using closes it', async () => {
  let left: Simulation | undefined;
  {
    await using network = await simulate(configOf(true), { loss: undefined, mtu: undefined });
    left = network;
    network.node('n1').send('c1', frame(1, 2));
  }
  assert.throws(() => left.run(), { code: 'CLOSED' });
});

test('values of another type are refused', async () => {
  const config = configOf(false);
  const refused = [{ mtu: 5 }, { mtu: Number.NaN }, { mtu: 70_000 }, { seed: 1.5 }, { oversize: 'x' }, { clock: 5 }];
  for (const options of refused) {
    await assert.rejects(simulate(config, options as never), { code: 'BAD_OPTION' }, JSON.stringify(options));
  }
  for (const topology of [5, undefined, null, {}]) {
    await assert.rejects(simulate(topology as never), { code: 'CONFIG_UNUSABLE' });
  }
  const network = await simulate(config);
  for (const bytes of [60, 'text', undefined]) {
    assert.throws(() => network.node('n1').send('c1', bytes as never), { code: 'BAD_OPTION' });
  }
  network.close();
});

test('queues are bounded: what nobody reads is counted', async () => {
  const network = await simulate(configOf(false), { maxQueued: 10, maxInFlight: 20, latencySeconds: 1 });
  for (let i = 0; i < 100; i++) network.node('n1').send('c1', frame(1, 2));
  network.run();
  assert.equal(network.node('n2').take().length, 10);
  assert.deepEqual(network.accounting.drops, { Overflow: 80, QueueFull: 10 });
  assertSum(network);
  network.close();
});

test('the same seed gives the same run, another seed another one', async () => {
  const run = async (seed: number): Promise<string> => {
    const options = { loss: 0.2, duplicate: 0.1, corrupt: 0.05, latencySeconds: 0.01, jitterSeconds: 0.05, seed };
    const network = await simulate(configOf(true), options);
    const log: string[] = [];
    network.on('deliver', ({ endpoint, frame: bytes, seconds }) => log.push(`${endpoint} ${bytes.length} ${seconds}`));
    for (let i = 0; i < 200; i++) {
      network.node('n1').send('c1', frame(1, 2 + (i % 2), 60 + i));
      network.advance(0.001);
    }
    network.run();
    assertSum(network);
    const { out, drops } = network.accounting;
    assert.ok(out > 120 && out < 200, String(out));
    assert.ok(drops['Lost'] > 10);
    network.close();
    return log.join('\n');
  };
  assert.equal(await run(1), await run(1));
  assert.notEqual(await run(1), await run(2));
});

describe('apply', () => {
  const endpoint = {
    name: 'c5',
    vni: 4097,
    vtep: parseIp('192.168.50.2'),
    ip: parseIp('10.0.9.5'),
    mac: parseMac('02:42:0a:00:09:05'),
  };

  test('adds and removes endpoints while packets are in flight', async () => {
    const network = await simulate(configOf(true), { latencySeconds: 1 });
    network.node('n1').send('c1', frame(1, 2));
    network.apply([{ kind: ChangeKind.AddEndpoint, endpoint }]);
    network.node('n1').send('c1', frame(1, 5));
    network.run();
    assert.deepEqual(
      network
        .node('n2')
        .take()
        .map((arrival) => arrival.endpoint),
      ['c2', 'c5'],
    );
    network.apply([{ kind: ChangeKind.RemoveEndpoint, id: 'c5' }]);
    network.node('n1').send('c1', frame(1, 5));
    network.run();
    assert.deepEqual(network.node('n2').take(), []);
    assertSum(network);
    network.close();
  });

  test('adds a node, with SAs, and removes one: its packets in flight are counted', async () => {
    const network = await simulate(configOf(true), { latencySeconds: 1 });
    const node = { name: 'n4', vtep: parseIp('192.168.50.4'), mac: undefined, mtu: 1500 };
    network.apply([
      { kind: ChangeKind.AddNode, node },
      { kind: ChangeKind.AddEndpoint, endpoint: { ...endpoint, vtep: node.vtep } },
    ]);
    network.node('n1').send('c1', frame(1, 5));
    network.node('n4').send('c5', frame(5, 1));
    network.run();
    assert.equal(network.node('n4').take().length, 1);
    assert.equal(network.node('n1').take().length, 1);
    network.node('n1').send('c1', frame(1, 5));
    network.apply([
      { kind: ChangeKind.RemoveEndpoint, id: 'c5' },
      { kind: ChangeKind.RemoveNode, vtep: node.vtep },
    ]);
    network.run();
    assert.deepEqual(network.accounting.drops, { NoReceiver: 1 });
    assert.deepEqual(
      network.nodes.map(({ name }) => name),
      ['n1', 'n2', 'n3'],
    );
    assertSum(network);
    network.close();
  });

  test('a list with an invalid change changes nothing', async () => {
    const network = await simulate(configOf(true));
    const changes = [
      { kind: ChangeKind.AddEndpoint, endpoint },
      { kind: ChangeKind.RemoveEndpoint, id: 'missing' },
    ];
    assert.throws(
      () => {
        network.apply(changes);
      },
      { code: 'BAD_CHANGE' },
    );
    network.node('n1').send('c1', frame(1, 5));
    assert.deepEqual(network.node('n2').take(), []);
    network.close();
  });

  test('update switches to another topology, keys included', async () => {
    const network = await simulate(configOf(true));
    const later = configOf(true)
      .replace('- { tag: 1,', '- { tag: 4,')
      .replace('4c6f72656d20697073756d20646f6c6f', '00112233445566778899aabbccddeeff');
    const lines = later.split('\n');
    // The oldest key is first.
    const first = lines.findIndex((line) => line.includes('tag: 4'));
    const [moved] = lines.splice(first, 1);
    network.update(parseConfig([...lines.filter((line) => line !== ''), moved].join('\n')));
    network.node('n1').send('c1', frame(1, 2));
    assert.equal(network.node('n2').take().length, 1);
    assertSum(network);
    network.close();
  });
});

test('whatever happens, the sum is right', async () => {
  const impairments = fc.record({
    loss: fc.constantFrom(0, 0.3),
    duplicate: fc.constantFrom(0, 0.3),
    corrupt: fc.constantFrom(0, 0.3),
    jitterSeconds: fc.constantFrom(0, 1),
    mtu: fc.constantFrom(700, 1500),
    oversize: fc.constantFrom('inside' as const, 'outside' as const),
    seed: fc.nat(),
  });
  const frames = fc.array(fc.record({ to: fc.nat(6), length: fc.integer({ min: 0, max: 2000 }) }), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(impairments, frames, fc.boolean(), async (options, list, encrypted) => {
      const network = await simulate(configOf(encrypted, ', flood: replicate'), { ...options, maxQueued: 5 });
      for (const { to, length } of list) {
        network.node('n1').send('c1', frame(1, to, Math.max(length, 14)).subarray(0, length));
        assertSum(network);
      }
      network.run();
      assertSum(network);
      assert.equal(network.inFlight, 0);
      network.close();
    }),
    { numRuns: 40 },
  );
});
