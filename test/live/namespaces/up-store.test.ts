/** `vtep up --store`: three nodes over one NATS server, which goes away while packets flow. */
import assert from 'node:assert/strict';
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { scratch } from '../../cli/run.js';
import { NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';
import { PacketCapture } from './packet-capture.js';
import { ping } from './ping.js';
import { requirements } from './requirements.js';
import { RunningPing } from './running-ping.js';
import { StoreHub } from './store-hub.js';
import { UNDERLAY_DEVICE } from './underlay.js';
import { UpNode } from './up-node.js';

/** Seconds of the nodes' leases, and the part of it after which they renew. */
const LEASE = 3;
const RENEWAL = LEASE / 3;
const MILLISECONDS = 1000;
/** VXLAN in clear with VNI 4098. */
const CLEAR = 'udp port 4789 and udp[12:4] & 0xffffff00 = 0x00100200';

/** Milliseconds between looks, and after which a condition will never be met. */
const LOOK = 20;
const NEVER = 60_000;

const skip = requirements();

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const end = Date.now() + NEVER; !(await condition()); await sleep(LOOK)) {
    assert.ok(Date.now() < end, `it never came: ${what}`);
  }
}

describe('vtep up --store', { skip }, () => {
  const folder = scratch();
  let bench: NamespaceBench;
  let hub: StoreHub;
  let ups: UpNode[];
  const containers = new Map<string, NetworkNamespace>();

  /** Creates a container with an endpoint, while the nodes run or before. @returns when it was in the store */
  function addContainer(network: string, id: string, node: number, ip: string): number {
    const container = bench.namespace(id);
    containers.set(id, container);
    return hub.write('endpoint', network, id, `n${node}`, ip, container.name);
  }

  function container(id: string): NetworkNamespace {
    const found = containers.get(id);
    assert.ok(found);
    return found;
  }

  /** Milliseconds from a time of `Date.now()` until an address answers. */
  async function reached(from: string, address: string, since: number): Promise<number> {
    await until(async () => {
      // Else the kernel would ask again a second after it had no answer.
      container(from).ip('neigh flush all');
      try {
        return (await ping(container(from), address, { count: 1, patience: 0.1 })).received === 1;
      } catch {
        // There is no interface yet.
        return false;
      }
    }, `${address} is reached from ${from}`);
    return Date.now() - since;
  }

  function upOn(index: number): UpNode {
    const words = ['--store', hub.store, '--vtep', `192.168.50.${index + 1}`, '--lease', String(LEASE)];
    return new UpNode(hub.nodes[index], { node: `n${index + 1}`, words: [...words, '--kek', join(folder, 'kek')] });
  }

  before(async () => {
    bench = new NamespaceBench();
    hub = new StoreHub(bench, join(folder, 'nats'));
    writeFileSync(join(folder, 'kek'), '5f'.repeat(16) + 'a0'.repeat(16));
    chmodSync(join(folder, 'kek'), 0o600);
    ups = [0, 1, 2].map(upOn);
    await hub.start();
    hub.write('network', 'web', '4097', '10.0.9.0/24');
    addContainer('web', 'c1', 1, '10.0.9.103');
    addContainer('web', 'c2', 2, '10.0.9.104');
    await Promise.all(ups.map((up) => up.start()));
  });
  after(() => bench.close());

  test('endpoints that were in the store before reach each other', async () => {
    await reached('c1', '10.0.9.104', Date.now());
    assert.equal((await ping(container('c2'), '10.0.9.103')).received, 5);
  });

  test('an endpoint that is created while the nodes run is reached from all others', async (t) => {
    const created = addContainer('web', 'c3', 3, '10.0.9.105');
    const times = await Promise.all(['c1', 'c2'].map((from) => reached(from, '10.0.9.105', created)));
    t.diagnostic(`reached ${times.map((ms) => `${ms} ms`).join(' and ')} after it was in the store`);
  });

  test('each node on a network has a load balancer in the store', async () => {
    const wanted = ['n1', 'n2', 'n3'].map((node) => `networks/web/endpoints/lb-${node}`);
    await until(() => wanted.every((key) => hub.keys().includes(key)), wanted.join(' '));
  });

  test('no packet is lost while the server is gone, and what is written afterwards is applied', async (t) => {
    const running = await RunningPing.start(container('c1'), '10.0.9.104', { interval: 0.002 });
    await hub.kill();
    await running.answers(500);
    assert.match(ups[0].said, /store: out of reach; packets go on with what is known/);
    // Longer than a lease: nobody may take the others for gone.
    await sleep((LEASE + 1) * MILLISECONDS);
    await hub.start();
    const back = Date.now();
    const created = addContainer('web', 'c4', 2, '10.0.9.106');
    await reached('c1', '10.0.9.106', created);
    await running.answers(100);
    const { sent, lost, missing } = await running.stop();
    t.diagnostic(
      `${sent} pings, ${lost} lost; a new endpoint reached ${Date.now() - back} ms after the server was back`,
    );
    assert.deepEqual(missing, []);
    assert.match(ups[0].said, /store: back after/);
    assert.doesNotMatch(ups[0].said, /was not renewed in its time/);
  });

  test('an encrypted network is carried with the keys of the store, and never in clear', async () => {
    const file = join(folder, 'clear.pcap');
    const capture = await PacketCapture.start(hub.nodes[0], UNDERLAY_DEVICE, file, CLEAR);
    hub.write('network', 'secret', '4098', '10.0.8.0/24', 'encrypted');
    const created = addContainer('secret', 's1', 1, '10.0.8.103');
    addContainer('secret', 's2', 2, '10.0.8.104');
    await reached('s1', '10.0.8.104', created);
    assert.equal((await ping(container('s2'), '10.0.8.103')).received, 5);
    assert.equal(await capture.stop(), 0);
  });

  test('the lease of a node that was killed is withdrawn after its time, and it comes back', async () => {
    await ups[2].kill();
    const killed = Date.now();
    while (!ups.some((up, index) => index < 2 && /nodes\/n3 was not renewed in its time/.test(up.said)))
      await sleep(20);
    const after = (Date.now() - killed) / MILLISECONDS;
    assert.ok(after >= LEASE - RENEWAL - 1, `withdrawn after ${after} s`);
    await ups[2].start();
    await reached('c1', '10.0.9.105', Date.now());
  });

  test('a second node of the same name is refused', async () => {
    const words = ['--store', hub.store, '--vtep', hub.address];
    const second = new UpNode(hub.namespace, { node: 'n1', words });
    await assert.rejects(second.start(), /a node "n1" runs already/);
  });

  test('a node that ends gives its lease up, and its endpoints stay in the store', async () => {
    const reports = [];
    for (const up of ups) reports.push(await up.stop());
    assert.ok(reports[0].sealed > 0 && reports[1].opened > 0);
    const keys = hub.keys();
    assert.deepEqual(
      keys.filter((key) => key.startsWith('nodes/')),
      [],
    );
    assert.ok(keys.includes('networks/web/endpoints/c3'));
  });
});
