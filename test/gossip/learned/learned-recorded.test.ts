/** Tables learned from a real swarm's gossip, against the kernel's tables and `docker network inspect` there. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { LearnedTables } from '../../../src/gossip/index.js';
import {
  NodeTables,
  parseBridgeFdb,
  parseIpNeighbours,
  type ServiceChange,
  TargetKind,
} from '../../../src/overlay/index.js';
import { formatMac } from '../../../src/wire/index.js';
import { fixture } from '../../repository.js';
import { aloneWith, inspectedNetworks, RECORDED_NODES, recordedEntries } from './recorded.js';

interface Learned {
  readonly tables: NodeTables;
  readonly learned: LearnedTables;
  readonly services: readonly ServiceChange[];
}

async function learn(index: 0 | 1): Promise<Learned> {
  const here = RECORDED_NODES[index];
  const tables = new NodeTables(aloneWith(here), here.name);
  const learned = new LearnedTables({ ...here, mtu: 1500 });
  for (const { network } of inspectedNetworks(index === 0 ? 'node1' : 'node2')) learned.addNetwork(network);
  for (const change of await recordedEntries('07-encrypted.underlay')) learned.change(change);
  const { topology, services } = learned.take();
  tables.apply(topology);
  return { tables, learned, services };
}

describe("tables learned from a recorded swarm's gossip", () => {
  for (const [index, name] of [
    [0, 'node1'],
    [1, 'node2'],
  ] as const) {
    test(`${name}: they are the kernel's forwarding and neighbour tables at that time`, async () => {
      const { tables, learned } = await learn(index);
      const kernel = parseBridgeFdb(readFileSync(fixture(`docker/${name}.fdb.txt`), 'utf8'));
      const expected = kernel.map(({ mac, destination }) => `${formatMac(mac)} ${destination?.join('.') ?? ''}`);
      const found = tables.endpoints.map((endpoint) => {
        assert.ok(endpoint);
        const { forwarding } = tables;
        assert.ok(forwarding.find(tables.networks[endpoint.network]?.vni ?? -1, endpoint.mac, 0, 0));
        assert.equal(forwarding.kind, TargetKind.Vtep);
        return `${formatMac(endpoint.mac)} ${tables.nodes[forwarding.target]?.vtep.join('.') ?? ''}`;
      });
      assert.deepEqual(found.sort(), expected.sort());
      const neighbours = parseIpNeighbours(readFileSync(fixture(`docker/${name}.neigh.txt`), 'utf8'));
      assert.deepEqual(
        tables.endpoints.map((one) => `${one?.ip?.join('.')} ${formatMac(one?.mac ?? new Uint8Array(6))}`).sort(),
        neighbours.map(({ ip, mac }) => `${ip.join('.')} ${formatMac(mac)}`).sort(),
      );
      assert.deepEqual(learned.counts.refused, {});
    });
  }
});
