/** Outputs that doctor doesn't read are named, and never taken for others. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputKind } from '../../../src/doctor/evidence/evidence.js';
import { readInputs } from '../../../src/doctor/inputs/read-inputs.js';

const OUTPUTS: readonly (readonly [name: RegExp, text: string])[] = [
  [
    /docker node ls.*docker info/,
    'ID                            HOSTNAME   STATUS    AVAILABILITY   MANAGER STATUS   ENGINE VERSION\nrk4bg45hjf7yngg37c61zv5c0 *   manager1   Ready     Active         Leader           20.10.24\n',
  ],
  [
    /docker node inspect/,
    'ID:\t\t\trk4bg45hjf7yngg37c61zv5c0\nHostname:              \tmanager1\nStatus:\n State:\t\t\tReady\n',
  ],
  [
    /docker service ls/,
    'ID             NAME      MODE      REPLICAS   IMAGE        PORTS\namws79vmc3y3   db        global    2/2        box:latest\n',
  ],
  [
    /docker service ps/,
    'ID             NAME     IMAGE        NODE       DESIRED STATE   CURRENT STATE            ERROR     PORTS\nih14u1kea3yi   db.i1b   box:latest   worker1    Running         Running 47 seconds ago\n',
  ],
  [
    /docker ps/,
    'CONTAINER ID   IMAGE        COMMAND          CREATED\n5499d6d51e2b   box:latest   "sleep 100000"   47 seconds ago\n',
  ],
  [
    /docker network ls/,
    'NETWORK ID     NAME              DRIVER    SCOPE\n0586eb2df869   bridge            bridge    local\n',
  ],
  [
    /docker events/,
    '2026-11-30T00:57:14.667402105Z network connect ycibzdxzisekwvabg5f3jjgpx (container=5499d6d51e2b, name=plain)\n',
  ],
  [
    /brctl showmacs.*bridge fdb/,
    'port no\tmac addr\t\tis local?\tageing timer\n  1\t02:42:0a:00:09:03\tno\t\t   5.14\n',
  ],
  [/brctl show/, 'bridge name\tbridge id\t\tSTP enabled\tinterfaces\ndocker0\t\t8000.024269d211a9\tno\n'],
  [/arp.*ip neigh/, '? (192.0.2.1) at 02:fc:00:00:00:05 [ether]  on eth0\n'],
  [
    /ifconfig/,
    'eth0: flags=4163<UP,BROADCAST,RUNNING,MULTICAST>  mtu 1500\n        inet 192.168.50.1  netmask 255.255.255.0\n',
  ],
  [
    /ip route/,
    'default via 192.168.50.254 dev eth0 proto dhcp metric 100\n172.17.0.0/16 dev docker0 proto kernel scope link\n',
  ],
  [/ip xfrm monitor/, 'Updated src 192.168.50.1 dst 192.168.50.2\n\tproto esp spi 0xc207fc1c reqid 1 mode transport\n'],
  [
    /ss or netstat/,
    'Netid State  Recv-Q Send-Q Local Address:Port  Peer Address:Port Process\nudp   UNCONN 0      0            0.0.0.0:4789       0.0.0.0:*\n',
  ],
  [/ethtool.*ethtool -k/, 'driver: vmxnet3\nversion: 1.9.0.0-k-NAPI\nfirmware-version: \n'],
  [/sysctl/, 'net.ipv4.ip_forward = 1\n'],
  [
    /ufw status/,
    'Status: active\n\nTo                         Action      From\n22/tcp                     ALLOW       Anywhere\n',
  ],
  [/firewall-cmd/, 'public (active)\n  target: default\n  interfaces: eth0\n  services: ssh\n'],
  [/wg show/, 'interface: wg0\n  public key: abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOP0=\n  listening port: 51820\n'],
  [/IKE daemon/, 'Status of IKE charon daemon (strongSwan 5.9.8, Linux 6.1.0, x86_64):\n  uptime: 5 days\n'],
  [/ping/, 'PING 10.0.9.4 (10.0.9.4) 56(84) bytes of data.\n64 bytes from 10.0.9.4: icmp_seq=1 ttl=64 time=0.341 ms\n'],
  [/tcpdump's text/, '12:00:01.123456 IP 192.168.50.1.40123 > 192.168.50.2.4789: VXLAN, flags [I] (0x08), vni 4097\n'],
  [/compose file/, 'version: "3.8"\nservices:\n  web:\n    image: nginx\nnetworks:\n  plain:\n    driver: overlay\n'],
  [
    /docker node inspect/,
    '[{"ID":"i1","Spec":{"Role":"worker"},"Description":{"Hostname":"w","Engine":{"EngineVersion":"27.1.1"}},"Status":{"State":"ready"}}]',
  ],
  [
    /docker node ls/,
    '{"Availability":"Active","EngineVersion":"27.1.1","Hostname":"m","ID":"rk","ManagerStatus":"Leader","Status":"Ready"}',
  ],
  [/ip -j route/, '[{"dst":"default","gateway":"192.168.50.254","dev":"eth0","flags":[]}]'],
  [/nft -j/, '{"nftables":[{"metainfo":{"version":"1.0.6"}}]}'],
  [/of a container/, '[{"Id":"5499","HostConfig":{},"NetworkSettings":{}}]'],
];

for (const [name, text] of OUTPUTS) {
  test(`${name.source} is named, and what to give instead`, () => {
    const { inputs, nodes } = readInputs([{ name: 'file', text }]);
    assert.deepEqual(
      inputs.map(({ kinds }) => kinds),
      [[InputKind.Unknown]],
    );
    assert.deepEqual(nodes, []);
    assert.match(inputs[0].warnings[0], name);
    assert.match(inputs[0].warnings[0], /give /);
  });
}

test('within a longer paste, only what is read counts', () => {
  const text =
    '# ip route\ndefault via 192.168.50.254 dev eth0\n# ip neigh\n10.0.9.4 dev vxlan0 lladdr 02:42:0a:00:09:04 PERMANENT\n';
  const [{ kinds }] = readInputs([{ name: 'file', text }]).inputs;
  assert.deepEqual(kinds, [InputKind.Neighbours]);
});
