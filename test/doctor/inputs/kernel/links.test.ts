/** Devices as ip link and ip addr print them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkOfJson, parseLinks } from '../../../../src/doctor/inputs/kernel/links.js';
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
