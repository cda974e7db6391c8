/** A gateway in namespaces: containers, the host and the outside are the kernel's; the switch between them is ours. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { scratch } from '../../cli/run.js';
import { ROOT } from '../../repository.js';
import { NamespaceBench } from '../namespaces/namespace-bench.js';
import type { NamespaceProcess } from '../namespaces/namespace-process.js';
import type { NetworkNamespace } from '../namespaces/network-namespace.js';
import { ping } from '../namespaces/ping.js';
import { tcpTransfer } from '../namespaces/tcp-transfer.js';
import type { GatewayChildConfig, GatewayChildReport } from './gateway-child.js';
import { ruleRequirements } from './requirements.js';

const CHILD = join(ROOT, 'dist/test/live/gateway/gateway-child.js');
const PEER = join(ROOT, 'dist/test/live/gateway/tcp-peer.js');
const NODE = '192.168.50.1';
const OUTSIDE = '192.168.50.254';
const TRANSFER_PORT = 7000;
const MEGABYTE = 1_000_000;
const folder = scratch();
let files = 0;

/** A node, the outside beyond its underlay, two containers, and the load balancer's namespace. */
class Bench {
  readonly #bench = new NamespaceBench();
  readonly host = this.#bench.namespace('svc-gateway-host');
  readonly outside = this.#bench.namespace('svc-gateway-out');
  readonly web = this.#bench.namespace('svc-gateway-web');
  readonly db = this.#bench.namespace('svc-gateway-db');
  readonly sandbox = this.#bench.namespace('svc-gateway-sbox');
  readonly #file = join(folder, `gateway-${files++}.json`);
  #process: NamespaceProcess | undefined;

