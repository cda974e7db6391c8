/** Rules in a namespace, with the real nft. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { HostRules } from '../../../src/live/firewall/host-rules.js';
import { Nft } from '../../../src/live/firewall/nft.js';
import type { HostPorts } from '../../../src/live/index.js';
import { type GatewaySettings, parsePrefix } from '../../../src/overlay/index.js';
import { parseIpv4 } from '../../../src/wire/index.js';
import { scratch } from '../../cli/run.js';
import { ruleRequirements } from '../gateway/requirements.js';
import { NamespaceBench } from '../namespaces/namespace-bench.js';
import type { NetworkNamespace } from '../namespaces/network-namespace.js';

const GATEWAY: GatewaySettings = {
  name: 'docker_gwbridge',
  subnet: parsePrefix('172.18.0.0/16'),
  gateway: parseIpv4('172.18.0.1'),
  mtu: 1500,
  icc: false,
  masquerade: true,
};
const folder = scratch();
let files = 0;

function ingress(...published: number[]): HostPorts {
  const list = published.map((port) => ({ protocol: 'tcp', published: port }) as const);
  return { sandbox: parseIpv4('172.18.0.2'), ingress: list, host: [] };
}

/** A program that runs nft in some way. */
function program(line: string): string {
  const path = join(folder, `nft-${files++}`);
  writeFileSync(path, `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  return path;
}

describe('the rules of a running node', { skip: ruleRequirements() }, () => {
  const bench = new NamespaceBench();
  let host: NetworkNamespace;
  let told: string[] = [];
  const inHost = (): Nft => new Nft([program(`exec ip netns exec ${host.name} nft "$@"`)]);
  const open = (nft: Nft = inHost(), node = 'node1'): Promise<HostRules> => {
    told = [];
    return HostRules.open({ node, gateway: GATEWAY, nft, tell: (text) => told.push(text) });
  };
  const tables = (): string => host.call(['nft', 'list', 'tables']);
  const chain = (name: string): string => host.call(['nft', 'list', 'chain', 'ip', 'vtep_node1', name]);
  before(() => (host = bench.namespace('svc-gateway-rules')));
  after(() => bench.close());

  test('are there when apply resolves, are replaced as a whole, and are gone after close', async () => {
    const rules = await open();
    assert.deepEqual([rules.available, rules.failure, tables()], [true, undefined, '']);
    await rules.apply(ingress(8080));
    assert.match(chain('ingress_ports'), /tcp dport 8080 dnat to 172\.18\.0\.2/);
    await rules.apply(ingress(8081));
    assert.match(chain('ingress_ports'), /tcp dport 8081 dnat/);
    assert.doesNotMatch(chain('ingress_ports'), /8080/);
    rules.close();
    rules.close();
    assert.deepEqual([tables(), told], ['', []]);
  });

  test('of several updates at once the last one counts', async () => {
    const rules = await open();
    await Promise.all([8080, 8081, 8082, 8083].map((port) => rules.apply(ingress(port))));
    assert.match(chain('ingress_ports'), /tcp dport 8083 dnat/);
    assert.equal(chain('ingress_ports').match(/dnat/g)?.length, 1);
    rules.close();
  });

  test('of two nodes in one host don’t touch each other', async () => {
    const rules = await open();
    const others = await open(inHost(), 'node-1');
    await rules.apply(ingress(8080));
    await others.apply(ingress(8081));
    others.close();
    assert.equal(tables().trim(), 'table ip vtep_node1');
    rules.close();
    assert.equal(tables(), '');
  });

  test('closed while nft runs leave no table', async () => {
    const nft = new Nft([program(`sleep 0.2; exec ip netns exec ${host.name} nft "$@"`)]);
    const rules = await open(nft);
    const applied = rules.apply(ingress(8080));
    await new Promise((done) => setTimeout(done, 50));
    rules.close();
    await applied;
    assert.equal(tables(), '');
    await rules.apply(ingress(8080));
    assert.equal(tables(), '');
  });

  test('left by a killed run are reported, and removed even if none are applied', async () => {
    const killed = await open();
    await killed.apply(ingress(8080));
    const rules = await open();
    assert.match(told.join(), /an earlier run left its rules on this host \(nft list table ip vtep_node1\)/);
    rules.close();
    assert.equal(tables(), '');
  });

  test('that another program removed are back after a check, which reports it', async () => {
    const rules = await open();
    await rules.check();
    assert.equal(tables(), '');
    await rules.apply(ingress(8080));
    await rules.check();
    assert.deepEqual(told, []);
    host.call(['nft', 'flush', 'ruleset']);
    await rules.check();
    assert.match(chain('ingress_ports'), /tcp dport 8080 dnat/);
    assert.equal(told.length, 1);
    assert.match(told[0], /another program removed the rules in the host/);
    rules.close();
    await rules.check();
    assert.equal(tables(), '');
  });

  test('that nft failed to apply are there after a check', async () => {
    const flag = join(folder, 'fails');
    const nft = new Nft([program(`[ -e ${flag} ] && exit 3; exec ip netns exec ${host.name} nft "$@"`)]);
    const rules = await open(nft);
    writeFileSync(flag, '');
    await assert.rejects(rules.apply(ingress(8080)), /nft rejected the host's rules: exit status 3/);
    await assert.rejects(rules.check(), /exit status 3/);
    rmSync(flag);
    await rules.check();
    assert.match(chain('ingress_ports'), /tcp dport 8080 dnat/);
    rules.close();
  });

  test('an nft whose child holds its output is killed, and reported', async () => {
    const slow = new Nft([program('sleep 5; true')], 200);
    await assert.rejects(slow.run(['list', 'tables']), { code: 'FIREWALL_UNAVAILABLE' });
  });

  test('are unavailable without nft', async () => {
    const rules = await open(new Nft([join(folder, 'absent'), join(folder, 'absent-too')]));
    assert.deepEqual([rules.available, rules.failure?.code], [false, 'FIREWALL_UNAVAILABLE']);
    assert.match(rules.failure?.message ?? '', /nft isn't installed \(Debian: nftables\)/);
    await assert.rejects(rules.apply(ingress(8080)), { code: 'FIREWALL_UNAVAILABLE' });
    rules.close();
    assert.deepEqual(told, []);
  });

  test('are unavailable without the permission', async () => {
    const unprivileged = `setpriv --reuid 65534 --regid 65534 --clear-groups nft "$@"`;
    const rules = await open(new Nft([program(`exec ip netns exec ${host.name} ${unprivileged}`)]));
    assert.deepEqual([rules.available, rules.failure?.code], [false, 'NOT_PERMITTED']);
    rules.close();
  });

  test('that nft refuses leave the previous ones in place', async () => {
    const rules = await open();
    await rules.apply(ingress(8080));
    const refuse = join(folder, 'refuse');
    const nft = new Nft([
      program(`test -e ${refuse} && set -- -f /dev/null/nothing; exec ip netns exec ${host.name} nft "$@"`),
    ]);
    const next = await open(nft);
    writeFileSync(refuse, '');
    await assert.rejects(next.apply(ingress(8081)), {
      code: 'FIREWALL_REFUSED',
      message: /nft rejected the host's rules: /,
    });
    assert.match(chain('ingress_ports'), /tcp dport 8080 dnat/);
    next.close();
    // It couldn't remove them either, and says how.
    assert.match(told.at(-1) ?? '', /remove them with nft delete table ip vtep_node1/);
    rules.close();
    assert.equal(tables(), '');
  });

  test('with an invalid port change nothing', async () => {
    const rules = await open();
    await rules.apply(ingress(8080));
    await assert.rejects(rules.apply(ingress(70_000)), { code: 'BAD_NODE' });
    assert.match(chain('ingress_ports'), /tcp dport 8080 dnat/);
    rules.close();
  });

  test('messages of nft can’t carry control characters to a terminal', async () => {
    const nft = new Nft([program(`printf '\\033[31mred' >&2; exit 1`)]);
    await assert.rejects(nft.run(['list', 'tables']), (error: Error) => !error.message.includes('\u001b'));
  });
});
