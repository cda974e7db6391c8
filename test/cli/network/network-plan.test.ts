import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { RECORDED } from '../../overlay/ipam/recorded-swarm.js';
import { scratch, vtep } from '../run.js';

const folder = scratch();

function config(text: string): string {
  const path = join(folder, 'swarm.yaml');
  writeFileSync(path, text);
  return path;
}

/** The recorded swarm as a config: subnets of its user networks, and services, but no address. */
const SWARM = JSON.stringify({
  nodes: Object.fromEntries(RECORDED.nodes.map(({ name, address }) => [name, { vtep: address }])),
  networks: Object.fromEntries(
    RECORDED.networks.map(({ name, subnet, ingress, attachable, options }) => [
      name,
      ingress ? { ingress } : { subnet, attachable, options },
    ]),
  ),
  services: Object.fromEntries(
    RECORDED.services.map(({ name, mode, networks, ports, tasks }) => [
      name,
      { mode, networks, ports, tasks: tasks.map(({ slot, node }) => ({ slot, node })) },
    ]),
  ),
  ipam: { order: 'next' },
});

describe('network plan', () => {
  test('gives all addresses of the recorded swarm', async () => {
    const { status, stdout, stderr } = await vtep(['network', 'plan', '--config', config(SWARM), '--strict', '--json']);
    assert.deepEqual([status, stderr], [0, '']);
    const { networks, waiting } = JSON.parse(stdout);
    assert.deepEqual(waiting, []);
    for (const { name, gateway, subnet, vni } of RECORDED.networks) {
      const planned = networks.find((one: { name: string }) => one.name === name);
      assert.deepEqual(planned.subnets, [{ subnet, range: subnet, gateway, vni }]);
      assert.deepEqual(
        Object.fromEntries(planned.vips.map((one: Record<string, string>) => [one['service'], one['address']])),
        Object.fromEntries(
          RECORDED.services.filter(({ vips }) => name in vips).map((one) => [one.name, one.vips[name]]),
        ),
      );
      assert.deepEqual(
        Object.fromEntries(planned.loadBalancers.map((one: Record<string, string>) => [one['node'], one['address']])),
        RECORDED.loadBalancers[name],
      );
      assert.deepEqual(
        planned.tasks.map((one: Record<string, string>) => [one['name'], one['node'], one['address']]),
        RECORDED.services.flatMap(({ name: service, tasks }) =>
          tasks
            .filter(({ addresses }) => name in addresses)
            .map(({ slot, node, addresses }) => [`${service}.${slot}`, node, addresses[name]]),
        ),
      );
    }
  });

  test('prints tables, ports and the arithmetic', async () => {
    const { status, stdout } = await vtep(['network', 'plan', '--config', config(SWARM)]);
    assert.equal(status, 0);
    for (const line of [
      /^2 nodes, 4 networks, 4 services$/m,
      /^ {2}10\.0\.9\.0\/24, VNI 4097, attachable$/m,
      /^ {2}10\.0\.11\.0\/24, VNI 4099, encrypted, attachable$/m,
      /^ {2}10\.0\.9\.6 +load balancer +node2$/m,
      /^ {2}10\.0\.9\.10 +task +my-busybox\.2 +node1$/m,
      /^ {2}replicas: 5 of 249 \(254 addresses - 1 gateway - 2 VIPs - 2 load balancers\)$/m,
      /^ {2}8080 +tcp +ingress +my-web +80$/m,
    ]) {
      assert.match(stdout, line);
    }
  });

  test('with --pin prints the sections of the config with their addresses, and these give the same plan', async () => {
    const before = await vtep(['network', 'plan', '--config', config(SWARM), '--json']);
    const { status, stdout, stderr } = await vtep(['network', 'plan', '--config', config(SWARM), '--pin']);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^networks:\n {2}ingress:\n {4}ingress: true\n {4}vni: 4096\n {4}subnet: 10\.0\.0\.0\/24$/m);
    assert.match(stdout, /^ {4}vip:\n {6}ingress: 10\.0\.0\.4\n {6}my-network: 10\.0\.9\.2$/m);
    const nodes = JSON.stringify((JSON.parse(SWARM) as { nodes: unknown }).nodes);
    const after = await vtep(['network', 'plan', '--config', config(`nodes: ${nodes}\n${stdout}`), '--json']);
    const [a, b] = [before, after].map((run) => JSON.parse(run.stdout));
    for (const plan of [a, b]) {
      for (const network of plan.networks) {
        for (const list of ['vips', 'tasks', 'loadBalancers']) {
          network[list].sort((x: object, y: object) => JSON.stringify(x).localeCompare(JSON.stringify(y)));
        }
      }
    }
    assert.deepEqual(b, a);
    assert.equal((await vtep(['network', 'plan', '--config', config(SWARM), '--pin', '--json'])).status, 2);
  });

  test('lists what gets no address, with --strict as exit status 1', async () => {
    const small = config(`nodes: { n1: { vtep: 192.0.2.1 } }
networks: { net: { subnet: 10.0.9.0/29 } }
services: { web: { networks: [net], replicas: 5 } }
`);
    const { status, stdout } = await vtep(['network', 'plan', '--config', small, '--strict']);
    assert.equal(status, 1);
    assert.match(stdout, /^ {2}replicas: 4 of 3 \(6 addresses - 1 gateway - 1 VIP - 1 load balancer\)$/m);
    assert.match(stdout, /^ {2}task +web\.5 +net$/m);
    assert.match(stdout, /^ {2}load balancer +n1 +net$/m);
    assert.equal((await vtep(['network', 'plan', '--config', small])).status, 0);
  });

  test("refuses what Docker refuses, in Docker's words, with file and line", async () => {
    const path = config(`nodes: { n1: { vtep: 192.0.2.1 } }
networks:
  ingress: { ingress: true }
  other: { ingress: true }
`);
    const { status, stdout, stderr } = await vtep(['network', 'plan', '--config', path]);
    assert.deepEqual([status, stdout], [2, '']);
    assert.equal(stderr, `vtep: ${path}:4:3: networks.other: ingress network (ingress) is already present\n`);
  });

  test('needs no keys for an encrypted network, and a config', async () => {
    const path = config('nodes: {}\nnetworks: { net: { encrypted: true } }\n');
    assert.equal((await vtep(['network', 'plan', '--config', path])).status, 0);
    assert.equal((await vtep(['network', 'plan'])).status, 2);
  });
});
