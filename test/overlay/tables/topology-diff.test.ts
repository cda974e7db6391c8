import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../../src/overlay/files.js';
import { ChangeKind, diffTopology, NodeTables, parseIp, Profile, type Topology } from '../../../src/overlay/index.js';
import { parseMac } from '../../../src/wire/index.js';
import { RING } from '../../dataplane/topology.js';
import { viewOf } from '../table-view.js';

const BASE = `nodes: { a: { vtep: 10.0.0.1 }, b: { vtep: 10.0.0.2 } }
networks: { net: { vni: 7 }, web: { vni: 8 } }
endpoints:
  one: { network: net, node: a, ip: 10.9.0.1 }
  two: { network: web, node: b, ip: 10.8.0.2 }
`;

/** What a config's text changes to another's, by kind. */
function kinds(after: string, before = BASE): string[] {
  return diffTopology(parseConfig(before), parseConfig(after)).map(({ kind }) => kind);
}

describe('the changes from one topology to another', () => {
  test('are none if nothing differs, except for keys, which only their users can compare', () => {
    assert.deepEqual(kinds(BASE), []);
    assert.deepEqual(kinds(BASE + RING), [ChangeKind.SetKeys]);
    assert.deepEqual(kinds(BASE + RING, BASE + RING), [ChangeKind.SetKeys]);
  });

  test('are one for each object that differs', () => {
    assert.deepEqual(kinds(BASE.replace('10.0.0.2 }', '10.0.0.2, mtu: 9000 }')), [ChangeKind.ChangeNode]);
    assert.deepEqual(kinds(BASE.replace('10.0.0.2 }', '10.0.0.2, mac: "02:00:00:00:00:01" }')), [
      ChangeKind.ChangeNode,
    ]);
    for (const option of ['mtu: 900', 'learning: true', 'flood: replicate', 'subnet: 10.8.0.0/24'])
      assert.deepEqual(kinds(BASE.replace('vni: 8', `vni: 8, ${option}`)), [ChangeKind.ChangeNetwork], option);
    for (const option of ['device: eth0', 'netns: x', 'mac: "02:00:00:00:00:01"'])
      assert.deepEqual(kinds(BASE.replace('10.8.0.2', `10.8.0.2, ${option}`)), [ChangeKind.ChangeEndpoint], option);
    assert.deepEqual(kinds(BASE.replace('node: b', 'node: a')), [ChangeKind.ChangeEndpoint]);
    assert.deepEqual(kinds(BASE.replace('10.8.0.2', '10.8.0.3')), [ChangeKind.ChangeEndpoint]);
    assert.deepEqual(kinds(`acceptUnknownVteps: true\n${BASE}`), [ChangeKind.SetAcceptUnknownVteps]);
    assert.deepEqual(kinds(`acceptUnknownVteps: false\n${BASE}`), []);
  });

  test('of a service that is scaled are its new task and, where that is the first, the load balancer', () => {
    const swarm = (replicas: number): string => `nodes: { a: { vtep: 10.0.0.1 }, b: { vtep: 10.0.0.2 } }
networks: { ingress: { ingress: true }, net: { subnet: 10.0.9.0/24, balancers: { a: 10.0.9.9 } } }
services: { web: { networks: [net], ports: ['8080:80'], replicas: ${replicas} } }
`;
    const before = parseConfig(swarm(1));
    const tables = new NodeTables(before, 'a');
    const changes = diffTopology(before, parseConfig(swarm(2)));
    assert.deepEqual(
      changes.map((change) => (change.kind === ChangeKind.AddEndpoint ? (change.endpoint.id ?? '') : change.kind)),
      ['web.2@ingress', 'web.2@net', 'lb-net@b'],
    );
    tables.apply(changes);
    const kindsOf = (topology: Topology): string[] =>
      topology.endpoints.map(({ id, kind }) => `${id ?? ''} ${kind ?? ''}`);
    assert.deepEqual(kindsOf(tables.topology).sort(), kindsOf(parseConfig(swarm(2))).sort());
    assert.deepEqual(diffTopology(tables.topology, parseConfig(swarm(2))), []);
    const [first, ...others] = before.endpoints;
    const changed = { ...before, endpoints: [{ ...first, kind: 'balancer' as const }, ...others] };
    assert.deepEqual(
      diffTopology(before, changed).map(({ kind }) => kind),
      [ChangeKind.ChangeEndpoint],
    );
  });

  test('identify a node by its VTEP and a network by its VNI: a different one means a different object', () => {
    const renamed = BASE.replaceAll(/\bb\b/g, 'c').replaceAll('web', 'www');
    assert.deepEqual(kinds(renamed), [ChangeKind.ChangeNode, ChangeKind.ChangeNetwork]);
    assert.deepEqual(kinds(BASE.replace('10.0.0.2', '10.0.0.3').replace('vni: 8', 'vni: 9')), [
      ChangeKind.AddNode,
      ChangeKind.AddNetwork,
      ChangeKind.ChangeEndpoint,
      ChangeKind.RemoveNetwork,
      ChangeKind.RemoveNode,
    ]);
  });

  test('do not depend on the order of lists', () => {
    const lines = BASE.split('\n');
    [lines[3], lines[4]] = [lines[4], lines[3]];
    const turned = lines
      .join('\n')
      .replace('a: { vtep: 10.0.0.1 }, b: { vtep: 10.0.0.2 }', 'b: { vtep: 10.0.0.2 }, a: { vtep: 10.0.0.1 }');
    assert.deepEqual(kinds(turned), []);
  });

  test('can swap the VTEPs of nodes, and the MACs and addresses of endpoints', () => {
    const before = parseConfig(BASE.replace('network: web', 'network: net'));
    const exchanged = BASE.replace('network: web', 'network: net')
      .replace('10.9.0.1', 'X')
      .replace('10.8.0.2', '10.9.0.1')
      .replace('X', '10.8.0.2')
      .replace(
        'a: { vtep: 10.0.0.1 }, b: { vtep: 10.0.0.2 }',
        'a: { vtep: 10.0.0.1 }, c: { vtep: 10.0.0.2 }, b: { vtep: 10.0.0.3 }',
      );
    const after = parseConfig(exchanged);
    const tables = new NodeTables(before, 'a');
    tables.apply(diffTopology(before, after));
    const questions = questionsOf(after);
    assert.deepEqual(viewOf(tables, questions), viewOf(new NodeTables(after, 'a'), questions));
  });

  test('distinguish endpoints of the same name, which imports can have', () => {
    const topology = parseConfig(BASE);
    const [one, two] = topology.endpoints;
    const named = (...macs: readonly string[]): Topology => ({
      ...topology,
      endpoints: macs.map((mac, i) => ({
        ...(i === 0 ? one : two),
        name: 'lb',
        network: 0,
        ip: undefined,
        mac: parseMac(mac),
      })),
    });
    const [first, second, third] = ['02:00:00:00:00:01', '02:00:00:00:00:02', '02:00:00:00:00:03'];
    const tables = new NodeTables(named(first, second, third), 'a');
    assert.deepEqual(diffTopology(named(first, second, third), named(first, third, second)), []);
    for (const after of [named(first, third), named(second), named(second, first, third), named(first)]) {
      tables.apply(diffTopology(tables.topology, after));
      const questions = questionsOf(named(first, second, third));
      const [now, anew] = [tables, new NodeTables(after, 'a')].map((each) =>
        Object.entries(viewOf(each, questions)).filter(([key]) => key.startsWith('mac') || key === 'entries'),
      );
      assert.deepEqual(
        now.map(([, answer]) => answer !== 'none'),
        anew.map(([, answer]) => answer !== 'none'),
      );
      assert.deepEqual(diffTopology(tables.topology, after), []);
    }
  });

  test('are refused between topologies with different profiles or ports', () => {
    const before = parseConfig(BASE);
    const code = { code: 'BAD_CHANGE' };
    assert.throws(() => diffTopology(before, { ...before, profile: Profile.Strict }), code);
    assert.throws(() => diffTopology(before, { ...before, port: 4790 }), code);
  });

  test('turn the tables of any topology into those of any other', () => {
    fc.assert(
      fc.property(fc.array(TOPOLOGY, { minLength: 2, maxLength: 5 }), (topologies) => {
        const [first, ...others] = topologies;
        const tables = new NodeTables(first, 'a');
        for (const after of others) {
          tables.apply(diffTopology(tables.topology, after));
          const questions = questionsOf(first, ...others);
          assert.deepEqual(viewOf(tables, questions), viewOf(new NodeTables(after, 'a'), questions));
        }
      }),
      { numRuns: 150 },
    );
  });
});

