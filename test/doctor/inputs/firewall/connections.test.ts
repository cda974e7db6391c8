/** Tracked connections and virtual servers. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConntrack } from '../../../../src/doctor/inputs/firewall/conntrack.js';
import { parseIpvsTimeouts, parseVirtualServers } from '../../../../src/doctor/inputs/firewall/ipvs.js';
import { vniOfBpf, vniOfU32 } from '../../../../src/doctor/inputs/firewall/vni-match.js';
import { output, sourceOf } from '../sources.js';

const TCP =
  'tcp      6 431999 ESTABLISHED src=10.0.0.4 dst=10.0.0.5 sport=40000 dport=7946 src=10.0.0.5 dst=10.0.0.9 sport=7946 dport=40001 [ASSURED] mark=0 use=1';

test('a connection of conntrack -L and of /proc has both directions', () => {
  const expected = {
    place: { file: 'file.txt', line: 1 },
    protocol: 'tcp',
    state: 'ESTABLISHED',
    timeout: 431_999,
    source: '10.0.0.4',
    destination: '10.0.0.5',
    sourcePort: 40_000,
    destinationPort: 7946,
    replySource: '10.0.0.5',
    replyDestination: '10.0.0.9',
    replySourcePort: 7946,
    replyDestinationPort: 40_001,
    unreplied: false,
    assured: true,
  };
  assert.deepEqual([...parseConntrack(sourceOf(TCP))], [expected]);
  assert.deepEqual([...parseConntrack(sourceOf(`ipv4     2 ${TCP}`))], [expected]);
});

test('connections without ports, without a state and without a reply', () => {
  const found = parseConntrack(
    sourceOf(
      'udp      17 29 src=192.168.50.1 dst=192.168.50.2 sport=4789 dport=4789 [UNREPLIED] src=192.168.50.2 dst=192.168.50.1 sport=4789 dport=4789 mark=0 use=1\n' +
        'unknown  50 599 src=192.168.50.1 dst=192.168.50.2 [UNREPLIED] src=192.168.50.2 dst=192.168.50.1 mark=0 use=1\n' +
        'icmpv6   58 29 src=fd50::1 dst=fd50::2 type=128 code=0 id=3 src=fd50::2 dst=fd50::1 type=129 code=0 id=3 mark=0 use=1\n' +
        'conntrack v1.4.7 (conntrack-tools): 3 flow entries have been shown.\n',
    ),
  );
  assert.deepEqual(
    [...found].map(({ protocol, state, destinationPort, unreplied, source }) => [
      protocol,
      state,
      destinationPort,
      unreplied,
      source,
    ]),
    [
      ['udp', '', 4789, true, '192.168.50.1'],
      ['unknown', '', 0, true, '192.168.50.1'],
      ['icmpv6', '', 0, false, 'fd50::1'],
    ],
  );
});

test('virtual servers of a load balancer, by firewall mark', () => {
  const [first, second] = parseVirtualServers(
    sourceOf(output('node1.balancer.txt').replace(/^[\s\S]*##### ipvsadm -Ln/, '')),
  );
  assert.deepEqual([first.mark, first.protocol, first.servers.length], [256, 'FWM', 2]);
  assert.deepEqual(
    second.servers.map(({ address, port, weight, forwarding }) => `${address}:${port} ${weight} ${forwarding}`),
    ['10.0.9.3:0 1 Masq', '10.0.9.4:0 1 Masq', '10.0.9.5:0 1 Masq'],
  );
});

test('virtual servers with addresses, of ipvsadm -Sn, and with statistics in place of weights', () => {
  const [six] = parseVirtualServers(
    sourceOf('TCP  [fd00::1]:80 wrr persistent 300\n  -> [fd00::3]:8080               Route   0      1          2\n'),
  );
  assert.deepEqual(
    [six.address, six.port, six.mark, six.servers[0].weight, six.servers[0].inactive],
    ['fd00::1', 80, undefined, 0, 2],
  );
  const [saved] = parseVirtualServers(sourceOf('-A -f 257 -s rr\n-a -f 257 -r 10.0.0.5:0 -m -w 1\n'));
  assert.deepEqual(
    [saved.mark, saved.servers[0].address, saved.servers[0].forwarding, saved.servers[0].weight],
    [257, '10.0.0.5', 'Masq', 1],
  );
  const [counted] = parseVirtualServers(
    sourceOf(
      'Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes\n  -> RemoteAddress:Port\n' +
        'FWM  257                                 0        0        0        0        0\n  -> 10.0.0.5:0                          0        0        0        0        0\n',
    ),
  );
  assert.deepEqual([counted.mark, counted.servers[0].weight], [257, -1]);
});

test('the time-outs of IPVS', () => {
  const [found] = parseIpvsTimeouts(sourceOf('Timeout (tcp tcpfin udp): 900 120 300\n'));
  assert.deepEqual([found.tcp, found.tcpFin, found.udp], [900, 120, 300]);
});

test('the VNI matches of all Docker versions', () => {
  assert.equal(vniOfU32('0x0>>0x16&0x3c@0xc&0xffffff00=0x100300'), 4099);
  // 24.0: with the length of the IPv4 header.
  assert.equal(vniOfBpf('6,177 0 0 0,64 0 0 12,84 0 0 4294967040,21 0 1 1049344,6 0 0 4294967295,6 0 0 0'), 4099);
  // 25.0: from the payload, shifted.
  assert.equal(vniOfBpf('7,32 0 0 4294963252,7 0 0 0,64 0 0 4,116 0 0 8,21 0 1 4099,6 0 0 4294967295,6 0 0 0'), 4099);
  assert.equal(vniOfU32('0x0>>0x16&0x3c@0x8=0x1'), undefined);
  assert.equal(vniOfBpf('1,6 0 0 65535'), undefined);
});
