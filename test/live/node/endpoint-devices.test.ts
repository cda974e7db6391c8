import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveVtep } from '../../../src/live/index.js';
import { linux } from '../../../src/live/system/linux.js';
import { parseConfig } from '../../../src/overlay/files.js';
import type { Topology } from '../../../src/overlay/index.js';
import { portOf } from '../loopback.js';
import { NamespaceBench } from '../namespaces/namespace-bench.js';
import type { NetworkNamespace } from '../namespaces/network-namespace.js';
import { requirements } from '../namespaces/requirements.js';

const PORT = portOf(10);
const FAILING = 40;
/** How long a test waits for something certain, in milliseconds. */
const PATIENCE = 20_000;

function topologyOf(endpoints: readonly string[], nodes = ''): Topology {
  return parseConfig(`port: ${PORT}
nodes:
  n1: { vtep: 127.0.0.2 }
  n2: { vtep: 127.0.0.3${nodes} }
networks:
  four: { vni: 4097, subnet: 10.0.9.0/24 }
  six: { vni: 4098, subnet: "fd00:9::/64" }
endpoints: { ${endpoints.join(', ')} }
`);
}

describe('the devices of a VTEP', { skip: requirements() }, () => {
  const bench = new NamespaceBench();
  let good: NetworkNamespace;
  let off: NetworkNamespace;
  let troubles: string[] = [];
  before(() => {
    good = bench.namespace('good');
    // Like every namespace of a bench, without IPv6.
    off = bench.namespace('off');
  });
  after(() => bench.close());

  const fine = (name: string, ip = '10.0.9.3'): string =>
    `${name}: { network: four, node: n1, ip: ${ip}, device: ${name}, netns: ${good.name} }`;
  const failing = (): string[] =>
    Array.from(
      { length: FAILING },
      (_, i) =>
        `f${i}: { network: six, node: n1, ip: "fd00:9::${i + 1}", mac: "02:00:00:00:06:${10 + i}", netns: ${off.name} }`,
    );
  const open = async (topology: Topology): Promise<LiveVtep> => {
    troubles = [];
    return LiveVtep.open({ topology, node: 'n1', sockets: 'node', onTrouble: (text) => troubles.push(text) });
  };
  /** Runs a VTEP during an action, and closes it. */
  const running = async (vtep: LiveVtep, act: () => Promise<void>): Promise<void> => {
    const ending = new AbortController();
    const run = vtep.run(ending.signal);
    try {
      await act();
    } finally {
      ending.abort();
      await run;
      await vtep.close();
    }
  };
  const until = async (isSo: () => boolean, what: string): Promise<void> => {
    for (let waited = 0; !isSo(); waited += 20) {
      assert.ok(waited < PATIENCE, `${what}: ${troubles.join('\n')}`);
      await sleep(20);
    }
  };

  test('that can’t be created don’t affect the others, and each is reported once', async () => {
    const vtep = await open(topologyOf([fine('c1')]));
    await running(vtep, async () => {
      vtep.update(topologyOf([...failing(), fine('c1'), fine('c2', '10.0.9.4')]));
      await vtep.devicesSettled();
      assert.deepEqual([...vtep.node.ports.keys()], ['c1', 'c2']);
      assert.match(good.ip('address show dev c2'), /inet 10\.0\.9\.4\/24/);
      // Time for a second attempt, one second after the first.
      await sleep(2500);
      assert.equal(troubles.length, FAILING);
      for (const [i, text] of troubles.entries()) {
        assert.match(text, new RegExp(`^endpoint f${i}: can't set the IPv6 address of f${i}: IPv6 is disabled there`));
      }
    });
  });

  test('are created, released and retried without the packet loop entering a namespace or moving a device', async () => {
    const vtep = await open(topologyOf([fine('c1')]));
    const own = Object.assign({}, linux());
    const called: string[] = [];
    for (const name of ['setns', 'write', 'close'] as const) {
      Object.assign(linux(), {
        [name]: (...words: number[]) => {
          called.push(name);
          return own[name](...words);
        },
      });
    }
    await running(vtep, async () => {
      try {
        vtep.update(topologyOf([...failing(), fine('c2')]));
        await vtep.devicesSettled();
        await until(() => !good.ip('-brief link show').includes('c1'), 'c1 is gone');
        await sleep(1500);
        assert.deepEqual([...vtep.node.ports.keys()], ['c2']);
        assert.deepEqual(called, []);
      } finally {
        Object.assign(linux(), own);
      }
    });
  });

  test('follow the latest config, however soon after another', async () => {
    const vtep = await open(topologyOf([]));
    await running(vtep, async () => {
      vtep.update(topologyOf([fine('c1'), fine('c2', '10.0.9.5')]));
      vtep.update(topologyOf([fine('c1', '10.0.9.7')], ', mtu: 1400'));
      await vtep.devicesSettled();
      await until(() => vtep.node.ports.size > 0, 'it is made');
      assert.match(good.ip('address show dev c1'), /mtu 1350[^]*inet 10\.0\.9\.7\/24/);
      await until(() => !good.ip('-brief link show').includes('c2'), 'c2 is gone');
      assert.deepEqual([...vtep.node.ports.keys()], ['c1']);
    });
    assert.deepEqual(troubles, []);
  });

  test('are retried immediately after an update, and without one when the obstacle is gone', async () => {
    const vtep = await open(topologyOf([]));
    const name = `${good.name.replace(/good$/, '')}later`;
    const later = `c9: { network: four, node: n1, ip: 10.0.9.9, device: c9, netns: ${name} }`;
    await running(vtep, async () => {
      vtep.update(topologyOf([later, ...failing().slice(0, 1)]));
      await vtep.devicesSettled();
      assert.equal(vtep.node.ports.size, 0);
      bench.namespace('later');
      await until(() => vtep.node.ports.has('c9'), 'c9 is made');
      off.write('/proc/sys/net/ipv6/conf/default/disable_ipv6', '0');
      vtep.update(topologyOf([later, ...failing().slice(0, 1)]));
      await vtep.devicesSettled();
      assert.equal(vtep.node.ports.has('f0'), true, troubles.join('\n'));
      off.write('/proc/sys/net/ipv6/conf/default/disable_ipv6', '1');
    });
  });

  test('are gone after close, including requested ones', async () => {
    const vtep = await open(topologyOf([fine('c1')]));
    vtep.update(topologyOf([fine('c1'), fine('c2', '10.0.9.5'), fine('c3', '10.0.9.6')]));
    await vtep.close();
    await vtep.devicesSettled();
    await until(() => !/^c\d/m.test(good.ip('-brief link show')), 'all are gone');
    assert.deepEqual(troubles, []);
  });

  test('that can’t be created at the start give an error, and leave nothing', async () => {
    await assert.rejects(open(topologyOf([fine('c1'), ...failing()])), /endpoint|IPv6 is disabled there/);
    await until(() => !/^c\d/m.test(good.ip('-brief link show')), 'all are gone');
    (await open(topologyOf([fine('c1')]))).close();
  });
});
