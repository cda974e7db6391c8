import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TrafficTable } from '../../src/inspect/traffic-table.js';
import { Encapsulation, HeaderError, Layers, tcpLayout, udpLayout } from '../../src/wire/index.js';
import { ethernet, ip, join, udpIp } from '../dataplane/build.js';
import { walked } from './tables.js';

function tcp(sourcePort: number, destinationPort: number): Uint8Array {
  const header = new Uint8Array(20);
  tcpLayout.encode({ sourcePort, destinationPort, dataOffset: 5 }, header);
  return header;
}

function udp(sourcePort: number, destinationPort: number, payload = new Uint8Array(0)): Uint8Array {
  const header = new Uint8Array(8);
  udpLayout.encode({ sourcePort, destinationPort, length: 8 + payload.length }, header);
  return ip(4, 17, join(header, payload));
}

const on4 = (packet: Uint8Array): Uint8Array => ethernet(packet, 0x0800);
const on6 = (packet: Uint8Array): Uint8Array => ethernet(packet, 0x86dd);
const NOTHING = new Uint8Array(8);

describe('TrafficTable', () => {
  const NAMES: [string, Uint8Array][] = [
    ['ARP', ethernet(new Uint8Array(28), 0x0806)],
    ['LLDP', ethernet(NOTHING, 0x88cc)],
    ['EtherType 0x0026', ethernet(NOTHING, 0x26)],
    ['TCP', on4(ip(4, 6, tcp(40_000, 80)))],
    ['TCP (IPv6)', on6(ip(6, 6, tcp(40_000, 80)))],
    ['Swarm management (TCP 2377)', on4(ip(4, 6, tcp(40_000, 2377)))],
    ['Swarm management (TCP 2377)', on4(ip(4, 6, tcp(2377, 40_000)))],
    ['Swarm gossip (TCP 7946)', on4(ip(4, 6, tcp(7946, 40_000)))],
    ['Swarm gossip (TCP 7946) (IPv6)', on6(ip(6, 6, tcp(40_000, 7946)))],
    ['Swarm gossip (UDP 7946)', on4(udpIp(4, 7946, NOTHING))],
    ['Swarm gossip (UDP 7946) (IPv6)', on6(udpIp(6, 7946, NOTHING))],
    // Swarm management uses only TCP.
    ['UDP', on4(udpIp(4, 2377, NOTHING))],
    ['UDP (IPv6)', on6(udpIp(6, 9, NOTHING))],
    ['DNS', on4(udpIp(4, 53, NOTHING))],
    ['DNS (IPv6)', on6(udpIp(6, 53, NOTHING))],
    ['ICMP', on4(ip(4, 1, NOTHING))],
    ['ICMPv6', on6(ip(6, 58, NOTHING))],
    ['OSPF', on4(ip(4, 89, NOTHING))],
    ['SCTP (IPv6)', on6(ip(6, 132, NOTHING))],
  ];

  for (const [name, packet] of NAMES) {
    test(`${name} by its name`, () => {
      const table = new TrafficTable();
      table.add(walked(packet), 1, packet.length);
      assert.deepEqual(table.rows, [{ name, packets: 1, bytes: packet.length }]);
    });
  }

  /** The name according to the layers as parsed from a capture, and the packet's own bytes. */
  function named(packet: Uint8Array): string {
    const table = new TrafficTable();
    const layers = new Layers({ fromCapture: true });
    assert.equal(layers.walkEthernet(packet, 0, packet.length), HeaderError.None);
    table.add(layers, 1, packet.length, packet, packet.length);
    return table.rows[0].name;
  }

  test('a server port below 1024 takes precedence over a client port that matches by chance (RFC 6335 section 6)', () => {
    assert.equal(named(on4(ip(4, 6, tcp(2377, 21)))), 'TCP');
    assert.equal(named(on4(ip(4, 6, tcp(22, 2377)))), 'SSH (TCP 22)');
    assert.equal(named(on4(ip(4, 6, tcp(2377, 7946)))), 'Swarm gossip (TCP 7946)');
    assert.equal(named(on4(udp(8472, 123))), 'NTP (UDP 123)');
    assert.equal(named(on4(udp(53, 7946))), 'DNS');
  });

  test('identifies the other traffic of port 4500 (RFC 3948)', () => {
    assert.equal(named(on4(udp(500, 500))), 'IKE (UDP 500)');
    assert.equal(named(on4(udp(4500, 4500, Uint8Array.of(0xff)))), 'IPsec NAT keepalive (UDP 4500)');
    assert.equal(named(on4(udp(4500, 40_000, new Uint8Array(30)))), 'IKE (UDP 4500)');
  });

  test('identifies other encapsulations', () => {
    for (const [port, name] of [
      [6081, 'Geneve (UDP 6081)'],
      [4790, 'VXLAN-GPE (UDP 4790)'],
      [8472, 'VXLAN of Linux, flannel and Cilium (UDP 8472)'],
    ] as const) {
      assert.equal(named(on4(udp(40_000, port))), name);
    }
    assert.equal(named(on4(ip(4, 47, NOTHING))), 'GRE');
    assert.equal(named(on4(ip(4, 2, NOTHING))), 'IGMP');
    assert.equal(named(ethernet(NOTHING, 0x8847)), 'MPLS');
    assert.equal(named(ethernet(NOTHING, 0x8863)), 'PPPoE discovery');
    assert.equal(named(ethernet(NOTHING, 0x88b5)), 'EtherType 0x88b5');
    assert.equal(named(on4(ip(4, 253, NOTHING))), 'IP protocol 253');
  });

  test('names 802.3 frames by their LLC header, one row for all sizes (IEEE 802.3 clause 3.2.6)', () => {
    for (const [hex, name] of [
      ['4242030000', 'STP'],
      ['aaaa0300000c2000', 'CDP'],
      ['aaaa0300000c010b', 'PVST+'],
      ['aaaa03000000809b', 'EtherType 0x809b'],
      ['aaaa0300e02b00bb', '802.3/SNAP'],
      ['fefe0383', 'IS-IS and other OSI protocols'],
      ['1234', '802.3'],
      ['123403', '802.3/LLC'],
    ]) {
      const payload = Uint8Array.from(Buffer.from(hex, 'hex'));
      assert.equal(named(ethernet(payload, payload.length)), name);
    }
  });

  test('names the content of an encapsulation, and the encapsulation', () => {
    const table = new TrafficTable();
    const packet = on4(ip(4, 1, NOTHING));
    table.add(walked(packet), 1, 42, packet, packet.length, Encapsulation.Gre);
    assert.deepEqual(
      table.rows.map(({ name }) => name),
      ['ICMP in GRE'],
    );
  });

  test('kinds are bounded; the rest is counted together', () => {
    const table = new TrafficTable();
    for (let type = 0x2000; type < 0x2000 + 3000; type++) table.add(walked(ethernet(NOTHING, type)), 1, 22);
    const { rows } = table;
    assert.equal(rows.length, 1025);
    assert.equal(
      rows.reduce((sum, { packets }) => sum + packets, 0),
      3000,
    );
    assert.equal(rows.at(-1)?.name, 'other kinds');
  });

  test('sums packets of one kind, a reassembled one with its number of fragments', () => {
    const table = new TrafficTable();
    const [, packet] = NAMES[3];
    table.add(walked(packet), 1, 54);
    table.add(walked(packet), 3, 4000);
    assert.deepEqual(table.rows, [{ name: 'TCP', packets: 4, bytes: 4054 }]);
  });
});
