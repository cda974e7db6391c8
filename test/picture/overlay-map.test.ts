import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { byAddress, MAX_LINKS, MAX_NODES, overlayMap } from '../../src/picture/overlay-map.js';
import { endpoint, mesh, network, survey, tunnel } from './sample-survey.js';

const A = '192.168.0.1';
const B = '192.168.0.2';

describe('the map of an overlay', () => {
  test('addresses are sorted by number, IPv4 before IPv6', () => {
    const sorted = ['fd00::1', '10.0.0.10', '10.0.0.9', '9.0.0.1', 'fd00::'].sort(byAddress);
    assert.deepEqual(sorted, ['9.0.0.1', '10.0.0.9', '10.0.0.10', 'fd00::', 'fd00::1']);
  });

  test('both directions between two nodes are one link', () => {
    const tunnels = [tunnel(B, A, { frames: 2, bytes: 20 }), tunnel(A, B, { frames: 3, bytes: 30 })];
    const { nodes, links } = overlayMap(survey({ tunnels }));
    assert.deepEqual(
      nodes.map(({ address }) => address),
      [A, B],
    );
    assert.equal(links.length, 1);
    assert.deepEqual(links[0].fromA, { packets: 3, bytes: 30 });
    assert.deepEqual(links[0].fromB, { packets: 2, bytes: 20 });
  });

  test('ESP that was not decrypted counts as packets of a link without a network', () => {
    const sealed = { frames: 0, bytes: 0, espPackets: 7, espBytes: 700, vnis: [] };
    const { links } = overlayMap(survey({ tunnels: [tunnel(A, B, sealed)] }));
    assert.deepEqual(links[0].fromA, { packets: 7, bytes: 700 });
    assert.equal(links[0].unopened, 7);
    assert.equal(links[0].encrypted, true);
  });

  test('a MAC address seen with and without IP is one endpoint', () => {
    const endpoints = [endpoint(A, null), endpoint(A, '10.0.0.1'), endpoint(B, null, { mac: '02:42:0a:00:00:02' })];
    const { nodes } = overlayMap(survey({ endpoints }));
    assert.deepEqual(
      nodes.map((node) => node.endpoints.map(({ ip }) => ip)),
      [['10.0.0.1'], [null]],
    );
  });

  test('a network is encrypted if all of its frames were, and partly if some were', () => {
    const networks = [network(1), network(2, { encrypted: 10 }), network(3, { encrypted: 9 })];
    assert.deepEqual(
      overlayMap(survey({ networks })).networks.map(({ security }) => security),
      ['clear', 'encrypted', 'partly encrypted'],
    );
  });

  test('of more nodes and links than the bounds, the busiest are kept and the others counted', () => {
    const { nodes, moreNodes, links, moreLinks } = overlayMap(mesh(70, 2, 1));
    assert.equal(nodes.length, MAX_NODES);
    assert.equal(moreNodes, 6);
    assert.ok(!nodes.some(({ address }) => address === '10.1.0.0'), 'the least busy node');
    assert.equal(links.length, MAX_LINKS);
    assert.equal(moreLinks, (MAX_NODES * (MAX_NODES - 1)) / 2 - MAX_LINKS);
  });
});
