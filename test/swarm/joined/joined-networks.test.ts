import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AttachedNetwork, NodeBalancer } from '../../../src/join/index.js';
import { wantedNetworks } from '../../../src/swarm/joined/joined-networks.js';

const ADDRESS: NodeBalancer = {
  networkId: 'net',
  networkName: 'web',
  subnets: [
    { subnet: '10.0.9.0/24', gateway: '10.0.9.1', vni: 4097 },
    { subnet: '10.0.10.0/24', gateway: undefined, vni: 4098 },
  ],
  vni: 4097,
  address: '10.0.9.4/24',
  mac: Uint8Array.of(2, 66, 10, 0, 9, 4),
  mtu: 1450,
  encrypted: false,
  internal: false,
  ingress: false,
  dsr: true,
  options: new Map(),
};

function attached(address: string, taskId: string): AttachedNetwork {
  return { ...ADDRESS, address, request: { network: 'web' }, taskId, reserved: false };
}

describe('networks of attachments', () => {
  test('have a part for each subnet, with its VNI, and the load balancer of the node', () => {
    const wanted = wantedNetworks([attached('10.0.9.4/24', 'a')], [{ ...ADDRESS, address: '10.0.9.7/24' }]);
    const { network, attachments } = wanted.get('net') ?? assert.fail();
    assert.deepEqual(
      network.networks.map(({ name, vni, mtu, gateways }) => [name, vni, mtu, gateways.length]),
      [
        ['web', 4097, 1450, 1],
        ['web 10.0.10.0/24', 4098, 1450, 0],
      ],
    );
    assert.deepEqual(network.balancer, Uint8Array.of(10, 0, 9, 7));
    assert.equal(network.dsr, true);
    assert.equal(attachments.length, 1);
  });

  test('two attachments to one network are one network', () => {
    const wanted = wantedNetworks([attached('10.0.9.4/24', 'a'), attached('10.0.9.5/24', 'b')], []);
    assert.deepEqual([...wanted.keys()], ['net']);
    assert.equal(wanted.get('net')?.attachments.length, 2);
    assert.equal(wanted.get('net')?.network.balancer, undefined);
  });

  test('the address of an endpoint of a drained node is no load balancer', () => {
    const wanted = wantedNetworks([attached('10.0.9.4/24', 'a')], [ADDRESS]);
    assert.equal(wanted.get('net')?.network.balancer, undefined);
  });

  test('a load balancer alone is no network', () => {
    assert.equal(wantedNetworks([], [ADDRESS]).size, 0);
  });
});
