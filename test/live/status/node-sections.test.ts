import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256, nodeBackend } from '../../../src/aead/index.js';
import { LiveVtep, nodeSections } from '../../../src/live/index.js';
import { statusDocument } from '../../../src/live/status/status-document.js';
import { withoutRawSockets, portOf } from '../loopback.js';
import { ListPort } from '../memory-underlay.js';
import { swarm } from '../services/swarm.js';

const KEYS = [
  '000102030405060708090a0b0c0d0e0f',
  '101112131415161718191a1b1c1d1e1f',
  '202122232425262728292a2b2c2d2e2f',
];

type Row = Readonly<Record<string, unknown>>;
interface Document {
  readonly node: Row;
  readonly networks: { readonly total: number; readonly rows: readonly Row[] };
  readonly endpoints: { readonly total: number; readonly rows: readonly Row[] };
  readonly forwarding: { readonly total: number; readonly rows: readonly Row[] };
  readonly sas: { readonly total: number; readonly keyTags: readonly number[]; readonly rows: readonly Row[] };
}

describe("the sections of a node's status", { skip: withoutRawSockets() }, () => {
  test('show its tables, ports and SAs, and no keys', async () => {
    const more = {
      networks: {
        'my-network': {
          vni: 4097,
          subnet: '10.0.9.0/24',
          encrypted: true,
          balancers: { node1: '10.0.9.7', node2: '10.0.9.6' },
        },
      },
      keys: KEYS.map((key, i) => ({ tag: i + 1, key })),
    };
    const topology = swarm({ port: portOf(3), more });
    const random = (bytes: Uint8Array): void => void bytes.fill(9);
    const cipher = { aead: nodeBackend.create(), hkdf: hkdfSha256, random };
    const port = new ListPort();
    const vtep = await LiveVtep.open({ topology, node: 'node1', cipher, portOf: () => port });
    const context = { version: '1.2.3', aead: 'node', reloads: { taken: 0, refused: 0 }, seconds: 5 };
    const sections = nodeSections(vtep, () => context, vtep.clock);
    const selection = { sections: [...sections.keys()], rows: 100 };
    const text = [...statusDocument(sections, selection, 1, () => 0)].join('');
    await vtep.close();
    const { node, networks, endpoints, forwarding, sas } = JSON.parse(text) as Document;
    assert.deepEqual(
      [node['name'], node['pid'], node['version'], node['vtep']],
      ['node1', process.pid, '1.2.3', '127.0.0.2'],
    );
    const [network] = networks.rows;
    assert.deepEqual(
      [
        networks.total,
        network['name'],
        network['vni'],
        network['encrypted'],
        network['subnets'],
        network['endpointsHere'],
      ],
      [1, 'my-network', 4097, true, ['10.0.9.0/24'], 3],
    );
    assert.equal(endpoints.total, 3);
    assert.deepEqual(endpoints.rows.map(({ id, kind, address, attached }) => [id, kind, address, attached]).sort(), [
      ['busybox', 'container', '10.0.9.10', true],
      ['lb-my-network@node1', 'balancer', '10.0.9.7', true],
      ['my-web.1@my-network', 'container', '10.0.9.3', true],
    ]);
    assert.equal(forwarding.total, forwarding.rows.length);
    const remote = forwarding.rows.find(({ mac }) => mac === '02:42:0a:00:09:04');
    assert.deepEqual([remote?.['node'], remote?.['vtep'], remote?.['learned']], ['node2', '127.0.0.3', false]);
    // Three keys: three SAs in, one out.
    assert.deepEqual([sas.total, sas.keyTags], [4, [1, 2, 3]]);
    assert.deepEqual(sas.rows.map(({ direction }) => direction).sort(), ['in', 'in', 'in', 'out']);
    for (const row of sas.rows) {
      assert.deepEqual([row['peer'], row['sequence'], row['packets']], ['node2', 0, 0]);
      assert.match(String(row['spi']), /^0x[0-9a-f]{8}$/);
      assert.ok(Number(row['age']) >= 0);
    }
    for (const key of KEYS) assert.ok(!text.includes(key.slice(0, 12)));
  });
});
