/** Tables that change a thousand times a second on both nodes while containers ping each other. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { scratch } from '../../cli/run.js';
import { RING } from '../../dataplane/topology.js';
import type { ChangingVtepReport } from './changing-vtep-child.js';
import { CONTAINER_DEVICE, VNI } from './kernel-vtep.js';
import { NamespaceBench } from './namespace-bench.js';
import { requirements } from './requirements.js';
import { RunningPing } from './running-ping.js';
import { underlay } from './underlay.js';

const CHILD = fileURLToPath(new URL('./changing-vtep-child.js', import.meta.url));
/** How long the pings go on; longer for figures that are to be published. */
const SECONDS = Number(process.env['VTEP_CHANGES_SECONDS'] ?? 3);
const INTERVAL = 0.01;
const PATIENCE_MS = 60_000;
const IPS = ['10.0.9.3', '10.0.9.4'] as const;
const folder = scratch();

/** Runs both nodes, and pings from one container to the other. */
async function run(t: TestContext, encrypted: boolean): Promise<void> {
  const bench = new NamespaceBench();
  try {
    const nodes = underlay(bench, { offloads: false });
    const containers = ['c1', 'c2'].map((name) => bench.namespace(name));
    const config = join(folder, `changes-${String(encrypted)}.yaml`);
    const endpoint = (i: 0 | 1): object => ({
      ...{ network: 'net', node: `node${i + 1}`, ip: IPS[i], device: CONTAINER_DEVICE, netns: containers[i].name },
    });
    const content = {
      nodes: { node1: { vtep: nodes[0].ipv4 }, node2: { vtep: nodes[1].ipv4 } },
      networks: { net: { vni: VNI, subnet: '10.0.9.0/24', encrypted } },
      endpoints: { c1: endpoint(0), c2: endpoint(1) },
    };
    // The other endpoints' addresses are in no subnet, which the config alone would mind.
    const json = Object.entries(content).map(([key, value]) => `${key}: ${JSON.stringify(value)}\n`);
    writeFileSync(config, json.join('') + RING);
    const children = nodes.map(({ namespace }, i) =>
      namespace.start([process.execPath, CHILD, config, `node${i + 1}`]),
    );
    for (const child of children) await child.line('stdout', /^up$/);
    const ping = await RunningPing.start(containers[0], IPS[1], { interval: INTERVAL });
    await ping.answers(SECONDS / INTERVAL, SECONDS * 1000 + PATIENCE_MS);
    const { sent, lost, missing } = await ping.stop();
    const ended = await Promise.all(children.map((child) => child.stop('SIGTERM')));
    t.diagnostic(`${sent} pings, ${lost} lost`);
    for (const { stdout } of ended) {
      const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as ChangingVtepReport;
      const { changes, seconds, median, p99, longest, balanced, ports } = report;
      const pauses = `${median.toFixed(1)} µs, p99 ${p99.toFixed(1)} µs, longest ${longest.toFixed(0)} µs`;
      t.diagnostic(`${changes} changes in ${seconds.toFixed(1)} s; each took ${pauses}`);
      assert.ok(changes > 100, stdout);
      assert.ok(balanced, stdout);
      assert.deepEqual(ports, [1, 0]);
    }
    assert.ok(sent > 50, `${sent} pings`);
    assert.deepEqual([lost, missing], [0, []]);
  } finally {
    bench.close();
  }
}

describe('tables that change a thousand times a second on both nodes', { skip: requirements() }, () => {
  test('lose no packet of a clear network', (t) => run(t, false));
  test('lose no packet of an encrypted network', (t) => run(t, true));
});
