import assert from 'node:assert/strict';
import { it } from 'node:test';
import { flowRows } from '../../../../../native-free/explorer/page/views/flow-rows.js';
import { selectedRecording } from './selected-recording.js';

it('flowRows: each flow once, with both sides of the conversation that the report lists', async () => {
  const { index, reports, selection } = await selectedRecording('docker/03-vip-http.underlay.pcap');
  const { rows, more } = flowRows(index, selection, undefined);
  assert.equal(more, 0);
  assert.equal(new Set(rows.map(({ flow }) => flow)).size, rows.length);
  const tcp =
    reports.survey.flows?.conversations.filter(({ protocol, vni }) => protocol === 'TCP' && vni !== null) ?? [];
  assert.ok(tcp.length > 0);
  for (const { vni, a, b } of tcp) {
    const sides = [`${a.address}:${a.port}`, `${b.address}:${b.port}`];
    const row = rows.find(({ first, second }) => sides.includes(first) && sides.includes(second));
    assert.ok(row !== undefined, sides.join(' '));
    assert.equal(row.vni, vni);
    assert.ok(row.packetsSent + row.packetsReceived >= a.packets + b.packets);
  }
});

it('flowRows: has the busiest of too many flows, and counts the others', async () => {
  const { index, selection } = await selectedRecording('docker/03-vip-http.underlay.pcap');
  const bytesOf = (rows: ReturnType<typeof flowRows>['rows']): number[] =>
    rows.map(({ bytesSent, bytesReceived }) => bytesSent + bytesReceived).sort((a, b) => b - a);
  const all = flowRows(index, selection, undefined).rows;
  const few = flowRows(index, selection, undefined, 5);
  assert.deepEqual(bytesOf(few.rows), bytesOf(all).slice(0, 5));
  assert.equal(few.more, all.length - 5);
});

it('flowRows: ICMP has its identifier in the protocol, not as a port', async () => {
  const { index, selection } = await selectedRecording('vxlan/01-icmp.underlay.pcap');
  const icmp = flowRows(index, selection, undefined).rows.filter(({ protocol }) => protocol.startsWith('ICMP'));
  assert.ok(icmp.length > 0);
  for (const { protocol, first, second } of icmp) {
    assert.match(protocol, /^ICMP(?:v6)?(?: id=\d+)?$/);
    assert.ok(!`${first} ${second}`.includes(']') && !/\.\d+:\d/.test(`${first} ${second}`), first);
  }
});
