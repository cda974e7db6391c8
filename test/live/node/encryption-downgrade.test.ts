/** Downgrades to clear where names alone don't identify an endpoint. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EncryptedVnis } from '../../../src/live/node/encryption-downgrade.js';
import { importTopology } from '../../../src/overlay/files.js';
import { diffTopology, KeyRing, NodeTables, type Topology } from '../../../src/overlay/index.js';

const LIST = 'com.docker.network.driver.overlay.vxlanid_list';
const NETWORKS = {
  ingress: { vni: 4096, subnet: '10.0.0.0/24', encrypted: false },
  app: { vni: 4097, subnet: '10.0.1.0/24', encrypted: true },
  other: { vni: 4098, subnet: '10.0.2.0/24', encrypted: false },
} as const;

/** Containers of a network on a node: names, and the last byte of their addresses. */
type Containers = Readonly<Record<string, number>>;
type Attached = Partial<Record<keyof typeof NETWORKS, Containers>>;

/** The output of `docker network inspect` on a node. */
function inspect(attached: Attached): string {
  const networks = Object.entries(NETWORKS).map(([name, { vni, subnet, encrypted }]) => ({
    Name: name,
    Scope: 'swarm',
    Driver: 'overlay',
    IPAM: { Config: [{ Subnet: subnet }] },
    Containers: Object.fromEntries(
      Object.entries(attached[name as keyof typeof NETWORKS] ?? {}).map(([Name, host]) => {
        const [a, b, c] = subnet.split('.').map(Number);
        const MacAddress = ['02', '42', ...[a, b, c, host].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
        return [`id-${Name}`, { Name, MacAddress, IPv4Address: `${a}.${b}.${c}.${host}/24`, IPv6Address: '' }];
      }),
    ),
    Options: { [LIST]: String(vni), ...(encrypted ? { encrypted: '' } : {}) },
  }));
  return JSON.stringify(networks);
}

const ring = KeyRing.generate({ random: (bytes) => void bytes.fill(7) });

/** An import of two nodes, in either order. */
function topology(a: Attached, b: Attached = {}, turned = false): Topology {
  const nodes = [
    { name: 'a', vtep: '192.0.2.1', networks: inspect(a) },
    { name: 'b', vtep: '192.0.2.2', networks: inspect(b) },
  ];
  return importTopology(turned ? nodes.reverse() : nodes, ring).topology;
}

function downgrade(before: Topology, after: Topology): string | undefined {
  const encrypted = new EncryptedVnis();
  encrypted.add(before.networks);
  const tables = new NodeTables(before, 'a');
  let text: string | undefined;
  tables.apply(diffTopology(tables.topology, after), (plan) => {
    text = encrypted.downgradeIn(tables, plan, true);
  });
  return text;
}

describe('an endpoint is downgraded', () => {
  const published: Attached = { ingress: { web: 3 }, app: { web: 3 } };

  test('not if its container is and was in a clear network as well', () => {
    const before = topology(published);
    assert.equal(downgrade(before, before), undefined);
    assert.equal(downgrade(before, topology(published)), undefined);
    assert.equal(downgrade(before, topology(published, {}, true)), undefined);
    assert.equal(downgrade(before, topology({ ...published, ingress: { web: 3, api: 4 } })), undefined);
  });

  test('not if another node has a container with its name', () => {
    const [a, b]: Attached[] = [{ app: { web: 3 } }, { other: { web: 3 } }];
    assert.equal(downgrade(topology(a, b), topology(a, b)), undefined);
    assert.equal(downgrade(topology(a, {}), topology(a, b)), undefined);
  });

  test('not if its container is recreated in all of its networks, or stays encrypted', () => {
    assert.equal(downgrade(topology(published), topology({ ingress: { web: 5 }, app: { web: 5 } })), undefined);
    assert.equal(downgrade(topology({ app: { web: 3 } }), topology(published)), undefined);
  });

  test('not if it is only removed from the encrypted network', () => {
    assert.equal(downgrade(topology(published), topology({ ingress: { web: 3 } })), undefined);
  });

  test('if it moves to a clear network, on its node or another', () => {
    const message = 'the endpoint web would move from an encrypted network to other (VNI 4098), which is clear';
    for (const after of [topology({ other: { web: 3 } }), topology({}, { other: { web: 9 } })]) {
      assert.equal(downgrade(topology({ app: { web: 3 } }), after), message);
    }
    const moved = topology({ ingress: { web: 3 }, other: { web: 3 } });
    assert.equal(downgrade(topology(published), moved), message);
  });
});
