/** `pinnedConfig`: a config with all of its addresses written down. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from 'yaml';
import { parseConfig, parseSwarmPlan, pinnedConfig } from '../../../src/overlay/files.js';
import { formatAddress } from '../../../src/overlay/prefix.js';

const NODES = `nodes:
  node1: { vtep: 192.0.2.1 }
  node2: { vtep: 192.0.2.2 }
`;
const SECTIONS = `networks:
  ingress: { ingress: true }
  back: { options: { com.docker.network.driver.overlay.vxlanid_list: 4300, dsr: } }
  front: { subnet: [10.0.9.0/24, "fd00::/64"], gateway: "fd00::1", attachable: true, labels: { tier: "1" } }
services:
  web:
    networks: { front: { aliases: [www] }, back: }
    ports: [53, 8080:80, 'target=90,mode=host']
    replicas: 3
  db: { networks: [back], mode: dnsrr, tasks: [{ slot: 5, node: node2, state: shutdown }, { node: node1, id: abc }] }
  agent: { networks: [front], deploy: global }
  idle: { networks: [front], replicas: 0 }
endpoints:
  c1: { network: front, node: node2, aliases: [client] }
  c2: { network: front, node: node2, ip: "fd00::9", mac: "02:42:0a:00:09:99" }
`;

/** Every address of a plan, by network, use and owner; and its VNIs and published ports. */
function facts(text: string): Map<string, string> {
  const { networks, services } = parseSwarmPlan(text);
  const all = networks.flatMap(({ request: { name }, allocation }): [string, string][] => [
    [`vni ${name}`, String(allocation.subnets[0].vni)],
    ...allocation.addresses.map(({ address, use, owner }): [string, string] => {
      return [`${name} ${use} ${owner}`, formatAddress(address)];
    }),
  ]);
  const ports = services.flatMap(({ service, ports: own }) =>
    own.map(({ published, target }): [string, string] => [`${service.name} ${target}`, String(published)]),
  );
  return new Map([...all, ...ports]);
}

describe('a pinned config', () => {
  test('means the same as the config', () => {
    const text = `${NODES}${SECTIONS}`;
    const pinned = `${NODES}${pinnedConfig(text)}`;
    assert.deepEqual(new Map([...facts(pinned)].sort()), new Map([...facts(text)].sort()));
    const [before, after] = [parseConfig(text), parseConfig(pinned)];
    assert.deepEqual(after.services?.records, before.services?.records);
    assert.deepEqual(after.networks, before.networks);
    assert.equal(pinnedConfig(pinned), pinnedConfig(text));
  });

  test('keeps every address while services come, go and scale, and networks are added', () => {
    const text = `${NODES}${SECTIONS}`;
    const before = facts(text);
    const config = parse(pinnedConfig(text)) as Record<string, Record<string, Record<string, unknown>>>;
    config['services']['web']['replicas'] = 6;
    // First in the file, where they would come first.
    config['services'] = { first: { networks: ['front', 'back'], replicas: 2 }, ...config['services'] };
    config['networks']['new'] = {};
    const changed = JSON.stringify({ ...(parse(NODES) as object), ...config });
    const after = facts(changed);
    for (const [what, value] of before) assert.equal(after.get(what), value, what);
    assert.equal([...after.keys()].filter((key) => / task web\./.test(key)).length, 18);
    assert.equal(after.size, before.size + 9 + 6 + 2);
    delete config['services']['web'];
    const left = facts(JSON.stringify({ ...(parse(NODES) as object), ...config }));
    for (const [what, value] of before) if (!what.includes('web')) assert.equal(left.get(what), value, what);
  });

  test('has what was written, and no other section', () => {
    const config = parse(
      pinnedConfig(`${NODES}${SECTIONS}keys: [{ tag: 4, key: 4c6f72656d20697073756d20646f6c6f }]\n`),
    );
    assert.deepEqual(Object.keys(config), ['networks', 'services', 'endpoints']);
    assert.deepEqual(config.networks.front, {
      subnet: ['10.0.9.0/24', 'fd00::/64'],
      gateway: ['fd00::1', '10.0.9.1'],
      attachable: true,
      labels: { tier: '1' },
      vni: 4097,
      balancers: { node1: '10.0.9.6', node2: '10.0.9.7' },
    });
    assert.deepEqual(config.services.db.tasks, [
      { slot: 5, node: 'node2', state: 'shutdown' },
      {
        slot: 2,
        node: 'node1',
        id: 'abc',
        ip: {
          back: formatAddress(
            parseConfig(`${NODES}${SECTIONS}`).services?.records.find(({ name }) => name === 'db.2.abc')
              ?.addresses[0] ?? new Uint8Array(4),
          ),
        },
      },
    ]);
    assert.deepEqual(config.services.web.ports, [
      'published=30000,target=53,protocol=tcp,mode=ingress',
      'published=8080,target=80,protocol=tcp,mode=ingress',
      'published=0,target=90,protocol=tcp,mode=host',
    ]);
    assert.deepEqual(config.endpoints.c2, { network: 'front', node: 'node2', ip: 'fd00::9', mac: '02:42:0a:00:09:99' });
  });
});
