import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../../src/overlay/files.js';
import { NodeTables, parseIp, TargetKind } from '../../../src/overlay/index.js';
import { formatMac, parseMac } from '../../../src/wire/index.js';

const TOPOLOGY = parseConfig(`
nodes: { a: { vtep: 192.168.50.1 }, b: { vtep: 192.168.50.2 }, c: { vtep: 192.168.50.3 }, six: { vtep: "fd50::4" } }
networks:
  drop: { vni: 4097, subnet: 10.0.9.0/24 }
  flood: { vni: 0, flood: replicate }
  empty: { vni: 16777215, flood: replicate }
endpoints:
  d1: { network: drop, node: a, ip: 10.0.9.3 }
  d2: { network: drop, node: b, ip: 10.0.9.4 }
  f1: { network: flood, node: c, mac: "02:00:00:00:00:01" }
  f2: { network: flood, node: a, mac: "02:00:00:00:00:02", ip: "fd00::2" }
  f3: { network: flood, node: c, mac: "02:00:00:00:00:03" }
  f4: { network: flood, node: a, mac: "02:42:0a:00:09:03", ip: 10.0.9.3 }
`);
const NODES = ['a', 'b', 'c', 'six'] as const;

describe("a node's tables", () => {
  test('have its own endpoints as local targets, others behind their nodes, each only in its network', () => {
    NODES.forEach((name, node) => {
      const { forwarding, node: index } = new NodeTables(TOPOLOGY, name);
      assert.equal(index, node);
      assert.equal(forwarding.size, TOPOLOGY.endpoints.length);
      TOPOLOGY.endpoints.forEach((endpoint, at) => {
        assert.ok(forwarding.find(TOPOLOGY.networks[endpoint.network].vni, endpoint.mac, 0, 1e6));
        const local = endpoint.node === node;
        assert.deepEqual(
          [forwarding.kind, forwarding.target],
          local ? [TargetKind.Local, at] : [TargetKind.Vtep, endpoint.node],
        );
        assert.equal(forwarding.find(16_777_215, endpoint.mac, 0, 0), false);
      });
    });
  });

  test('have every endpoint with an address as a neighbour, in its network', () => {
    const { neighbours } = new NodeTables(TOPOLOGY, 'six');
    assert.equal(neighbours.size, 4);
    const macOf = (vni: number, ip: string): string | undefined => {
      const bytes = parseIp(ip);
      const at = neighbours.find(vni, bytes.length === 4 ? 4 : 6, bytes, 0);
      return at < 0 ? undefined : formatMac(neighbours.macs, at);
    };
    assert.equal(macOf(4097, '10.0.9.3'), '02:42:0a:00:09:03');
    assert.equal(macOf(4097, '10.0.9.4'), '02:42:0a:00:09:04');
    assert.equal(macOf(0, 'fd00::2'), '02:00:00:00:00:02');
    assert.equal(macOf(0, '10.0.9.4'), undefined);
    assert.equal(macOf(4097, 'fd00::2'), undefined);
  });

  test('flood to the other nodes with endpoints of the network, to all others if there are none, and nowhere with policy drop', () => {
    const flood = (name: string): number[][] => new NodeTables(TOPOLOGY, name).flood.map((list) => [...list]);
    assert.deepEqual(flood('a'), [[], [2], [1, 2, 3]]);
    assert.deepEqual(flood('b'), [[], [0, 2], [0, 2, 3]]);
    assert.deepEqual(flood('c'), [[], [0], [0, 1, 3]]);
    assert.deepEqual(flood('six'), [[], [0, 2], [0, 1, 2]]);
  });

  test('flood in numeric order, not in the order of digits', () => {
    const nodes = Object.fromEntries(Array.from({ length: 12 }, (_, i) => [`n${i}`, { vtep: `10.0.0.${i + 1}` }]));
    const topology = parseConfig(JSON.stringify({ nodes, networks: { n: { vni: 1, flood: 'replicate' } } }));
    assert.deepEqual([...new NodeTables(topology, 'n0').flood[0]], [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  test('find a node by its VTEP, IPv4 or IPv6, at any offset', () => {
    const tables = new NodeTables(TOPOLOGY, 'a');
    const nodeOf = (text: string): number => {
      const ip = parseIp(text);
      return tables.nodeOf(ip.length === 4 ? 4 : 6, Uint8Array.of(9, 9, 9, ...ip, 9), 3);
    };
    assert.deepEqual(['192.168.50.1', '192.168.50.2', '192.168.50.3', 'fd50::4'].map(nodeOf), [0, 1, 2, 3]);
    assert.deepEqual(['192.168.50.4', '0.0.0.0', 'fd50::1', '::', '::ffff:192.168.50.1', 'c0a8:3201::'].map(nodeOf), [
      ...Array<number>(6).fill(-1),
    ]);
  });

  test("find the node's own endpoints by MAC, the first one if several networks have it, and no others", () => {
    const macs = TOPOLOGY.endpoints.map(({ mac }) => mac);
    const found = (name: string): number[] => {
      const tables = new NodeTables(TOPOLOGY, name);
      return macs.map((mac) => tables.endpointOf(Uint8Array.of(1, 2, ...mac), 2));
    };
    assert.deepEqual(found('a'), [0, -1, -1, 3, -1, 0]);
    assert.deepEqual(found('b'), [-1, 1, -1, -1, -1, -1]);
    assert.deepEqual(found('c'), [-1, -1, 2, -1, 4, -1]);
    assert.deepEqual(found('six'), Array(6).fill(-1));
    assert.equal(new NodeTables(TOPOLOGY, 'a').endpointOf(parseMac('02:42:0a:00:0a:03'), 0), -1);
  });

  test('find a network by its VNI', () => {
    const tables = new NodeTables(TOPOLOGY, 'a');
    assert.deepEqual(
      [4097, 0, 16_777_215, 1, 4098, -1].map((vni) => tables.networkOf(vni)),
      [0, 1, 2, -1, -1, -1],
    );
  });

  test('of an unknown node are rejected with the known names', () => {
    assert.throws(() => new NodeTables(TOPOLOGY, 'd'), { code: 'BAD_CONFIG', message: /"d"; there are a, b, c, six$/ });
  });

  test('that are too small for the topology are rejected', () => {
    assert.throws(() => new NodeTables(TOPOLOGY, 'a', { limit: 5 }), { code: 'BAD_TABLE', message: /of a is full/ });
    assert.equal(new NodeTables(TOPOLOGY, 'a', { limit: 6 }).forwarding.size, 6);
  });

  test('of a topology without endpoints are empty', () => {
    const tables = new NodeTables(parseConfig('{ nodes: { a: { vtep: 10.0.0.1 } }, networks: {} }'), 'a');
    assert.deepEqual([tables.forwarding.size, tables.neighbours.size, tables.flood.length], [0, 0, 0]);
    assert.equal(tables.endpointOf(new Uint8Array(6), 0), -1);
  });
});
