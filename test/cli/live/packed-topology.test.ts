import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { buffersOf, packTopology, unpackTopology } from '../../../src/cli/live/packed-topology.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { configText } from '../../dataplane/topology.js';

const TEXT = configText({
  encrypted: true,
  nodes: ['n3: { vtep: "fd50::3" }'],
  networks: ['other: { vni: 5, subnet: [10.0.0.0/8, "fd00::/8"], gateway: 10.0.0.1 }'],
  endpoints: ['c3: { network: other, node: n3, mac: "02:42:0a:00:09:05", device: eth0, netns: c3 }'],
});

describe('a topology transferred to another thread', () => {
  test('is the same there, including its keys', () => {
    const topology = parseConfig(TEXT);
    const packed = packTopology(topology);
    const posted = structuredClone(packed, { transfer: buffersOf(packed) });
    const { ring, ...rest } = unpackTopology(posted);
    const { ring: before, ...expected } = topology;
    assert.deepEqual(rest, expected);
    assert.equal(ring?.keys.length, 3);
    for (const [i, key] of ring.keys.entries()) assert.ok(before?.keys[i] !== undefined && key.equals(before.keys[i]));
  });

  test('keeps its services, tasks and load balancers', () => {
    const topology = parseConfig(`nodes: { n1: { vtep: 10.0.0.1 } }
networks: { ingress: { ingress: true }, net: { attachable: true } }
services: { web: { networks: [net], ports: ['8080:80'], replicas: 3, netns: '{{.Task.Name}}' } }
endpoints: { c1: { network: net, node: n1, aliases: [client] } }
compatibility: improved
`);
    const packed = packTopology(topology);
    const after = unpackTopology(structuredClone(packed, { transfer: buffersOf(packed) }));
    assert.deepEqual(after, topology);
    assert.equal(after.services?.records.length, 7);
    assert.equal(after.endpoints.filter(({ kind }) => kind === 'balancer').length, 2);
  });

  test('leaves no copy of a key behind', () => {
    const topology = parseConfig(TEXT);
    const packed = packTopology(topology);
    const posted = structuredClone(packed, { transfer: buffersOf(packed) });
    // A transferred buffer is detached.
    for (const { bytes } of packed.keys) assert.equal(bytes.byteLength, 0);
    const onTheWay = posted.keys.map(({ bytes }) => bytes);
    assert.ok(onTheWay.every((bytes) => bytes.some((byte) => byte !== 0)));
    unpackTopology(posted);
    for (const bytes of onTheWay) assert.ok(bytes.length === 16 && bytes.every((byte) => byte === 0));
  });

  test('may have no keys and no endpoints', () => {
    const topology = parseConfig('nodes: { n1: { vtep: 10.0.0.1 } }\nnetworks: { net: { vni: 1 } }');
    const packed = packTopology(topology);
    assert.deepEqual(unpackTopology(structuredClone(packed, { transfer: buffersOf(packed) })), topology);
  });
});
