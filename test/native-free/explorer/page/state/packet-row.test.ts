/** Rows of packets from the index alone. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { packetRow } from '../../../../../native-free/explorer/page/state/packet-row.js';
import { Verdict } from '../../../../../src/dataplane/index.js';
import { INDEX } from '../../filter/small-index.js';

describe('the row of a packet', () => {
  test('has both sides of the tunnel and of the flow, in the direction of the packet', () => {
    const { reasonText, ...row } = packetRow(INDEX, 1);
    assert.equal(reasonText, '');
    assert.deepEqual(row, {
      number: 2,
      time: '1.000000',
      network: 0,
      vni: '4097',
      outerSource: '192.168.0.2',
      outerDestination: '192.168.0.1',
      esp: '',
      innerSource: '10.0.9.4:80',
      innerDestination: '10.0.9.3:40000',
      protocol: 'TCP',
      length: 200,
      flags: 'SYN ACK',
      special: [],
      verdict: Verdict.Frame,
      reason: '',
    });
  });

  test('has SPI and sequence number of ESP, and brackets around IPv6 addresses with ports', () => {
    const { esp, innerSource, innerDestination, protocol } = packetRow(INDEX, 2);
    assert.deepEqual(
      [esp, innerSource, innerDestination, protocol],
      ['0xc0ffee01 7', '[fd00::3]:5000', '[fd00::4]:53', 'DNS'],
    );
  });

  test('of a packet without an inner frame has its own ports on the outer side', () => {
    const { outerSource, outerDestination, innerSource, vni, network } = packetRow(INDEX, 3);
    assert.deepEqual(
      [outerSource, outerDestination, innerSource, vni, network],
      ['192.168.0.1:7946', '192.168.0.2:7946', '', '', undefined],
    );
  });

  test('says why the packet was dropped, and has no time without one', () => {
    const { reason, reasonText, time } = packetRow(INDEX, 5);
    assert.equal(reason, 'XfrmInStateProtoError_Icv');
    assert.match(reasonText, /wrong ICV/);
    assert.equal(time, '');
  });
});
