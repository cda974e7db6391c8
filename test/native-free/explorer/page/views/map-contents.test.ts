import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileFilter, selectPackets } from '../../../../../native-free/explorer/filter/index.js';
import { mapContents } from '../../../../../native-free/explorer/page/views/map-contents.js';
import { selectedRecording } from './selected-recording.js';

describe('mapContents', () => {
  it('has the nodes, the links with their networks, and the endpoints behind each node', async () => {
    const { index, reports, selection } = await selectedRecording(
      'docker/07-encrypted.underlay.pcap',
      'docker/swarm-keys.txt',
    );
    const { nodes, links, endpoints, others } = mapContents(index, selection, reports.survey, undefined);
    // A router and multicast groups have no tunnel.
    assert.equal(others, 5);
    assert.deepEqual(
      nodes.map(({ address }) => address),
      ['192.168.50.1', '192.168.50.2'],
    );
    assert.deepEqual(
      links.map(({ a, b, vnis, isEncrypted }) => ({ a, b, vnis, isEncrypted })),
      [{ a: 0, b: 1, vnis: [4099], isEncrypted: true }],
    );
    assert.ok(links[0].packets > 700 && links[0].packets < index.packets);
    assert.deepEqual(
      nodes[0].endpoints.map(({ ip, node }) => `${ip} ${node}`),
      ['10.0.11.3 192.168.50.1', '10.0.11.5 192.168.50.1'],
    );
    assert.ok(endpoints.every(({ bytes }) => bytes > 0));
  });
  it('has the bytes of the selected packets only', async () => {
    const { index, reports } = await selectedRecording('docker/03-vip-http.underlay.pcap');
    const test = compileFilter('outer.src == 192.168.50.1', index.tables);
    const range = { from: undefined, to: undefined };
    const selection = await selectPackets(index, { test, range }, () => Promise.resolve());
    const { links } = mapContents(index, selection, reports.survey, undefined);
    assert.equal(
      links.reduce((sum, { bytes }) => sum + bytes, 0),
      selection.totals.bytes,
    );
  });
  it('before the reports are there, has nodes and links without networks', async () => {
    const { index, selection } = await selectedRecording('docker/03-vip-http.underlay.pcap');
    const { nodes, links, endpoints } = mapContents(index, selection, undefined, undefined);
    assert.equal(nodes.length, 2);
    assert.deepEqual([links[0].vnis, links[0].isEncrypted, endpoints], [[], undefined, []]);
  });
});
