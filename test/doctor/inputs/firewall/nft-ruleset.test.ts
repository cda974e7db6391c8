/** Rules of nft list ruleset. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseNftRuleset } from '../../../../src/doctor/inputs/firewall/nft-ruleset.js';
import { output, sourceOf } from '../sources.js';

function rulesOf(text: string): string[] {
  return [...parseNftRuleset(sourceOf(text))].map((rule) =>
    [
      `${rule.family} ${rule.table}/${rule.chain}${rule.hook === '' ? '' : `(${rule.hook})`}`,
      ...(rule.isPolicy ? ['policy'] : []),
      ...[rule.protocol, rule.source, rule.destination].filter((field) => field !== ''),
      ...(rule.inDevice === '' ? [] : [`in ${rule.inDevice}`]),
      ...(rule.sourcePorts.length === 0 ? [] : [`sports ${rule.sourcePorts.slice(0, 5).join()}`]),
      ...(rule.destinationPorts.length === 0 ? [] : [`dports ${rule.destinationPorts.slice(0, 5).join()}`]),
      ...rule.conditions.map((condition) => `if <${condition}>`),
      ...(rule.vnis === undefined ? [] : [`vni ${rule.vnis.join()}`]),
      rule.verdict || 'nothing',
    ].join(' '),
  );
}

test('a ruleset as nft prints it', () => {
  assert.deepEqual(rulesOf(output('nft-ruleset.txt')), [
    'inet filter/input(input) policy drop',
    'inet filter/input(input) in lo accept',
    'inet filter/input(input) if <ct state established,related> accept',
    'inet filter/input(input) udp dports 4789,7946 if <ip saddr @peers> accept',
    'inet filter/input(input) tcp dports 2377,7946 accept',
    'inet filter/input(input) esp drop',
    'inet filter/input(input) esp accept',
    'inet filter/input(input) udp dports 4000,4001,4002,4003,4004 drop',
    'inet filter/input(input) mark',
    'inet filter/input(input) fd50::/64 drop',
    'inet filter/input(input) tcp if <iifname { "eth0", "eth1" }> if <tcp flags syn> if <tcp dport vmap { 22 : accept, 2377 : drop }> nothing',
    'inet filter/input(input) udp sports 4789 reject',
    'inet filter/input(input) jump foo',
    'inet filter/foo tcp dports 53 accept',
    'inet filter/foo udp dports 53 accept',
    'inet filter/foo udp dports 4789 if <@th,96,24 0x1003> if <meta ipsec missing> vni 4099 drop',
    'ipv4 nat/post(postrouting) policy accept',
    'ipv4 nat/post(postrouting) 10.0.0.0/8 if <oifname != "docker0"> masquerade',
  ]);
});

test('a named set with the VNIs of encrypted networks is looked up, also on several lines and with handles', () => {
  const text = `table inet docker-overlay { # handle 3
	set encrypted-vnis { # handle 1
		typeof @th,96,24
		elements = { 4099, 0x1004,
			     4101 }
	}
	chain enc-in { # handle 2
		type filter hook input priority raw; policy accept;
		udp dport 4789 @th,96,24 @encrypted-vnis meta secpath missing counter packets 7 bytes 700 drop # handle 9
	}
}
`;
  assert.deepEqual(rulesOf(text), [
    'inet docker-overlay/enc-in(input) policy accept',
    'inet docker-overlay/enc-in(input) udp dports 4789 if <@th,96,24 @encrypted-vnis> if <meta secpath missing> vni 4099,4100,4101 drop',
  ]);
  const [, rule] = parseNftRuleset(sourceOf(text));
  assert.deepEqual([rule.packets, rule.place.line], [7, 9]);
});

test('rules of iptables that nft shows have the name of their extension', () => {
  const text =
    'table ip filter {\n\tchain INPUT {\n\t\ttype filter hook input priority filter; policy accept;\n' +
    '\t\tmeta l4proto udp meta secpath missing udp dport 4789 xt match u32 counter packets 0 bytes 0 drop\n\t}\n}\n';
  assert.deepEqual(rulesOf(text).slice(1), [
    'ipv4 filter/INPUT(input) udp dports 4789 if <meta secpath missing> if <xt match u32> drop',
  ]);
});
