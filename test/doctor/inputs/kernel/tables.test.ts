/** Rows of forwarding and neighbour tables. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseFdb, parseNeighbours } from '../../../../src/doctor/inputs/kernel/tables.js';
import { output, sourceOf } from '../sources.js';

const MAC = '02:42:0a:00:09:04';

function flagsOf(text: string): string[] {
  return [...parseFdb(sourceOf(text))].map(
    ({ mac, device, destination, self, master, permanent, learned }) =>
      `${mac} ${device || '-'} ${destination || '-'}${self ? ' self' : ''}${master ? ' master' : ''}${permanent ? ' permanent' : ''}${learned ? ' learned' : ''}`,
  );
}

test('rows of the device and of the bridge, permanent and learned ones, are told apart', () => {
  assert.deepEqual(
    flagsOf(
      `${MAC} dev vxlan0 master br0 \n${MAC} dev vxlan0 dst 192.168.50.2 link-netnsid 0 self permanent\n` +
        `${MAC} dev vxlan0 dst 192.168.50.2 self \n${MAC} dev vxlan0 dst 192.168.50.2 self extern_learn \n` +
        `${MAC} dev vxlan0 dst fd50::0:2 vni 257 self static`,
    ),
    [
      `${MAC} vxlan0 - master learned`,
      `${MAC} vxlan0 192.168.50.2 self permanent`,
      `${MAC} vxlan0 192.168.50.2 self learned`,
      `${MAC} vxlan0 192.168.50.2 self`,
      `${MAC} vxlan0 fd50::2 self permanent`,
    ],
  );
});

test('pastes of an output without devices and of iproute2 4.19 are read', () => {
  assert.deepEqual(flagsOf(output('pastes/f02-fdb-show-dev.txt')), [
    `${MAC} - - master learned`,
    `${MAC} - 192.168.50.2 self permanent`,
  ]);
  assert.deepEqual(flagsOf(output('pastes/f02-dev-dev.txt')), [`${MAC} vxlan0 192.168.50.2 self permanent`]);
});

test('a damaged row is reported with its line, and the others are read', () => {
  const source = sourceOf(output('pastes/f15-fdb-cut.txt'));
  assert.equal([...parseFdb(source)].length, 1);
  assert.deepEqual(source.warnings, ['2: an entry of bridge fdb without a valid dst: skipped']);
});

test('neighbours have their state, and those that failed have no MAC', () => {
  const text = `10.0.9.4 dev vxlan0 lladdr ${MAC} PERMANENT \nfe80::42:aff:fe00:904 dev br0 lladdr ${MAC} STALE \n10.0.9.9 dev vxlan0  FAILED\n10.0.9.4 lladdr ${MAC} REACHABLE`;
  assert.deepEqual(
    [...parseNeighbours(sourceOf(text))].map(({ address, device, mac, state }) => [address, device, mac, state]),
    [
      ['10.0.9.4', 'vxlan0', MAC, 'PERMANENT'],
      ['fe80::42:aff:fe00:904', 'br0', MAC, 'STALE'],
      ['10.0.9.9', 'vxlan0', '', 'FAILED'],
      ['10.0.9.4', '', MAC, 'REACHABLE'],
    ],
  );
});
