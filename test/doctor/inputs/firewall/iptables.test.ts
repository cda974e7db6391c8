/** Rules of iptables in its forms of output. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RuleSet } from '../../../../src/doctor/derived/rule-walk.js';
import { parseIptablesList } from '../../../../src/doctor/inputs/firewall/iptables-list.js';
import { parseIptablesSave } from '../../../../src/doctor/inputs/firewall/iptables-save.js';
import type { FirewallRule } from '../../../../src/doctor/evidence/firewall.js';
import { output, sourceOf } from '../sources.js';

/** The fields that a rule has, in short. */
function shown(rule: FirewallRule): string {
  const fields = [
    `${rule.table}/${rule.chain}${rule.hook === '' ? '' : `(${rule.hook})`}`,
    rule.isPolicy ? 'policy' : '',
    rule.protocol,
    rule.source === '' ? '' : `from ${rule.source}`,
    rule.destination === '' ? '' : `to ${rule.destination}`,
    rule.inDevice === '' ? '' : `in ${rule.inDevice}`,
    rule.outDevice === '' ? '' : `out ${rule.outDevice}`,
    rule.sourcePorts.length === 0 ? '' : `sports ${rule.sourcePorts.join()}`,
    rule.destinationPorts.length === 0 ? '' : `dports ${rule.destinationPorts.join()}`,
    ...rule.conditions.map((condition) => `if <${condition}>`),
    rule.vnis === undefined ? '' : `vni ${rule.vnis.join()}`,
    rule.verdict,
    rule.packets < 0 ? '' : `${rule.packets} packets`,
  ];
  return fields.filter((field) => field !== '').join(' ');
}

const U32 = '0x0>>0x16&0x3c@0xc&0xffffff00=0x100300';

test("Docker's rules for encrypted networks have their VNI, and their conditions", () => {
  const rules = [...parseIptablesSave(sourceOf(output('node1.host.txt')))].map(shown);
  assert.ok(rules.includes(`mangle/OUTPUT(output) udp dports 4789 if <-m u32 --u32 ${U32}> vni 4099 mark 44 packets`));
  assert.ok(
    rules.includes(
      `filter/INPUT(input) udp dports 4789 if <-m policy --dir in --pol none> if <-m u32 --u32 ${U32}> vni 4099 drop 0 packets`,
    ),
  );
  assert.ok(
    rules.includes('nat/POSTROUTING(postrouting) from 172.18.0.0/16 if <! -o docker_gwbridge> masquerade 9 packets'),
  );
  assert.ok(rules.includes('filter/FORWARD(forward) policy accept 0 packets'));
  assert.ok(rules.includes('filter/FORWARD(forward) jump DOCKER-USER 0 packets'));
  assert.ok(rules.includes('filter/DOCKER-USER return 102 packets'));
  assert.ok(
    rules.includes(
      'filter/FORWARD(forward) out docker_gwbridge if <-m conntrack --ctstate RELATED,ESTABLISHED> accept 9 packets',
    ),
  );
});

const RULES = [
  'udp dports 4789 if <POLICY> drop',
  'udp dports 4789 if <U32> vni 4099 drop',
  'esp accept',
  'tcp dports 2377,7946 reject',
  'in eth0 if <! -s 10.0.0.0/8>',
  'udp dports 4789 if <BPF> vni 4099 drop',
];