  constructor() {
    this.#bench.link(this.host, { device: 'u0', addresses: [`${NODE}/24`] }, this.outside, {
      device: 'u0',
      addresses: [`${OUTSIDE}/24`],
    });
    // The gateway enables it.
    this.host.write('/proc/sys/net/ipv4/ip_forward', '0');
  }

  get all(): GatewayChildConfig['containers'] {
    return { web: { netns: this.web.name, device: 'eth1' }, db: { netns: this.db.name, device: 'eth2' } };
  }

  get process(): NamespaceProcess {
    assert.ok(this.#process);
    return this.#process;
  }

  async start(config: GatewayChildConfig): Promise<void> {
    writeFileSync(this.#file, JSON.stringify(config));
    this.#process = this.host.start([process.execPath, CHILD, this.#file]);
    await this.#process.line('stdout', /^up$/);
  }

  async reload(config: GatewayChildConfig): Promise<void> {
    writeFileSync(this.#file, JSON.stringify(config));
    const before = this.#reloads();
    this.process.signal('SIGHUP');
    await this.process.until(() => this.#reloads() > before, 'the reload');
  }

  #reloads(): number {
    return this.process.stdout.split('\n').filter((line) => line === 'reloaded').length;
  }

  /** Ends it, and checks that no frame is unaccounted for. */
  async stop(): Promise<GatewayChildReport> {
    const { status, stdout, stderr } = await this.process.stop('SIGTERM');
    assert.equal(status, 0, stderr);
    const report = JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as GatewayChildReport;
    const dropped = Object.values(report.dropped).reduce((sum, frames) => sum + frames, 0);
    assert.equal(report.in + report.made, report.out + dropped, stdout);
    assert.equal(report.free, report.slots);
    return report;
  }

  get tables(): string {
    return this.host.call(['nft', 'list', 'tables']);
  }

  close(): void {
    this.#bench.close();
  }
}

/** Listens, and tells each client its address. */
async function serve(namespace: NetworkNamespace, port: number): Promise<void> {
  await namespace.start([process.execPath, PEER, 'serve', String(port)]).line('stdout', /listening/);
}

/** The address under which a server sees the client, or why there is no answer. */
async function ask(from: NetworkNamespace, address: string, port: number): Promise<string> {
  const { stdout } = await from.start([process.execPath, PEER, 'ask', address, String(port)]).end();
  return stdout.trim();
}

describe('a gateway with its rules', { skip: ruleRequirements() }, () => {
  let bench: Bench;
  const ports = (): Partial<GatewayChildConfig> => ({
    ingress: [8080],
    host: [
      { published: 9090, container: 'web', target: 80 },
      { published: TRANSFER_PORT, container: 'db', target: TRANSFER_PORT },
    ],
  });
  const config = (): GatewayChildConfig => ({ containers: bench.all, sandbox: bench.sandbox.name, ...ports() });
  before(async () => {
    bench = new Bench();
    await bench.start(config());
    await Promise.all([
      serve(bench.outside, 7777),
      serve(bench.web, 80),
      serve(bench.db, 80),
      serve(bench.sandbox, 8080),
      serve(bench.sandbox, 8081),
    ]);
  });
  after(() => bench.close());

  test('gives each container an interface, the lowest free address, a default route and loopback', () => {
    for (const [namespace, device, address] of [
      [bench.web, 'eth1', '172.18.0.3'],
      [bench.db, 'eth2', '172.18.0.4'],
    ] as const) {
      assert.equal(namespace.ip('route show default').trim(), `default via 172.18.0.1 dev ${device}`);
      assert.match(namespace.ip(`-brief address show ${device}`), new RegExp(` ${address}/16 `));
      assert.match(namespace.ip(`-brief link show ${device}`), /02:42:ac:12:00:0[34]/);
      assert.match(namespace.ip('-brief address show lo'), / 127\.0\.0\.1\/8 /);
    }
    assert.match(bench.host.ip('-brief address show docker_gwbridge'), / 172\.18\.0\.1\/16 /);
  });

  test('enables forwarding, says so, and lets 127.0.0.1 through', () => {
    assert.match(bench.process.stderr, /enabled net\.ipv4\.ip_forward/);
    assert.equal(bench.host.call(['cat', '/proc/sys/net/ipv4/ip_forward']).trim(), '1');
    const local = '/proc/sys/net/ipv4/conf/docker_gwbridge/route_localnet';
    assert.equal(bench.host.call(['cat', local]).trim(), '1');
  });

  test('containers reach the outside, which sees the host’s address', async () => {
    const { received } = await ping(bench.web, OUTSIDE);
    assert.equal(received, 5);
    assert.equal(await ask(bench.web, OUTSIDE, 7777), NODE);
    assert.equal(await ask(bench.db, OUTSIDE, 7777), NODE);
  });

  test('containers reach the host but, without icc, not each other', async () => {
    assert.equal((await ping(bench.web, '172.18.0.1', { count: 2 })).received, 2);
    assert.equal((await ping(bench.web, '172.18.0.4', { count: 2 })).received, 0);
    assert.equal(await ask(bench.web, '172.18.0.4', 80), 'no answer');
  });

  test('a host-mode port leads to the target port of the container, which sees the client', async () => {
    assert.equal(await ask(bench.outside, NODE, 9090), OUTSIDE);
    // From the host itself it is the gateway.
    assert.equal(await ask(bench.host, '127.0.0.1', 9090), '172.18.0.1');
    assert.equal(await ask(bench.host, NODE, 9090), '172.18.0.1');
    // From the gateway network it leads nowhere, as Docker's rule has it.
    assert.equal(await ask(bench.db, NODE, 9090), 'ECONNREFUSED');
  });

  test('an ingress port leads to the load balancer, from outside, from the host and from containers', async () => {
    assert.equal(await ask(bench.outside, NODE, 8080), OUTSIDE);
    assert.equal(await ask(bench.host, '127.0.0.1', 8080), '172.18.0.1');
    assert.equal(await ask(bench.host, NODE, 8080), '172.18.0.1');
    assert.equal(await ask(bench.web, NODE, 8080), '172.18.0.1');
    assert.equal(await ask(bench.web, '172.18.0.2', 8080), '172.18.0.3');
    assert.equal(await ask(bench.web, '172.18.0.2', 8081), 'no answer');
    assert.equal(await ask(bench.outside, NODE, 8081), 'ECONNREFUSED');
  });

  test('nothing reaches a container from outside but through a published port', async () => {
    bench.outside.ip(`route add 172.18.0.0/16 via ${NODE}`);
    assert.equal(await ask(bench.outside, '172.18.0.3', 80), 'no answer');
    bench.outside.ip('route delete 172.18.0.0/16');
  });

  test('50 MB arrive unchanged in each direction, also while rules and containers change', async (t) => {
    for (const [name, server, client, address] of [
      ['out', bench.outside, bench.web, OUTSIDE],
      ['in', bench.db, bench.outside, NODE],
    ] as const) {
      const began = performance.now();
      const transfer = tcpTransfer(server, client, { address, bytes: 50 * MEGABYTE });
      const state = { done: false };
      void transfer.finally(() => (state.done = true)).catch(() => undefined);
      let reloads = 0;
      for (; !state.done && reloads < 20; reloads++) {
        const { host = [], ...rest } = config();
        const more = { published: 10_000 + reloads, container: 'web', target: 80 };
        await bench.reload({ ...rest, host: [...host, more] });
        await sleep(20);
      }
      const { sent, received } = await transfer;
      assert.deepEqual(received, sent);
      assert.equal(received.bytes, 50 * MEGABYTE);
      assert.ok(reloads > 2, `${reloads} reloads`);
      const seconds = (performance.now() - began) / 1000;
      t.diagnostic(`${name}: 50 MB and ${reloads} reloads in ${seconds.toFixed(2)} s, with the start of both programs`);
    }
  });

  test('a container that leaves loses interface and route, and the next one gets its address', async () => {
    await bench.reload({ ...config(), containers: { db: bench.all['db'] }, host: [] });
    assert.equal(bench.web.ip('route'), '');
    assert.doesNotMatch(bench.web.ip('-brief link'), /eth1/);
    assert.match(bench.db.ip('-brief address show eth2'), / 172\.18\.0\.4\/16 /);
    await bench.reload({ ...config(), host: [] });
    assert.match(bench.web.ip('-brief address show eth1'), / 172\.18\.0\.3\/16 /);
    assert.equal(await ask(bench.web, OUTSIDE, 7777), NODE);
  });

  test('a deleted interface is reported and recreated', async () => {
    bench.web.ip('link delete eth1');
    await bench.process.line('stderr', /the gateway of "web" .*: the device eth1 in .* is gone/);
    await bench.process.line('stderr', /the gateway of "web": eth1 in .* was created/);
    assert.equal(await ask(bench.web, OUTSIDE, 7777), NODE);
  });

  test('so is the host’s, with its setting', async () => {
    bench.host.ip('link delete docker_gwbridge');
    await bench.process.line('stderr', /the gateway's interface .*: the device docker_gwbridge is gone/);
    await bench.process.line('stderr', /the gateway's interface: docker_gwbridge was created/);
    assert.equal(await ask(bench.web, OUTSIDE, 7777), NODE);
    assert.equal(await ask(bench.host, '127.0.0.1', 8080), '172.18.0.1');
  });

  test('a namespace that doesn’t exist is reported, and doesn’t delay the others', async () => {
    const containers = { ghost: { netns: 'svc-gateway-none', device: 'eth1' }, ...bench.all };
    await bench.reload({ ...config(), containers });
    await bench.process.line('stderr', /the gateway of "ghost" .*there is no network namespace "svc-gateway-none"/);
    assert.equal(await ask(bench.db, OUTSIDE, 7777), NODE);
  });

  test('its table and interfaces are gone at the end', async () => {
    assert.match(bench.tables, /^table ip vtep_node1$/m);
    const { dropped } = await bench.stop();
    assert.ok((dropped['NETFILTER_DROP'] ?? 0) > 0);
    assert.equal(bench.tables, '');
    assert.doesNotMatch(bench.host.ip('-brief link'), /docker_gwbridge/);
  });

  test('a killed process leaves its table; the next one says so, replaces it and removes it', async () => {
    await bench.start({ containers: bench.all });
    bench.process.kill();
    await bench.process.ended;
    assert.match(bench.tables, /^table ip vtep_node1$/m);
    await bench.start({ containers: bench.all });
    assert.match(bench.process.stderr, /an earlier run left its rules on this host \(nft list table ip vtep_node1\)/);
    await bench.stop();
    assert.equal(bench.tables, '');
  });

  test('a bridge of its name is left alone, and reported', async () => {
    bench.host.ip('link add docker_gwbridge type bridge');
    await assert.rejects(
      bench.start({ containers: {} }),
      /can't open the gateway's interface: .*; a bridge has this name/,
    );
    bench.host.ip('link delete docker_gwbridge');
  });

  test('with icc containers reach each other; without masquerade the outside sees their addresses', async () => {
    await bench.start({ containers: bench.all, icc: true, masquerade: false });
    assert.equal(await ask(bench.web, '172.18.0.4', 80), '172.18.0.3');
    assert.equal((await ping(bench.web, '172.18.0.4')).received, 5);
    bench.outside.ip(`route add 172.18.0.0/16 via ${NODE}`);
    assert.equal(await ask(bench.web, OUTSIDE, 7777), '172.18.0.3');
    const { dropped, interfaces } = await bench.stop();
    assert.equal(dropped['NETFILTER_DROP'], undefined);
    assert.deepEqual(
      interfaces.map(({ container, address, name }) => [container, address, name]),
      [
        ['host', '172.18.0.1', 'docker_gwbridge'],
        ['web', '172.18.0.3', `eth1 in ${bench.web.name}`],
        ['db', '172.18.0.4', `eth2 in ${bench.db.name}`],
      ],
    );
    for (const { container, received, refused } of interfaces) {
      assert.ok(received > 0, container);
      assert.equal(refused, 0, container);
    }
  });
});
