/** Names of addresses in the recorded swarm. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { AddressNames } from '../../../src/inspect/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { dumpsWith, namesOf, surveyOf } from './recorded-swarm.js';

const INGRESS = 4096;
const MY_NETWORK = 4097;

describe('the names of a swarm', () => {
  const names = namesOf();

  for (const [vni, address, text] of [
    [MY_NETWORK, '10.0.9.2', 'my-web (VIP)'],
    [INGRESS, '10.0.0.4', 'my-web (VIP)'],
    [MY_NETWORK, '10.0.9.3', 'my-web.3'],
    [MY_NETWORK, '10.0.9.7', 'lb my-network@node1'],
    [INGRESS, '10.0.0.3', 'lb ingress@node2'],
    [MY_NETWORK, '10.0.9.1', 'gateway my-network'],
    [4098, '10.0.10.3', 'mtu-web.2'],
    [null, '172.18.0.1', 'gateway docker_gwbridge'],
    [null, '192.168.50.2', 'node2'],
    [null, '10.0.9.3', 'my-web.3'],
    [INGRESS, '10.0.9.3', undefined],
    [MY_NETWORK, '192.168.50.2', undefined],
    [5000, '10.0.9.3', undefined],
  ] as const) {
    test(`${address} ${vni === null ? 'outside VXLAN' : `in VNI ${vni}`} is ${text ?? 'nothing'}`, () => {
      assert.equal(names.find(vni, address)?.text, text);
    });
  }

  test('an address of a network without a name is unknown; broadcast, and addresses of other networks, are not', () => {
    assert.ok(names.isUnknown(MY_NETWORK, '10.0.9.200'));
    for (const address of ['10.0.9.3', '10.0.9.255', '255.255.255.255', '10.1.1.1', 'fe80::1']) {
      assert.equal(names.isUnknown(MY_NETWORK, address), false, address);
    }
    assert.equal(names.isUnknown(5000, '10.0.9.200'), false);
  });

  test('a task of a service with one task per node is named by its node', () => {
    const files = dumpsWith('32c81zgcrusx1zkzb5cermub4', (task) => {
      Object.assign(task, { Slot: 0 });
      return true;
    });
    assert.equal(namesOf(files).find(MY_NETWORK, '10.0.9.5')?.text, 'my-web@node2');
  });
});

describe('names that no longer fit', () => {
  const TASK = '32c81zgcrusx1zkzb5cermub4';

  test('a task that sends from behind another VTEP than that of its node has a stale name', async () => {
    const files = dumpsWith(TASK, (task) => {
      task.NodeID = '1ird25pew7ha7ts4k3g4wh3qw';
      return true;
    });
    const report = await surveyOf('05-ingress.underlay', { names: namesOf(files), flows: true });
    const row = report.endpoints.find(({ ip }) => ip === '10.0.0.7');
    assert.deepEqual([row?.name, row?.stale], ['my-web.2', true]);
    assert.equal(report.endpoints.filter(({ stale }) => stale === true).length, 1);
    const note = report.problems.find(({ code }) => code === 'NAME_STALE');
    assert.deepEqual([note?.count, note?.severity], [1, 'note']);
    const ends = report.flows?.conversations.map(({ b }) => b.name) ?? [];
    assert.ok(ends.includes('my-web.2 (stale)') && ends.includes('my-web.3'), ends.join());
  });

  test('a task that has ended keeps its name where nobody else has the address', async () => {
    const files = dumpsWith(TASK, (task) => {
      task.Status.State = 'shutdown';
      return true;
    });
    const names = namesOf(files);
    assert.equal(names.find(MY_NETWORK, '10.0.9.5')?.text, 'my-web.2 (ended)');
    const report = await surveyOf('03-vip-http.underlay', { names });
    const web = report.services?.find(({ name, network }) => name === 'my-web' && network === 'my-network');
    assert.deepEqual(
      web?.backends.map(({ name, address, packets }) => [name, address, packets]),
      [
        ['my-web.3', '10.0.9.3', 109],
        ['my-web.1', '10.0.9.4', 18],
        ['my-web.2 (ended)', '10.0.9.5', 44],
      ],
    );
  });
});

describe('names of a config without services', () => {
  const config = [
    'nodes: { n1: { vtep: 192.168.50.1 }, n2: { vtep: 192.168.50.2 } }',
    'networks: { net: { vni: 4097, subnet: 10.0.9.0/24, gateway: 10.0.9.1 } }',
    'endpoints: { box: { network: net, node: n1, ip: 10.0.9.10 } }',
  ].join('\n');

  test('are those of its endpoints, nodes and gateways; there is no load, and no conversations are collected', async () => {
    const names = new AddressNames(parseConfig(config));
    assert.equal(names.find(4097, '10.0.9.10')?.text, 'box');
    assert.equal(names.find(4097, '10.0.9.1')?.text, 'gateway net');
    const report = await surveyOf('03-vip-http.underlay', { names });
    assert.deepEqual([report.services, report.flows], [[], null]);
    assert.deepEqual(
      report.endpoints.filter(({ name }) => typeof name === 'string').map(({ name }) => name),
      ['box'],
    );
    assert.equal(report.problems.find(({ code }) => code === 'NAME_UNKNOWN')?.count, 6);
  });
});
