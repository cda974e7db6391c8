/** The config of a node that learns the others from gossip. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../src/overlay/files.js';
import { formatAddress, OverlayError, parseIp } from '../../src/overlay/index.js';

const CONFIG = {
  nodes: { n1: { vtep: '192.168.50.1', advertise: '192.168.60.1' } },
  networks: {
    web: { vni: 4097, subnet: '10.0.9.0/24', id: 'r0yqus78gwe90z4dmog6y22cv', balancers: { n1: '10.0.9.7' } },
    back: { vni: 4098, subnet: '10.0.10.0/24', internal: true },
  },
  endpoints: { a: { network: 'web', node: 'n1', ip: '10.0.9.3', aliases: ['db'] } },
};

function read(changes: object): ReturnType<typeof parseConfig> {
  return parseConfig(JSON.stringify({ ...CONFIG, ...changes }), { member: 'n1' });
}

test('it has the ids of its networks, which are their names by default', () => {
  const { membership } = read({});
  assert.ok(membership);
  assert.deepEqual(
    membership.networks.map(({ id, internal }) => [id, internal]),
    [
      ['r0yqus78gwe90z4dmog6y22cv', false],
      ['back', true],
    ],
  );
  assert.deepEqual(membership.networks[0].balancer, parseIp('10.0.9.7'));
  assert.equal(formatAddress(membership.advertise), '192.168.60.1');
  assert.deepEqual(membership.aliases, { a: ['db'] });
});

test('without a member, there is no membership', () => {
  assert.equal(parseConfig(JSON.stringify(CONFIG)).membership, undefined);
});

const two = { n1: { vtep: '192.168.50.1' }, n2: { vtep: '192.168.50.2' } };
for (const [what, changes, expected] of [
  [
    'endpoints of other nodes',
    { nodes: two, endpoints: { b: { network: 'web', node: 'n2', ip: '10.0.9.4' } } },
    /n1 only/,
  ],
  [
    'an endpoint without an address',
    { endpoints: { b: { network: 'web', node: 'n1', mac: '02:42:0a:00:09:09' } } },
    /ip/,
  ],
  ['a network without a VNI', { networks: { web: { subnet: '10.0.9.0/24' } } }, /networks\.web\.vni: missing/],
  ['a network without a subnet', { networks: { web: { vni: 1 } }, endpoints: {} }, /networks\.web\.subnet: missing/],
  ['services', { services: { s: { networks: ['web'] } } }, /services: not with gossip/],
  ['the strict profile', { profile: 'strict' }, /must be swarm/],
  [
    'two networks with one id',
    { networks: { web: { vni: 1, subnet: '10.0.9.0/24', id: 'x' }, x: { vni: 2, subnet: '10.0.8.0/24' } } },
    /web has it already/,
  ],
  ['no such node', { nodes: { n2: { vtep: '192.168.50.2' } }, endpoints: {} }, /n1/],
] as const) {
  test(`it can't have ${what}`, () => {
    assert.throws(
      () => read(changes),
      (error: unknown) => error instanceof OverlayError && expected.test(error.message),
    );
  });
}
