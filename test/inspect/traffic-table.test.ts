import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { TrafficTable } from '../../src/inspect/traffic-table.js';
import { tcpLayout } from '../../src/wire/index.js';
import { ethernet, ip, udpIp } from '../dataplane/build.js';
import { walked } from './tables.js';

function tcp(sourcePort: number, destinationPort: number): Uint8Array {
  const header = new Uint8Array(20);
  tcpLayout.encode({ sourcePort, destinationPort, dataOffset: 5 }, header);
  return header;
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
    // Management is TCP's alone.
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

  test('packets of one kind add up, those of a reassembled one as many as it had parts', () => {
    const table = new TrafficTable();
    const [, packet] = NAMES[3];
    table.add(walked(packet), 1, 54);
    table.add(walked(packet), 3, 4000);
    assert.deepEqual(table.rows, [{ name: 'TCP', packets: 4, bytes: 4054 }]);
  });
});
