/** The servers in network namespaces, as programs there see them. */
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { type DnsFailure, LiveDns } from '../../../src/live/index.js';
import { namespaceIdentity } from '../../../src/live/system/network-namespace.js';
import { containerOf, NETWORK, taskOf } from '../../service/dns/swarm.js';
import { command } from '../namespaces/command.js';
import { NamespaceBench } from '../namespaces/namespace-bench.js';
import { type NetworkNamespace } from '../namespaces/network-namespace.js';
import { requirements } from '../namespaces/requirements.js';
import { until, Upstream } from './running-dns.js';

const CHILD = new URL('./upstream-child.js', import.meta.url).pathname;

/** Why the tests are skipped; in CI none are. */
function lacking(): string | undefined {
  const why = requirements();
  if (why !== undefined || process.env['CI'] === 'true') return why;
  for (const [program, from, ...args] of [
    ['dig', 'bind9-dnsutils', '-v'],
    ['busybox', 'busybox', 'true'],
  ]) {
    try {
      command([program, ...args]);
    } catch {
      return `${program} is not installed (Debian: ${from})`;
    }
  }
  return undefined;
}

describe('DNS servers in namespaces', { skip: lacking() }, () => {
  const web = { name: 'my-web', vip: '10.0.9.2' };
  const folder = mkdtempSync(join(tmpdir(), 'vtep-dns-'));
  const failures: DnsFailure[] = [];
  const serving: string[] = [];
  let bench!: NamespaceBench;
  let container!: NetworkNamespace;
  let outside!: NetworkNamespace;
  let dns!: LiveDns;

  before(async () => {
    bench = new NamespaceBench();
    container = bench.namespace('box');
    outside = bench.namespace('out');
    bench.link(container, { device: 'eth0', addresses: ['198.51.100.2/24'] }, outside, {
      device: 'eth0',
      addresses: ['198.51.100.1/24'],
    });
    container.ip('link set lo down');
    writeFileSync(join(folder, 'resolv.conf'), 'nameserver 198.51.100.1\n');
    dns = await LiveDns.start({
      resolvConf: join(folder, 'resolv.conf'),
      onFailure: (failure) => failures.push(failure),
      onServing: (key) => serving.push(key),
      onEnd: (why) => assert.fail(why),
    });
    dns.setNetwork({ id: NETWORK, name: 'my-network' });
    dns.setRecord(taskOf('my-web.1.a', '10.0.9.4', web));
    dns.setRecord(taskOf('my-web.2.b', '10.0.9.5', web));
    dns.setRecord(taskOf('my-web.3.c', '10.0.9.3', web));
    dns.setRecord(containerOf('my-busybox', '10.0.9.10', ['604359bea487']));
    for (let i = 0; i < 60; i++) dns.setRecord(taskOf(`big.${i}.x`, `10.0.9.${100 + i}`, { name: 'big' }));
    const hosts = new Map([['604359bea487', '10.0.9.10']]);
    dns.setEndpoint({ key: 'box', netns: container.name, networks: [NETWORK], hosts });
    const { endpoints } = await dns.report();
    assert.equal(endpoints.get('box')?.serving, true, failures.map(({ message }) => message).join());
  });
  after(async () => {
    await dns.close();
    assert.ok(!existsSync(`/etc/netns/${container.name}`));
    bench.close();
    rmSync(folder, { recursive: true });
  });

  /** What dig prints, sorted. */
  function dig(...words: string[]): string[] {
    return container
      .call(['dig', '+short', '+time=3', '+tries=1', ...words])
      .trim()
      .split('\n')
      .sort();
  }

  test('dig gets the virtual IP, the tasks, names, and empty answers', () => {
    assert.deepEqual(dig('my-web'), ['10.0.9.2']);
    assert.deepEqual(dig('MY-WEB.my-network'), ['10.0.9.2']);
    assert.deepEqual(dig('tasks.my-web'), ['10.0.9.3', '10.0.9.4', '10.0.9.5']);
    assert.deepEqual(dig('my-web.3.c'), ['10.0.9.3']);
    assert.deepEqual(dig('604359bea487.my-network'), ['10.0.9.10']);
    assert.deepEqual(dig('-x', '10.0.9.3'), ['my-web.3.c.my-network.']);
    assert.deepEqual(dig('my-web', 'AAAA'), ['']);
    assert.deepEqual(dig('my-web', 'MX'), ['']);
    assert.match(container.call(['dig', 'my-web', 'AAAA']), /status: NOERROR.*\n.*ANSWER: 0/);
  });

  test('dig gets 60 tasks over TCP after a truncated answer', () => {
    const text = container.call(['dig', '+noedns', 'tasks.big']);
    assert.match(text, /Truncated, retrying in TCP mode/);
    assert.match(text, /ANSWER: 60/);
    assert.equal(dig('+tcp', 'big').length, 60);
  });

  test("busybox's nslookup finds the server in resolv.conf", () => {
    assert.match(readFileSync(`/etc/netns/${container.name}/resolv.conf`, 'utf8'), /\nnameserver 127\.0\.0\.11\n/);
    const text = container.call(['busybox', 'nslookup', 'tasks.my-web']);
    assert.match(text, /Server:\s+127\.0\.0\.11/);
    for (const address of ['10.0.9.3', '10.0.9.4', '10.0.9.5']) assert.ok(text.includes(`Address: ${address}\n`), text);
  });

  test('the hosts file has its own name', () => {
    assert.match(container.call(['cat', '/etc/hosts']), /^10\.0\.9\.10\t604359bea487$/m);
  });

  test("unknown names go to the host's servers from the container's namespace, and from the host's of a loopback server", async () => {
    const upstream = outside.start([process.execPath, CHILD, '198.51.100.1']);
    await upstream.line('stdout', /^ready$/);
    assert.deepEqual(dig('+noedns', 'example.com'), ['203.0.113.7']);
    await upstream.line('stdout', /^asked by 198\.51\.100\.2$/);
    const asked: Buffer[] = [];
    const onHost = await new Upstream((query) => {
      asked.push(query);
      return undefined;
    }).listen();
    const settings = { key: 'box', netns: container.name, networks: [NETWORK] };
    dns.setEndpoint({ ...settings, servers: [{ ...onHost.server, hostLoopback: true }] });
    await dns.report();
    const asking = container.start(['dig', '+time=1', '+tries=1', 'example.org']);
    await until(() => asked.length > 0);
    await asking.end();
    onHost.close();
  });

  test('a namespace that is missing, removed or replaced is noticed', async () => {
    const settings = { networks: [NETWORK], servers: [] };
    dns.setEndpoint({ ...settings, key: 'none', netns: `${container.name}-none` });
    await dns.report();
    assert.deepEqual(
      failures.map(({ key, code }) => [key, code]),
      [['none', 'NOT_THERE']],
    );
    dns.removeEndpoint('none');
    const gone = bench.namespace('gone');
    dns.setEndpoint({ ...settings, key: 'gone', netns: gone.name });
    await until(() => serving.includes('gone'));
    command(['ip', 'netns', 'delete', gone.name]);
    await until(() => failures.length > 1);
    assert.deepEqual([failures[1].key, failures[1].code], ['gone', 'NOT_THERE']);
    assert.match(failures[1].message, /is gone/);
    command(['ip', 'netns', 'add', gone.name]);
    await until(() => serving.filter((key) => key === 'gone').length === 2);
    assert.equal(gone.call(['dig', '+short', 'my-web']).trim(), '10.0.9.2');
    // Replaced between two looks.
    const second = namespaceIdentity(gone.name);
    command(['ip', 'netns', 'delete', gone.name]);
    command(['ip', 'netns', 'add', gone.name]);
    await until(() => serving.filter((key) => key === 'gone').length === 3);
    assert.notEqual(namespaceIdentity(gone.name), second);
    assert.equal(gone.call(['dig', '+short', 'my-web']).trim(), '10.0.9.2');
    assert.equal((await dns.report()).endpoints.get('box')?.serving, true);
  });

  test('two endpoints in one namespace: the second is refused', async () => {
    dns.setEndpoint({ key: 'again', netns: container.name, networks: [NETWORK], servers: [] });
    await until(() => failures.some(({ key }) => key === 'again'));
    assert.equal(failures.find(({ key }) => key === 'again')?.code, 'PORT_IN_USE');
    dns.removeEndpoint('again');
    await dns.report();
  });
});
