/** A flood of garbage from a peer: memory stays bounded, every packet is accounted for, and real traffic passes. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, describe, test } from 'node:test';
import { scratch } from '../../cli/run.js';
import { ROOT } from '../../repository.js';
import { type Family, parsePrometheus, sumOf } from '../prometheus-page.js';
import { KernelVtep, VNI } from './kernel-vtep.js';
import { NamespaceBench } from './namespace-bench.js';
import { requirements } from './requirements.js';
import { RunningPing } from './running-ping.js';
import { underlay } from './underlay.js';
import { spawnVtep } from './vtep-process.js';

const FLOOD_SECONDS = 8;
const WARM_UP_SECONDS = 3;
/** Tolerated growth after that in KiB, from garbage collection. */
const GROWTH = 64 * 1024;
const PORT = 9477;

function residentOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1]);
}

describe('vtep up under a flood of garbage', { skip: requirements() }, () => {
  const folder = scratch();
  let bench: NamespaceBench | undefined;
  after(() => bench?.close());

  test('keeps memory bounded, counters balanced and metrics available, and passes real traffic', async (t) => {
    bench = new NamespaceBench();
    const [n1, n2] = underlay(bench, { offloads: false });
    const c1 = bench.namespace('c1');
    const config = join(folder, 'config.yaml');
    writeFileSync(
      config,
      `nodes: { n1: { vtep: ${n1.ipv4} }, n2: { vtep: ${n2.ipv4} } }
networks: { net: { vni: ${VNI}, subnet: 10.0.9.0/24 } }
endpoints:
  c1: { network: net, node: n1, ip: 10.0.9.3, device: eth0, netns: ${c1.name} }
  c2: { network: net, node: n2, ip: 10.0.9.4 }
`,
    );
    const words = ['up', '--config', config, '--node', 'n1', '--metrics', String(PORT), '--json'];
    const up = spawnVtep(n1.namespace, words);
    await up.ready(/endpoint c1/);
    const kernel = new KernelVtep(bench, n2.namespace, 'o2');
    const c2 = kernel.attach('c2', '10.0.9.4');
    kernel.add({ ip: '10.0.9.3', mac: '02:42:0a:00:09:03', vtep: n1.ipv4 });
    const ping = await RunningPing.start(c2, '10.0.9.3', { interval: 0.02 });
    const child = join(ROOT, 'dist/test/live/namespaces/flood-child.js');
    const flood = n2.namespace.start([process.execPath, child, n2.ipv4, n1.ipv4, String(FLOOD_SECONDS)]);
    await flood.line('stderr', /begun/);
    await sleep(WARM_UP_SECONDS * 1000);
    const pid = up.pid ?? 0;
    const warm = residentOf(pid);
    const before = ping.received;
    const ask = (): Family[] => {
      const script = `fetch('http://127.0.0.1:${PORT}/metrics').then(r=>r.text()).then(t=>process.stdout.write(t))`;
      return parsePrometheus(n1.namespace.call([process.execPath, '-e', script]));
    };
    const middle = ask();
    assert.ok(sumOf(middle, 'vtep_packets_in_total', { direction: 'ingress' }) > 0);
    const { stdout, status } = await flood.end(30_000);
    assert.equal(status, 0);
    const grown = residentOf(pid) - warm;
    const during = ping.received - before;
    await ping.answers(5);
    const { sent, lost } = await ping.stop();
    const page = ask();
    for (const direction of ['ingress', 'egress']) {
      const of = (name: string): number => sumOf(page, `vtep_packets_${name}`, { direction });
      assert.ok(of('in_total') <= of('out_total') + of('dropped_total') + of('held'), direction);
    }
    const ended = await up.stop();
    assert.equal(ended.status, 0, ended.stderr);
    const report = JSON.parse(ended.stdout) as {
      ingress: { in: number; balanced: boolean; dropped: Record<string, number> };
      egress: { balanced: boolean };
      underlay: { received: number; overrun: number };
    };
    const { ingress, egress, underlay: sockets } = report;
    assert.deepEqual([ingress.balanced, egress.balanced], [true, true]);
    assert.equal(ingress.in, sockets.received);
    const flooded = Number.parseInt(stdout, 10);
    const warnings = [
      `${flooded} sent in ${FLOOD_SECONDS} s, ${sockets.received} taken, ${sockets.overrun} without room`,
      `dropped ${JSON.stringify(ingress.dropped)}`,
      `${grown} KiB grown, ${during} pings answered under the flood, ${lost} of ${sent} lost in all`,
    ];
    for (const warning of warnings) t.diagnostic(warning);
    assert.ok(grown < GROWTH, `${grown} KiB more after ${WARM_UP_SECONDS} s`);
    assert.ok(during > 0, 'no ping passed');
    assert.ok(Object.keys(ingress.dropped).length >= 3, JSON.stringify(ingress.dropped));
    assert.ok(sockets.received + sockets.overrun <= flooded + 2 * sent + 1000);
  });
});