/** With the conditions' own words taken out, which differ between the forms of output. */
function alike(rule: FirewallRule): string {
  return shown(rule)
    .replace(/^filter\/INPUT\(input\) /, '')
    .replace(/<[^>]*pol[^>]*>/, '<POLICY>')
    .replace(/<[^>]*bpf.*>/, '<BPF>')
    .replace(/<[^<]*u32.*0x100300"?>/, '<U32>')
    .replace(/ 0 packets$/, '');
}

for (const [name, parse, file] of [
  ['iptables-save -c', parseIptablesSave, 'iptables-save.txt'],
  ['iptables -L -v -n', parseIptablesList, 'iptables-list.txt'],
] as const) {
  test(`the same rules are read from ${name}`, () => {
    const rules = [...parse(sourceOf(output(file)))].filter(({ chain, table, isPolicy }) => {
      return chain === 'INPUT' && table === 'filter' && !isPolicy;
    });
    assert.deepEqual(rules.map(alike), RULES);
    assert.ok(rules.every(({ packets, place }) => packets === 0 && (place.line ?? 0) > 1));
  });
}

test('iptables -S has no tables: the chains tell which one it is', () => {
  const text =
    '-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-N DOCKER\n-A POSTROUTING -j MASQUERADE\n' +
    '-P PREROUTING ACCEPT\n-P INPUT ACCEPT\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-P POSTROUTING ACCEPT\n-A INPUT -j MARK --set-xmark 0x1/0xffffffff\n' +
    '-P INPUT DROP\n-P FORWARD ACCEPT\n-P OUTPUT ACCEPT\n-A INPUT -p udp -m udp --dport 4000:5000 -j ACCEPT\n';
  const rules = [...parseIptablesSave(sourceOf(text))].filter(({ isPolicy }) => !isPolicy);
  assert.deepEqual(
    rules.map(({ table, verdict }) => `${table} ${verdict}`),
    ['nat masquerade', 'mangle mark', 'filter accept'],
  );
  assert.equal(rules[2].destinationPorts.length, 1001);
  const [named] = parseIptablesSave(sourceOf('-A OUTPUT -j ACCEPT\n', 'ip6tables -t raw -S'));
  assert.deepEqual([named.table, named.family], ['raw', 'ipv6']);
});

test('a quoted comment is no option, and a negated one is a condition', () => {
  const [rule] = parseIptablesSave(
    sourceOf('-A INPUT -m comment --comment "-j DROP \\"x\\"" ! -p tcp ! --dport 22 -j ACCEPT'),
  );
  assert.equal(shown(rule), 'filter/INPUT(input) if <! -p tcp> if <! --dport 22> accept');
});

test('a range of many ports has its ends and the ports of Swarm', () => {
  const [rule, all] = parseIptablesSave(
    sourceOf('-A INPUT -p udp --dport 1024:65000 -j DROP\n-A INPUT -p udp --dport 0:65535 -j DROP'),
  );
  assert.deepEqual(rule.destinationPorts, [1024, 2377, 4500, 4789, 7946, 8472, 65000]);
  assert.deepEqual(all.destinationPorts, []);
});

test('iptables -L without -v, with line numbers, of IPv6, and with rules without a target', () => {
  const rules = [
    ...parseIptablesList(
      sourceOf(
        'Chain INPUT (policy DROP)\nnum  target     prot opt source               destination         \n' +
          '1    ACCEPT     udp  --  10.0.0.0/8           0.0.0.0/0            udp dpts:4789:4790 /* overlay */\n' +
          '2               tcp  --  0.0.0.0/0            0.0.0.0/0            tcp dpt:2377 state NEW\n' +
          'Chain DOCKER (2 references)\nnum  target     prot opt source               destination         \n' +
          '1    ACCEPT     esp      fd50::/64            ::/0                \n' +
          '1    DROP       udp      ::/0                 ::/0                 udp dpt:4789\n',
      ),
    ),
  ].map(shown);
  assert.deepEqual(rules.slice(0, 3), [
    'filter/INPUT(input) policy drop',
    'filter/INPUT(input) udp from 10.0.0.0/8 dports 4789,4790 accept',
    'filter/INPUT(input) tcp dports 2377 if <state NEW>',
  ]);
  assert.deepEqual(rules.slice(3), ['filter/DOCKER esp from fd50::/64 accept', 'filter/DOCKER udp dports 4789 drop']);
});

test('packet counts have units', () => {
  const [policy, rule] = parseIptablesList(
    sourceOf(
      'Chain INPUT (policy ACCEPT 12M packets, 3G bytes)\n pkts bytes target     prot opt in     out     source               destination\n' +
        ' 341K   22M DROP       udp  --  eth0   *       0.0.0.0/0            0.0.0.0/0            udp dpt:4789\n',
    ),
  );
  assert.deepEqual([policy.packets, rule.packets, rule.inDevice], [12_000_000, 341_000, 'eth0']);
});

test('the tables of iptables-legacy and those of nftables are kept apart, and both decide', () => {
  const save = (mode: string, policy: string): string =>
    `# Generated by iptables-save v1.8.9${mode} on Mon Nov 30 00:58:07 2026\n*filter\n:INPUT ${policy} [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n`;
  for (const modes of [
    ['', ' (nf_tables)'],
    [' (nf_tables)', ''],
  ] as const) {
    const text = save(modes[0], 'ACCEPT') + save(modes[1], 'DROP');
    const rules = [...parseIptablesSave(sourceOf(text))];
    assert.equal(rules.filter(({ backend }) => backend === 'legacy').length, 3);
    const alone = [...parseIptablesSave(sourceOf(save('', 'ACCEPT')))];
    assert.ok(alone.every(({ backend }) => backend === undefined));
    const named = [...parseIptablesSave(sourceOf(save('', 'ACCEPT'), 'iptables-legacy-save -c'))];
    assert.ok(named.every(({ backend }) => backend === 'legacy'));
    const packet = { protocol: 'udp', port: 4789, remote: [], local: [], device: undefined, isReply: false } as const;
    assert.equal(new RuleSet(rules).walk({ ...packet, hook: 'input' }).outcome, 'dropped');
  }
});
