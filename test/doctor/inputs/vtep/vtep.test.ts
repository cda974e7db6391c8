/** A config and a status of vtep as evidence. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { InputKind } from '../../../../src/doctor/evidence/evidence.js';
import { readInputs } from '../../../../src/doctor/inputs/read-inputs.js';
import { fixture } from '../../../repository.js';

test('a config names the nodes, their addresses, networks and endpoints; its keys are not kept', () => {
  const text = readFileSync(fixture('docker/07-encrypted.overlay.yaml'), 'utf8');
  const { nodes, inputs } = readInputs([{ name: 'overlay.yaml', text }]);
  assert.deepEqual(inputs[0].kinds, [InputKind.Config, InputKind.Keys]);
  assert.deepEqual(
    nodes.map(({ name, addresses }) => [name, addresses]),
    [
      ['node1', ['192.168.50.1']],
      ['node2', ['192.168.50.2']],
    ],
  );
  const [network] = nodes[0].networks;
  assert.deepEqual([network.name, network.vnis, network.encrypted], ['secure', [4099], true]);
  assert.deepEqual(
    network.endpoints.map(({ name, ipv4 }) => [name, ipv4]),
    [
      ['client1', '10.0.11.3'],
      ['client2', '10.0.11.5'],
    ],
  );
  assert.ok(!JSON.stringify(nodes).includes('4c6f72656d'));
});

test('a mistake in a config is reported with its line', () => {
  const { inputs } = readInputs([
    { name: 'overlay.yaml', text: 'nodes:\n  a: { vtep: 192.168.50.1 }\nnetworks:\n  n: { vni: x }\n' },
  ]);
  assert.match(inputs[0].warnings[0], /^not a valid config of vtep: line 4/);
});

test('a status has the tables of a running node', () => {
  const status = {
    version: 1,
    node: { name: 'n1', vtep: '192.168.50.1', port: 4789 },
    networks: {
      total: 1,
      rows: [{ name: 'net', vni: 4097, subnets: ['10.0.9.0/24'], encrypted: true, mtu: 1424 }],
      complete: true,
    },
    endpoints: { total: 1, rows: [{ name: 'web', network: 'net', address: '10.0.9.3', mac: '02:42:0a:00:09:03' }] },
    forwarding: {
      rows: [
        { vni: 4097, mac: '02:42:0a:00:09:04', vtep: '192.168.50.2', learned: false },
        { vni: 4097, mac: '02:42:0a:00:09:03', vtep: null, learned: false },
      ],
    },
    sas: {
      rows: [
        {
          direction: 'out',
          spi: '0xc207fc1c',
          address: '192.168.50.2',
          sequence: 44,
          packets: 44,
          bytes: 10357,
          esn: false,
          icv: 8,
        },
      ],
    },
  };
  const { nodes, inputs } = readInputs([{ name: 'status.json', text: JSON.stringify(status) }]);
  const [node] = nodes;
  assert.deepEqual(
    [inputs[0].kinds, inputs[0].node, node.name, node.addresses],
    [[InputKind.Status], 'n1', 'n1', ['192.168.50.1']],
  );
  assert.deepEqual(
    node.fdb.map(({ mac, destination, vni, permanent }) => [mac, destination, vni, permanent]),
    [['02:42:0a:00:09:04', '192.168.50.2', 4097, true]],
  );
  assert.deepEqual(
    node.sas.map(({ spi, sent, source, icvBits }) => [spi, sent, source, icvBits]),
    [[0xc207fc1c, 44, '192.168.50.1', 64]],
  );
  assert.deepEqual(
    node.networks[0].endpoints.map(({ ipv4 }) => ipv4),
    ['10.0.9.3'],
  );
  assert.equal(node.status?.['version'], 1);
});
