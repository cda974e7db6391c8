import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type HostPorts, hostRulesText, removalText } from '../../../src/live/firewall/host-rules-text.js';
import { tableName } from '../../../src/live/firewall/table-name.js';
import { type GatewaySettings, parsePrefix } from '../../../src/overlay/index.js';
import { parseIpv4 } from '../../../src/wire/index.js';

const GATEWAY: GatewaySettings = {
  name: 'docker_gwbridge',
  subnet: parsePrefix('172.18.0.0/16'),
  gateway: parseIpv4('172.18.0.1'),
  mtu: 1500,
  icc: false,
  masquerade: true,
};
const NO_PORTS: HostPorts = { sandbox: parseIpv4('172.18.0.2'), ingress: [], host: [] };

function text(ports: Partial<HostPorts> = {}, gateway: Partial<GatewaySettings> = {}): string {
  return hostRulesText('node1', { ...GATEWAY, ...gateway }, { ...NO_PORTS, ...ports });
}

/** The rules of a chain. */
function chain(name: string, rules: string): string[] {
  const lines = rules.split('\n').map((line) => line.trim());
  const from = lines.indexOf(`chain ${name} {`) + 1;
  assert.ok(from > 0, name);
  return lines.slice(from, lines.indexOf('}', from));
}

describe('the rules of a node in its host', () => {
  test('replace the whole table in one transaction, whether it exists or not', () => {
    assert.deepEqual(text().split('\n').slice(0, 3), [
      'table ip vtep_node1',
      'delete table ip vtep_node1',
      'table ip vtep_node1 {',
    ]);
    assert.equal(removalText('node1'), 'table ip vtep_node1\ndelete table ip vtep_node1\n');
  });

  test('masquerade containers on the way out, and local sources on the way in', () => {
    assert.deepEqual(chain('postrouting', text()), [
      'type nat hook postrouting priority 100; policy accept;',
      'oifname "docker_gwbridge" fib saddr type local masquerade',
      'oifname "docker_gwbridge" ip saddr 172.18.0.0/16 ct status dnat masquerade',
      'oifname != "docker_gwbridge" ip saddr 172.18.0.0/16 masquerade',
    ]);
    assert.equal(chain('postrouting', text({}, { masquerade: false })).length, 3);
  });

  test('lead ingress ports to the load balancer, from everywhere', () => {
    const rules = text({
      ingress: [
        { protocol: 'tcp', published: 8080 },
        { protocol: 'udp', published: 53 },
        { protocol: 'tcp', published: 443 },
        { protocol: 'sctp', published: 3868 },
      ],
    });
    assert.deepEqual(chain('ingress_ports', rules), [
      'tcp dport { 8080, 443 } dnat to 172.18.0.2',
      'udp dport { 53 } dnat to 172.18.0.2',
      'sctp dport { 3868 } dnat to 172.18.0.2',
    ]);
    for (const hook of ['prerouting', 'output']) {
      assert.equal(chain(hook, rules)[1], 'fib daddr type local jump ingress_ports');
    }
  });

  test('lead host-mode ports to their task, except from the gateway network', () => {
    const host = [
      { protocol: 'tcp', published: 9090, address: parseIpv4('172.18.0.8'), target: 80 },
      { protocol: 'tcp', published: 9091, address: parseIpv4('172.18.0.9'), target: 81 },
    ] as const;
    const rules = text({ host });
    assert.deepEqual(chain('host_ports', rules), [
      'dnat ip to tcp dport map { 9090 : 172.18.0.8 . 80, 9091 : 172.18.0.9 . 81 }',
    ]);
    assert.equal(chain('prerouting', rules)[2], 'iifname != "docker_gwbridge" fib daddr type local jump host_ports');
  });

  test('let answers and published ports in, and nothing else', () => {
    const closed = [
      'type filter hook forward priority 0; policy accept;',
      'oifname "docker_gwbridge" ct status dnat accept',
      'iifname "docker_gwbridge" ct direction reply ct status dnat accept',
      'oifname "docker_gwbridge" ct state established,related accept',
      'oifname "docker_gwbridge" drop',
      'iifname "docker_gwbridge" oifname "docker0" drop',
      'iifname "docker_gwbridge" oifname "br-*" drop',
    ];
    assert.deepEqual(chain('forward', text()), closed);
    const open = [
      ...closed.slice(0, 4),
      'iifname "docker_gwbridge" oifname "docker_gwbridge" accept',
      ...closed.slice(4),
    ];
    assert.deepEqual(chain('forward', text({}, { icc: true })), open);
  });

  for (const [what, ports, gateway] of [
    ['an interface name with a quote', {}, { name: 'a" drop' }],
    ['an interface name with a wildcard', {}, { name: 'eth*' }],
    ['an interface name of 16 characters', {}, { name: 'docker_gwbridge0' }],
    ['a subnet of IPv6', {}, { subnet: parsePrefix('fd00::/64') }],
    ['an address of IPv6', { sandbox: new Uint8Array(16) }, {}],
    ['port 0', { ingress: [{ protocol: 'tcp', published: 0 }] }, {}],
    ['port 65536', { ingress: [{ protocol: 'tcp', published: 65_536 }] }, {}],
    ['a port that is a fraction', { ingress: [{ protocol: 'tcp', published: 1.5 }] }, {}],
    ['a port that is text', { ingress: [{ protocol: 'tcp', published: '1 } accept' as unknown as number }] }, {}],
    ['another protocol', { ingress: [{ protocol: 'icmp' as 'tcp', published: 80 }] }, {}],
    [
      'a target port that is out of range',
      { host: [{ protocol: 'tcp', published: 80, address: parseIpv4('172.18.0.8'), target: 0 }] },
      {},
    ],
    [
      'a port in both modes',
      {
        ingress: [{ protocol: 'tcp', published: 80 }],
        host: [{ protocol: 'tcp', published: 80, address: parseIpv4('172.18.0.8'), target: 80 }],
      },
      {},
    ],
  ] as const satisfies readonly (readonly [string, Partial<HostPorts>, Partial<GatewaySettings>])[]) {
    test(`${what} is refused`, () => {
      assert.throws(() => text(ports, gateway), { code: 'BAD_NODE' });
    });
  }

  test('one port of two protocols is two ports', () => {
    const ingress = (['tcp', 'udp'] as const).map((protocol) => ({ protocol, published: 53 }));
    assert.equal(chain('ingress_ports', text({ ingress })).length, 2);
  });
});

describe('the name of a table', () => {
  test('contains only characters that nft takes, and differs for different nodes', () => {
    const names = [
      'node1',
      'node-1',
      'node.1',
      'node_1',
      'Node1',
      'x'.repeat(100),
      'x'.repeat(101),
      '; flush ruleset',
      'ü',
      '',
    ];
    const tables = names.map(tableName);
    for (const table of tables) assert.match(table, /^vtep_[A-Za-z0-9_]{0,60}$/);
    assert.equal(new Set(tables).size, names.length);
    assert.equal(tables[0], 'vtep_node1');
  });
});
