import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  AddressUse,
  OverlayError,
  parsePrefix,
  readDriverOptions,
  SwarmAllocator,
} from '../../../src/overlay/index.js';
import { formatAddress } from '../../../src/overlay/prefix.js';

const SEED = 20261129;

function network(name: string, subnet?: string): Parameters<SwarmAllocator['addNetwork']>[0] {
  const subnets = subnet === undefined ? [] : [{ subnet: parsePrefix(subnet) }];
  return { name, subnets, options: readDriverOptions({}), attachable: name !== 'ingress', ingress: name === 'ingress' };
}

function service(name: string, networks: readonly string[]): Parameters<SwarmAllocator['addService']>[0] {
  return { name, mode: 'vip', networks: networks.map((one) => ({ network: one, aliases: [] })), ports: [] };
}

describe("a manager's allocator", () => {
  test('keeps a load balancer address as long as a task of the network is on the node', () => {
    const allocator = new SwarmAllocator();
    allocator.addNetwork(network('net'));
    allocator.addService(service('web', ['net']));
    for (const slot of [1, 2]) {
      assert.equal(allocator.addTask('web', slot), undefined);
      assert.deepEqual(allocator.assignTask('web', slot, 'n1'), []);
    }
    const balancer = (): string | undefined => {
      const address = allocator.network('net').find(AddressUse.LoadBalancer, 'n1');
      return address && formatAddress(address);
    };
    assert.equal(balancer(), '10.0.0.4');
    allocator.removeTask('web', 1);
    assert.equal(balancer(), '10.0.0.4');
    allocator.removeTask('web', 2);
    assert.equal(balancer(), undefined);
  });

  test('keeps the addresses of nodes on the ingress network, and gives them to nodes that join later', () => {
    const allocator = new SwarmAllocator();
    allocator.addNode('n1');
    assert.deepEqual(allocator.addNetwork(network('ingress', '10.0.0.0/30')), []);
    assert.equal(allocator.addNode('n2'), false);
    assert.deepEqual(
      allocator.network('ingress').addresses.map(({ address }) => formatAddress(address)),
      ['10.0.0.1', '10.0.0.2'],
    );
  });

  test('frees the subnet and VNI of a removed network, which must not be in use', () => {
    const allocator = new SwarmAllocator();
    allocator.addNetwork(network('a', '10.9.0.0/24'));
    allocator.addService(service('web', ['a']));
    assert.throws(() => allocator.removeNetwork('a'), { message: 'network a is in use by service web' });
    allocator.removeService('web');
    allocator.attach('c', 'a', 'n1');
    assert.throws(() => allocator.removeNetwork('a'), { message: 'network a is in use by task c' });
    allocator.detach('c');
    allocator.removeNetwork('a');
    allocator.addNetwork(network('b', '10.9.0.0/16'));
    // VNIs go on after the last one, as addresses do.
    assert.equal(allocator.network('b').subnets[0].vni, 4097);
  });

  test('creates nothing when it refuses', () => {
    const allocator = new SwarmAllocator();
    allocator.addNetwork(network('a', '10.9.0.0/24'));
    assert.throws(() => allocator.addNetwork(network('b', '10.9.0.0/25')), { code: 'REFUSED' });
    const twice = {
      ...network('c'),
      subnets: ['10.1.0.0/24', '10.9.0.0/24'].map((one) => ({ subnet: parsePrefix(one) })),
    };
    assert.throws(() => allocator.addNetwork(twice), { code: 'REFUSED' });
    assert.deepEqual(
      allocator.networks.map(({ name }) => name),
      ['a'],
    );
    allocator.addNetwork(network('d', '10.1.0.0/24'));
    assert.equal(allocator.network('d').subnets[0].vni, 4097);
  });

  test('never gives one address to two, whatever is created and removed', () => {
    const request = fc.record({
      what: fc.constantFrom('service', 'remove-service', 'task', 'remove-task', 'attach', 'detach', 'assign'),
      name: fc.constantFrom('a', 'b', 'c'),
      slot: fc.integer({ min: 1, max: 5 }),
      node: fc.constantFrom('n1', 'n2', 'n3'),
      both: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(request, { maxLength: 60 }), (requests) => {
        const allocator = new SwarmAllocator();
        for (const name of ['n1', 'n2', 'n3']) allocator.addNode(name);
        for (const one of [network('ingress'), network('x', '10.9.0.0/28'), network('y')]) allocator.addNetwork(one);
        const ports = [{ protocol: 'tcp', target: 80, published: 0, mode: 'ingress' }] as const;
        for (const { what, name, slot, node, both } of requests) {
          try {
            if (what === 'service') {
              allocator.addService({ ...service(name, both ? ['x', 'y'] : ['x']), ports: both ? ports : [] });
            } else if (what === 'remove-service') allocator.removeService(name);
            else if (what === 'task') allocator.addTask(name, slot);
            else if (what === 'remove-task') allocator.removeTask(name, slot);
            else if (what === 'attach') allocator.attach(name, both ? 'x' : 'y', node);
            else if (what === 'assign') allocator.assignTask(name, slot, node);
            else allocator.detach(name);
          } catch (error) {
            assert.ok(error instanceof OverlayError && error.code === 'REFUSED', String(error));
          }
          for (const { addresses } of allocator.networks) {
            const texts = addresses.map(({ address }) => formatAddress(address));
            assert.equal(new Set(texts).size, texts.length, texts.join());
          }
        }
        // Whatever was given back can be given out again: removing everything leaves only gateways and ingress.
        for (const name of ['a', 'b', 'c']) {
          allocator.detach(name);
          try {
            allocator.removeService(name);
          } catch (error) {
            assert.ok(error instanceof OverlayError);
          }
        }
        assert.deepEqual(
          allocator.networks.map(({ addresses }) => addresses.length),
          [4, 1, 1],
        );
      }),
      { seed: SEED },
    );
  });
});
