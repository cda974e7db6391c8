/** A topology of what Docker and the kernel said of a real swarm, beside fixtures/docker's recordings. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { importTopology, type NodeImport, parseSwarmKeys } from '../../src/overlay/files.js';
import { PathMtu } from '../../src/overlay/index.js';
import { formatIpv4, formatMac } from '../../src/wire/index.js';
import { fixture } from '../repository.js';
import { observe, replay } from '../replay/run.js';

const text = (name: string): string => readFileSync(fixture(`docker/${name}`), 'utf8');
const { ring } = parseSwarmKeys(text('swarm-keys.txt'));

function node(n: 1 | 2): NodeImport {
  return {
    name: `node${n}`,
    vtep: `192.168.50.${n}`,
    networks: text(`node${n}.network-inspect.json`),
    fdb: text(`node${n}.fdb.txt`),
    neighbours: text(`node${n}.neigh.txt`),
  };
}

describe('a topology imported of docker network inspect, bridge fdb and ip neigh', () => {
  const { topology, remarks } = importTopology([node(1), node(2)], ring);

  test('has the overlay networks with their VNIs, and nothing is missing', () => {
    assert.deepEqual(remarks, []);
    assert.deepEqual(
      topology.networks.map(({ name, vni, encrypted }) => [name, vni, encrypted]),
      [
        ['ingress', 4096, false],
        ['my-mtu', 4098, false],
        ['my-network', 4097, false],
        ['my-secret', 4099, true],
      ],
    );
  });

  test('has the MTUs that Docker set: 1450, 1250 and 1424', () => {
    const pathMtu = new PathMtu(topology, 0);
    assert.deepEqual(
      topology.networks.map((_, network) => pathMtu.inner(network, 1)),
      [1450, 1250, 1450, 1424],
    );
  });

  for (const [recording, keys] of [
    ['06-mtu-1300', undefined],
    ['07-encrypted', '07-encrypted.xfrm.txt'],
  ] as const) {
    test(`sends docker/${recording}'s frames to the VTEPs that the wire shows`, async () => {
      const path = fixture(`docker/${recording}.underlay.pcap`);
      const opened = keys === undefined ? undefined : fixture(`docker/${keys}`);
      const seen = (await observe(path, opened)).topology({
        profile: 'swarm',
        encrypted: false,
        mtu: 1500,
        ring: undefined,
      });
      assert.ok(seen.endpoints.length >= 2);
      for (const endpoint of seen.endpoints) {
        const { vni } = seen.networks[endpoint.network];
        const known = topology.endpoints.find(
          ({ mac, network }) => formatMac(mac) === formatMac(endpoint.mac) && topology.networks[network].vni === vni,
        );
        assert.ok(known !== undefined, formatMac(endpoint.mac));
        assert.equal(formatIpv4(topology.nodes[known.node].vtep), formatIpv4(seen.nodes[endpoint.node].vtep));
      }
      const result = await replay(path, {
        topology,
        encrypted: true,
        ...(opened === undefined ? {} : { keys: opened }),
      });
      assert.ok(result.balanced && result.exact > 50);
      assert.deepEqual([result.exact, result.missing, result.changed], [result.frames, 0, 0]);
    });
  }

  test('one node’s FDB and neighbours alone give the other’s endpoints', () => {
    const second = { name: 'node2', vtep: '192.168.50.2' };
    const { topology: half, remarks: said } = importTopology([node(1), second], ring);
    assert.match(said.join('\n'), /node2: no docker network inspect/);
    const places = (of: typeof half): string[] =>
      of.endpoints.map(({ mac, node: home }) => `${formatMac(mac)} ${home}`).sort();
    assert.deepEqual(places(half), places(topology));
  });

  test('says what is missing: keys, and neighbours of FDB entries', () => {
    const deaf = { ...node(1), neighbours: '' };
    const said = importTopology([deaf, { name: 'node2', vtep: '192.168.50.2' }]).remarks.join('\n');
    assert.match(said, /network my-secret is encrypted, and there are no keys/);
    assert.match(said, /no neighbour entry says which network 02:42:0a:00:/);
  });

  for (const [name, json, message] of [
    ['no JSON', '{', /n: it is no JSON/],
    ['another command’s', '[{"Id": 1}]', /no output of docker network inspect/],
    [
      'no VNI',
      '[{"Name":"x","Driver":"overlay"}]',
      /network x: it has no com.docker.network.driver.overlay.vxlanid_list/,
    ],
    ['no overlay network', '[{"Name":"x","Driver":"bridge"}]', /no node has/],
  ] as const) {
    test(`is refused with the reason: ${name}`, () => {
      assert.throws(() => importTopology([{ name: 'n', vtep: '192.0.2.1', networks: json }]), {
        code: 'BAD_IMPORT',
        message,
      });
    });
  }
});