function questionsOf(...topologies: readonly Topology[]): Parameters<typeof viewOf>[1] {
  return {
    vteps: topologies.flatMap(({ nodes }) => nodes.map(({ vtep }) => vtep)),
    vnis: topologies.flatMap(({ networks }) => networks.map(({ vni }) => vni)),
    macs: topologies.flatMap(({ endpoints }) => endpoints.map(({ mac }) => mac)),
    ips: topologies.flatMap(({ endpoints }) => endpoints.flatMap(({ ip }) => (ip === undefined ? [] : [ip]))),
  };
}

/** Topologies with a node a, in which each MAC and address is one endpoint's. */
const TOPOLOGY = fc
  .record({
    nodes: fc.subarray(['b', 'c', 'd'], { minLength: 1 }),
    networks: fc.subarray([7, 8, 9], { minLength: 1 }),
    flood: fc.boolean(),
    endpoints: fc.uniqueArray(fc.record({ number: fc.nat(9), node: fc.nat(), network: fc.nat(), mac: fc.nat(1) }), {
      selector: ({ number }) => number,
      maxLength: 8,
    }),
  })
  .map(({ nodes, networks, flood, endpoints }): Topology => {
    const all = ['a', ...nodes];
    return {
      ...parseConfig('{ nodes: { a: { vtep: 10.0.0.1 } }, networks: {} }'),
      nodes: all.map((name) => ({
        name,
        vtep: parseIp(`10.0.0.${name.charCodeAt(0) - 96}`),
        mac: undefined,
        mtu: 1500,
      })),
      networks: networks.map((vni) => ({
        ...parseConfig(`{ nodes: { a: { vtep: 10.0.0.1 } }, networks: { n: { vni: ${vni} } } }`).networks[0],
        flood: flood ? 'replicate' : 'drop',
      })),
      endpoints: endpoints.map(({ number, node, network, mac }) => ({
        name: `e${number}`,
        node: node % all.length,
        network: network % networks.length,
        ip: parseIp(`10.9.${mac}.${number}`),
        mac: parseMac(`02:00:00:00:0${mac}:0${number}`),
      })),
    };
  });
