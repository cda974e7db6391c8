import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveVtep, vtepMetrics } from '../../../src/live/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import type { Topology } from '../../../src/overlay/index.js';
import { configText, fromHex, C1, C2 } from '../../dataplane/topology.js';
import { portOf } from '../loopback.js';
import { ListPort } from '../memory-underlay.js';
import { parsePrometheus, sumOf } from '../prometheus-page.js';

const PORT = portOf(0);

function topology(): Topology {
  const endpoint = String.raw`  "c\"3\\": { network: net, node: n1, mac: "02:42:0a:00:09:05" }`;
  const text = configText({ endpoints: [endpoint.trim()] });
  return parseConfig(`port: ${PORT}\n${text.replaceAll('192.168.50.', '127.0.0.')}`);
}

describe("a VTEP's page of metrics", () => {
  let vtep: LiveVtep | undefined;
  after(() => vtep?.close());

  test('shows balanced counters by direction, reason, endpoint and error', async () => {
    const port = new ListPort();
    vtep = await LiveVtep.open({ topology: topology(), node: 'n1', sockets: 'node', portOf: () => port });
    const { node } = vtep;
    const page = () =>
      parsePrometheus(vtepMetrics(vtep as LiveVtep, { version: '1.2.3', reloads: { taken: 2, refused: 1 } }));
    assert.equal(sumOf(page(), 'vtep_packets_in_total'), 0);
    port.outgoing.push(fromHex(`${C2}${C1}88b5`.padEnd(120, '0')), fromHex('00'));
    const socket = createSocket('udp4');
    await new Promise((done) => socket.send(Uint8Array.of(1, 2, 3), PORT, '127.0.0.1', done));
    for (let i = 0; i < 4000 && node.counters.ingress.in === 0; i++) {
      node.turn(0);
      await sleep(5);
    }
    socket.close();
    const families = page();
    const sum = (name: string, labels: Readonly<Record<string, string>> = {}): number => sumOf(families, name, labels);
    assert.equal(
      sum('vtep_info', { version: '1.2.3', profile: 'swarm', aead: 'none', underlay: 'UDP socket of Node' }),
      1,
    );
    for (const direction of ['egress', 'ingress'] as const) {
      const { in: came, made, out, held, drops } = node.counters[direction];
      assert.equal(sum('vtep_packets_in_total', { direction }), came);
      assert.equal(sum('vtep_packets_out_total', { direction }), out);
      assert.equal(sum('vtep_packets_dropped_total', { direction }), drops.total);
      assert.equal(came + made, out + drops.total + held);
    }
    assert.equal(sum('vtep_packets_dropped_total', { direction: 'egress', reason: 'PKT_TOO_SMALL' }), 1);
    assert.equal(sum('vtep_underlay_packets_total', { direction: 'in' }), 1);
    assert.equal(sum('vtep_endpoint_frames_total', { endpoint: 'c1', direction: 'from' }), 2);
    assert.equal(sum('vtep_endpoint_frames_total', { endpoint: 'c"3\\', direction: 'from' }), 2);
    assert.equal(sum('vtep_forwarding_entries'), 3);
    assert.deepEqual(
      ['taken', 'refused'].map((result) => sum('vtep_config_reloads_total', { result })),
      [2, 1],
    );
    assert.equal(sum('vtep_key_tag'), 0);
    assert.equal(sum('vtep_endpoint_refused_total'), 0);
    port.refusedBy = { EIO: 3, SKB_GSO_SEG_Size: 2 };
    const after = page();
    for (const [reason, count] of Object.entries(port.refusedBy)) {
      assert.equal(sumOf(after, 'vtep_endpoint_refused_total', { endpoint: 'c1', reason }), count);
    }
  });
});
