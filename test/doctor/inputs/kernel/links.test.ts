/** Devices as ip link and ip addr print them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkOfJson, parseLinks } from '../../../../src/doctor/inputs/kernel/links.js';
import { mergedLinks } from '../../../../src/doctor/inputs/merged-links.js';
import { objectOf } from '../../../../src/doctor/inputs/json-values.js';
import { output, sourceOf } from '../sources.js';

const VXLAN = {
  vni: 4097,
  port: 4789,
  local: '192.168.50.1',
  device: '',
  learning: false,
  proxy: true,
  l2miss: true,
  l3miss: true,
};

test('the vxlan device of ip -d -s link has all its settings and counters', () => {
  const links = [...parseLinks(sourceOf(output('ip-link.txt')))];
  assert.deepEqual(
    links.map(({ name, kind, mtu, up, master }) => [name, kind, mtu, up, master]),
    [
      ['lo', '', 65536, false, ''],
      ['br0', 'bridge', 1500, true, ''],
      ['vxlan0', 'vxlan', 1500, true, 'br0'],
      ['vb', 'veth', 1500, false, ''],
      ['va', 'veth', 1500, true, ''],
    ],
  );
  assert.deepEqual(links[2].vxlan, VXLAN);
  assert.deepEqual(links[2].counters, { rxErrors: 0, rxDropped: 0, txErrors: 0, txDropped: 3 });
  assert.equal(links[2].mac, 'c6:1c:52:bf:aa:1a');
});

test('ip -j -d -s addr gives the same device', () => {
  const source = sourceOf('');
  const [vxlan] = (JSON.parse(output('ip-addr.json')) as unknown[])
    .flatMap((entry) => linkOfJson(source, objectOf(entry), 1) ?? [])
    .filter(({ name }) => name === 'vxlan0');
  assert.deepEqual([vxlan.vxlan, vxlan.mtu, vxlan.up, vxlan.master, vxlan.kind], [VXLAN, 1500, true, 'br0', 'vxlan']);
  assert.deepEqual(vxlan.counters, { rxErrors: 0, rxDropped: 0, txErrors: 0, txDropped: 3 });
  assert.deepEqual(vxlan.addresses, ['fe80::c41c:52ff:febf:aa1a/64']);
});

test("Docker's own vxlan device learns, and has no address of its own", () => {
  const links = [...parseLinks(sourceOf(output('node1.overlay.txt')))];
  const vxlan = links.find(({ name }) => name === 'vxlan0');
  assert.deepEqual(vxlan?.vxlan, { ...VXLAN, local: '', learning: true });
  assert.equal(vxlan.mtu, 1450);
});

test('wireguard and VLAN devices have their kind', () => {
  const links = parseLinks(
    sourceOf(
      '4: wg0: <POINTOPOINT,NOARP,UP,LOWER_UP> mtu 1420 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000\n' +
        '    link/none  promiscuity 0 minmtu 0 maxmtu 2147483552 \n    wireguard addrgenmode none numtxqueues 1\n' +
        '5: eth0.7@eth0: <BROADCAST,UP> mtu 1400 qdisc noqueue state UP\n    link/ether 02:00:00:00:50:01 brd ff:ff:ff:ff:ff:ff\n    vlan protocol 802.1Q id 7 <REORDER_HDR> \n    inet 10.1.2.3/24 scope global eth0.7\n',
    ),
  );
  assert.deepEqual(
    [...links].map(({ name, kind, mtu, addresses }) => [name, kind, mtu, addresses]),
    [
      ['wg0', 'wireguard', 1420, []],
      ['eth0.7', 'vlan', 1400, ['10.1.2.3/24']],
    ],
  );
});

test('a vxlan line that a terminal wrapped is whole', () => {
  const [link] = parseLinks(
    sourceOf(
      '4: vxlan0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue master br0 st\nate UNKNOWN mode DEFAULT group default qlen 1000\n' +
        '    link/ether 02:00:00:09:00:01 brd ff:ff:ff:ff:ff:ff promiscuity 1  allmulti 1\n' +
        '    vxlan id 4097 local 192.168.50.1 srcport 0 0 dstport 4789 nolearning proxy\nl2miss l3miss ttl auto ageing 300\n',
    ),
  );
  assert.deepEqual(link.vxlan, VXLAN);
});

const BRIEF_ADDR =
  'lo               UNKNOWN        127.0.0.1/8 ::1/128 \neth0@if2         UP             192.168.90.1/24 fe80::4015:86ff:fe07:c7d1/64 \ndocker0          DOWN           \n';
const BRIEF_LINK =
  'lo               UNKNOWN        00:00:00:00:00:00 <LOOPBACK,UP,LOWER_UP> \neth0@if2         UP             42:15:86:07:c7:d1 <BROADCAST,MULTICAST,UP,LOWER_UP> \n';

test('ip -br addr and ip -br link give addresses, MACs and states, and are one device', () => {
  const links = [...parseLinks(sourceOf(BRIEF_ADDR)), ...parseLinks(sourceOf(BRIEF_LINK))];
  assert.deepEqual(
    mergedLinks(links).map(({ name, mtu, up, mac, addresses }) => [name, mtu, up, mac, addresses]),
    [
      ['lo', 0, false, '00:00:00:00:00:00', ['127.0.0.1/8', '::1/128']],
      ['eth0', 0, true, '42:15:86:07:c7:d1', ['192.168.90.1/24', 'fe80::4015:86ff:fe07:c7d1/64']],
      ['docker0', 0, false, '', []],
    ],
  );
});

test('ip -j -br addr gives the same', () => {
  const entry = '{"ifname":"eth0","operstate":"UP","addr_info":[{"local":"192.168.90.1","prefixlen":24}]}';
  const link = linkOfJson(sourceOf(''), objectOf(JSON.parse(entry)), 1);
  assert.deepEqual([link?.name, link?.mtu, link?.up, link?.addresses], ['eth0', 0, true, ['192.168.90.1/24']]);
});

test('what only an output without MTUs shows is kept, and joins the device that another one shows', () => {
  const oneLine = '2: eth0    inet 192.168.90.1/24 scope global eth0\\       valid_lft forever preferred_lft forever\n';
  assert.deepEqual(
    mergedLinks([...parseLinks(sourceOf(oneLine))]).map(({ name, addresses }) => [name, addresses]),
    [['eth0', ['192.168.90.1/24']]],
  );
  const full =
    '2: eth0: <BROADCAST,UP> mtu 1500 qdisc noqueue state UP\n    link/ether 42:15:86:07:c7:d1 brd ff:ff:ff:ff:ff:ff\n';
  const both = [...parseLinks(sourceOf(oneLine)), ...parseLinks(sourceOf(full))];
  assert.deepEqual(
    mergedLinks(both).map(({ name, mtu, addresses }) => [name, mtu, addresses]),
    [['eth0', 1500, ['192.168.90.1/24']]],
  );
  const elsewhere = BRIEF_LINK.replace('42:15:86:07:c7:d1', '42:15:86:07:c7:d2');
  assert.equal(
    mergedLinks([...parseLinks(sourceOf(BRIEF_LINK)), ...parseLinks(sourceOf(elsewhere))]).filter(
      ({ name }) => name === 'eth0',
    ).length,
    2,
  );
});
