import assert from 'node:assert/strict';
import { after, describe, test } from 'node:test';
import { LiveVtep, vtepMetrics } from '../../../src/live/index.js';
import { portOf } from '../loopback.js';
import { ListPort } from '../memory-underlay.js';
import { type Family, parsePrometheus, sumOf } from '../prometheus-page.js';
import { segmentsToVip, swarm } from '../services/swarm.js';

const PORT = portOf(0);

describe("a page's metrics of services", () => {
  const open: LiveVtep[] = [];
  after(async () => {
    for (const vtep of open) await vtep.close();
  });

  async function vtepOf(topology: ReturnType<typeof swarm>): Promise<{ vtep: LiveVtep; client: ListPort }> {
    const ports = new Map<string, ListPort>();
    const portFor = ({ name }: { readonly name: string }): ListPort => {
      const port = new ListPort();
      ports.set(name, port);
      return port;
    };
    const vtep = await LiveVtep.open({ topology, node: 'node1', sockets: 'node', portOf: portFor });
    open.push(vtep);
    const client = ports.get('busybox');
    assert.ok(client);
    return { vtep, client };
  }

  function pageOf(vtep: LiveVtep): Family[] {
    return parsePrometheus(vtepMetrics(vtep, { version: '1.2.3', reloads: { taken: 0, refused: 0 } }));
  }

  test('count connections, packets and bytes by service and by task', async () => {
    const { vtep, client } = await vtepOf(swarm({ port: PORT }));
    const segments = segmentsToVip().slice(0, 3);
    assert.equal(segments.length, 3);
    const bytes = segments.reduce((sum, { length }) => sum + length - 14, 0);
    client.outgoing.push(...segments);
    while (vtep.node.turn(0));
    const page = pageOf(vtep);
    const sum = (name: string, labels: Readonly<Record<string, string>> = {}): number => sumOf(page, name, labels);
    const web = { network: 'my-network', service: 'my-web' };
    assert.equal(sum('vtep_service_connections_opened_total', web), 3);
    assert.equal(sum('vtep_service_packets_total', { ...web, direction: 'to' }), 3);
    assert.equal(sum('vtep_service_packets_total', { ...web, direction: 'from' }), 0);
    assert.equal(sum('vtep_service_bytes_total', { ...web, direction: 'to' }), bytes);
    const byTask = ['node1', 'node2'].map((node) => sum('vtep_task_connections_opened_total', { ...web, node }));
    assert.deepEqual([...byTask].sort(), [1, 2]);
    assert.equal(sum('vtep_task_connections', web), 3);
    assert.equal(sum('vtep_task_connections_active', web), 3);
    assert.equal(sum('vtep_task_weight', web), 2);
    assert.equal(sum('vtep_balancer_frames_total', { network: 'my-network', direction: 'in' }), 3);
    assert.equal(sum('vtep_balancer_connections', { network: 'my-network' }), 3);
    assert.equal(sum('vtep_balancer_connections_half_open'), 3);
    assert.equal(sum('vtep_balancer_connections_limit'), 65_536);
  });

  test('count what is refused and dropped', async () => {
    const tasks = [{ node: 'node2', ip: '10.0.9.4', drain: true }];
    const { vtep, client } = await vtepOf(swarm({ port: PORT + 1, tasks }));
    const [segment] = segmentsToVip();
    const broken = Uint8Array.from(segment);
    broken[24] ^= 1;
    client.outgoing.push(segment, broken);
    while (vtep.node.turn(0));
    const page = pageOf(vtep);
    assert.equal(sumOf(page, 'vtep_service_connections_refused_total', { service: 'my-web' }), 1);
    assert.equal(sumOf(page, 'vtep_balancer_dropped_total', { network: 'my-network', reason: 'IP_CSUM' }), 1);
    assert.equal(sumOf(page, 'vtep_task_weight', { service: 'my-web' }), 0);
    // The ICMP error went back to the client.
    assert.equal(client.given.length, 1);
  });

  test('have at most 2,000 series of tasks in a family', async () => {
    const tasks = Array.from({ length: 2100 }, (_, i) => ({ node: i % 2 === 0 ? 'node1' : 'node2' }));
    const networks = { 'my-network': { vni: 4097, subnet: '10.0.0.0/16', balancers: { node1: '10.0.9.7' } } };
    const { vtep } = await vtepOf(swarm({ port: PORT + 2, tasks, more: { networks } }));
    const page = pageOf(vtep);
    const count = (name: string): number => page.find((family) => family.name === name)?.samples.length ?? 0;
    assert.equal(count('vtep_task_weight'), 2000);
    assert.equal(count('vtep_service_connections_opened_total'), 1);
  });
});
