/** `vtep up` on two nodes with a service, its load balancers as code, and real clients and servers in namespaces. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { scratch, vtep } from '../../cli/run.js';
import { NamespaceBench } from './namespace-bench.js';
import { type NetworkNamespace } from './network-namespace.js';
import { requirements } from './requirements.js';
import { underlay } from './underlay.js';
import { UpNode } from './up-node.js';
import { spawnVtep } from './vtep-process.js';

const VIP = '10.0.9.2';
const PORT = 80;
const NETWORK = 'my-network';

/** A task of the service, as the config has it. */
interface TaskEntry {
  readonly node: string;
  readonly netns: string;
  readonly ip: string;
  readonly device: string;
  readonly drain?: boolean;
}

/** Fetches the service's page so many times, each by a connection of its own. Prints what it gets, or the error's code. */
const CLIENT = `
const { get } = require('node:http');
const once = () => new Promise((done) => {
  const asked = get({ host: '${VIP}', port: ${PORT}, agent: false, timeout: 5000 }, (answer) => {
    let text = '';
    answer.on('data', (chunk) => (text += chunk)).on('end', () => done(text));
  });
  asked.on('timeout', () => asked.destroy(new Error('timeout'))).on('error', ({ code, message }) => done(code ?? message));
});
(async () => {
  const got = [];
  for (let i = 0; i < Number(process.argv[1]); i++) got.push(await once());
  process.stdout.write(got.join());
})();`;

/** Answers each request with its name. */
const SERVER = `
require('node:http').createServer({ keepAliveTimeout: 0 }, (_, answer) => answer.end(process.argv[1])).listen(${PORT}, () => console.log('ready'));`;

/** Fetches over one connection when it gets a line. */
const KEEPING_CLIENT = `
const { Agent, get } = require('node:http');
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
process.stdin.resume();
setInterval(() => {
  get({ host: '${VIP}', port: ${PORT}, agent }, (answer) => answer.on('data', (text) => console.log(String(text))))
    .on('error', ({ code }) => console.log(code));
}, 50);`;

interface ServiceRow {
  readonly name: string;
  readonly vip: string;
  readonly opened: number;
  readonly refused: number;
  readonly backends: readonly { readonly task: string; readonly node: string; readonly weight: number }[];
}

interface Status {
  readonly version: number;
  readonly services: { readonly rows: readonly ServiceRow[] };
  readonly connections: { readonly rows: readonly { readonly vip: string; readonly backend: string }[] };
  readonly endpoints: { readonly rows: readonly { readonly kind: string; readonly attached: boolean }[] };
}

describe('a service on two nodes', { skip: requirements() }, () => {
  const folder = scratch();
  const config = join(folder, 'config.json');
  const socket = join(folder, 'node1.sock');
  let bench: NamespaceBench;
  let ups: readonly UpNode[] = [];
  let client: NetworkNamespace;
  let tasks: readonly TaskEntry[] = [];

  function writeConfig(entries: readonly TaskEntry[]): void {
    const written = {
      nodes: { node1: { vtep: '192.168.50.1' }, node2: { vtep: '192.168.50.2' } },
      networks: {
        [NETWORK]: { vni: 4097, subnet: '10.0.9.0/24', balancers: { node1: '10.0.9.7', node2: '10.0.9.6' } },
      },
      services: { 'my-web': { networks: [NETWORK], vip: VIP, tasks: entries } },
      endpoints: {
        busybox: { network: NETWORK, node: 'node1', ip: '10.0.9.10', device: 'eth0', netns: client.name },
      },
    };
    writeFileSync(config, JSON.stringify(written));
  }

  async function reload(entries: readonly TaskEntry[]): Promise<void> {
    writeConfig(entries);
    for (const up of ups) await up.reload();
  }

  function fetched(times: number): readonly string[] {
    return client.call([process.execPath, '-e', CLIENT, String(times)]).split(',');
  }

  async function status(): Promise<Status> {
    const { status: code, stdout, stderr } = await vtep(['status', '--socket', socket, '--json']);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Status;
  }

  before(async () => {
    bench = new NamespaceBench();
    const nodes = underlay(bench, { offloads: false });
    client = bench.namespace('client');
    const webs = ['web1', 'web2'].map((name) => bench.namespace(name));
    tasks = webs.map(({ name }, i) => ({
      node: `node${i + 1}`,
      netns: name,
      ip: `10.0.9.${3 + i}`,
      device: 'eth0',
    }));
    writeConfig(tasks);
    ups = nodes.map(({ namespace }, i) => {
      const words = ['--status', i === 0 ? socket : 'off'];
      return new UpNode(namespace, { config, node: `node${i + 1}`, words });
    });
    for (const up of ups) await up.start();
    const servers = webs.map((web, i) => web.start([process.execPath, '-e', SERVER, `web${i + 1}`]));
    for (const server of servers) await server.line('stdout', /ready/);
  });
  after(() => bench.close());

  test('gives each connection to the next task, on this node or the other', () => {
    const got = fetched(6);
    assert.deepEqual([...got].sort(), ['web1', 'web1', 'web1', 'web2', 'web2', 'web2']);
    assert.notEqual(got[0], got[1]);
    assert.deepEqual([got[0], got[2], got[4]], [got[0], got[0], got[0]]);
  });

  test('is in the status of the node: the service, its tasks, the connections and the load balancer', async () => {
    const { services, connections, endpoints, version } = await status();
    assert.equal(version, 1);
    const [web] = services.rows;
    assert.deepEqual([web.name, web.vip, web.opened, web.refused], ['my-web', VIP, 6, 0]);
    assert.deepEqual(
      web.backends.map(({ node, weight }) => [node, weight]),
      [
        ['node1', 1],
        ['node2', 1],
      ],
    );
    assert.equal(connections.rows.length, 6);
    assert.ok(connections.rows.every(({ vip }) => vip === VIP));
    assert.deepEqual(endpoints.rows.map(({ kind }) => kind).sort(), ['balancer', 'container', 'container']);
    assert.ok(endpoints.rows.every(({ attached }) => attached));
    const { stdout } = await vtep(['status', '--socket', socket, 'services']);
    assert.match(stdout, /my-web +my-network +10\.0\.9\.2/);
  });

  test('keeps the connections of a task that is drained, which gets no new ones', async () => {
    const keeping = client.start([process.execPath, '-e', KEEPING_CLIENT]);
    const answer = await keeping.line('stdout', /web\d/);
    const drained = answer.includes('web1') ? 0 : 1;
    const other = `web${2 - drained}`;
    await reload(tasks.map((task, i) => (i === drained ? { ...task, drain: true } : task)));
    assert.deepEqual(fetched(3), [other, other, other]);
    const before = keeping.stdout.length;
    await keeping.until(() => keeping.stdout.length > before + 30, 'more answers');
    assert.deepEqual([...new Set(keeping.stdout.trim().split('\n'))], [`web${drained + 1}`]);
    const [web] = (await status()).services.rows;
    assert.equal(web.backends[drained].weight, 0);
    await reload(tasks);
    assert.deepEqual([...new Set(fetched(4))].sort(), ['web1', 'web2']);
    keeping.kill();
  });

  test('refuses connections while all tasks are drained, and serves again when they return', async () => {
    await reload(tasks.map((task) => ({ ...task, drain: true })));
    assert.deepEqual(fetched(1), ['ECONNREFUSED']);
    // More than one if the client's kernel sent the SYN again before the answer came.
    assert.ok(((await status()).services.rows[0]?.refused ?? 0) >= 1);
    await reload(tasks);
    assert.deepEqual([...new Set(fetched(4))].sort(), ['web1', 'web2']);
  });

  test('goes away with its last task, and comes back', async () => {
    await reload([]);
    assert.deepEqual((await status()).services.rows, []);
    await reload(tasks);
    assert.deepEqual([...new Set(fetched(4))].sort(), ['web1', 'web2']);
  });

  test('ends with balanced reports', async () => {
    for (const up of ups) await up.stop();
    const { status: code, stderr } = await vtep(['status', '--socket', socket]);
    assert.equal(code, 2);
    assert.match(stderr, /there is no such socket/);
  });
});

/** Prints what a name resolves to, and the page of a URL. */
const LOOKUP = `
const { lookup } = require('node:dns');
const { get } = require('node:http');
const [name, url] = process.argv.slice(1);
lookup(name, { all: true, family: 4 }, (error, found) => {
  const addresses = error === null ? found.map(({ address }) => address).sort().join() : error.code;
  get(url, { agent: false, timeout: 5000 }, (answer) => {
    let text = '';
    answer.on('data', (chunk) => (text += chunk)).on('end', () => process.stdout.write(addresses + ' ' + text));
  }).on('error', ({ code }) => process.stdout.write(addresses + ' ' + code));
});`;

describe('a service with a published port', { skip: requirements() }, () => {
  const folder = scratch();
  const config = join(folder, 'config.json');
  const socket = join(folder, 'node1.sock');
  let bench: NamespaceBench;
  let ups: readonly UpNode[] = [];
  let nodes: readonly NetworkNamespace[] = [];
  let client: NetworkNamespace;
  let web: NetworkNamespace;

  /** Writes the config, with further members of it and of its service. */
  function writeConfig(more: object = {}, ofService: object = {}): void {
    const written = {
      nodes: { node1: { vtep: '192.168.50.1' }, node2: { vtep: '192.168.50.2' } },
      networks: {
        ingress: { vni: 4096, subnet: '10.0.0.0/24', ingress: true },
        [NETWORK]: { vni: 4097, subnet: '10.0.9.0/24' },
      },
      services: {
        'my-web': {
          networks: [NETWORK],
          vip: { [NETWORK]: VIP },
          ports: ['8080:80'],
          tasks: [{ node: 'node2', netns: web.name, ip: { [NETWORK]: '10.0.9.3' } }],
          ...ofService,
        },
      },
      endpoints: {
        busybox: { network: NETWORK, node: 'node1', ip: '10.0.9.10', device: 'eth0', netns: client.name },
      },
      ...more,
    };
    writeFileSync(config, JSON.stringify(written));
  }

  async function reload(more?: object, ofService?: object): Promise<void> {
    writeConfig(more, ofService);
    for (const up of ups) await up.reload();
  }

  function lookup(from: NetworkNamespace, name: string, url: string): string {
    return from.call([process.execPath, '-e', LOOKUP, name, url]);
  }

  before(async () => {
    bench = new NamespaceBench();
    const all = underlay(bench, { offloads: false });
    nodes = all.map(({ namespace }) => namespace);
    client = bench.namespace('client');
    web = bench.namespace('web');
    writeConfig();
    ups = all.map(({ namespace }, i) => {
      const words = ['--status', i === 0 ? socket : 'off'];
      return new UpNode(namespace, { config, node: `node${i + 1}`, words });
    });
    for (const up of ups) await up.start();
    await web.start([process.execPath, '-e', SERVER, 'web']).line('stdout', /ready/);
  });
  after(() => bench.close());

  test('is found by its name in a container, and serves there', () => {
    const call = (name: string): string => client.call([process.execPath, '-e', LOOKUP, name, 'http://my-web/']);
    assert.equal(call('my-web'), `${VIP} web`);
    assert.equal(call('tasks.my-web'), '10.0.9.3 web');
  });

  test('serves on its published port on every node, whichever runs the task', () => {
    const [node1, node2] = nodes;
    for (const [from, to] of [
      [node2, '192.168.50.1'],
      [node1, '192.168.50.2'],
    ] as const) {
      const got = from.call([process.execPath, '-e', LOOKUP, 'localhost', `http://${to}:8080/`]);
      assert.equal(got.split(' ').at(-1), 'web', `by ${to}`);
    }
  });

  test('is in the status, with the gateway and DNS', async () => {
    const { stdout, status } = await vtep(['status', '--socket', socket, '--json', 'gateway', 'dns', 'services']);
    assert.equal(status, 0);
    const document = JSON.parse(stdout) as {
      readonly gateway: { readonly running: boolean; readonly published: readonly string[] };
      readonly dns: { readonly running: boolean; readonly rows: readonly { readonly netns: string }[] };
    };
    assert.deepEqual([document.gateway.running, document.gateway.published], [true, ['8080/tcp']]);
    assert.deepEqual([document.dns.running, document.dns.rows.map(({ netns }) => netns)], [true, [client.name]]);
  });

  test('keeps its published port when the config has other settings for the gateway, which need a restart', async () => {
    const [, node2] = nodes;
    for (const gateway of [{ subnet: '172.30.0.0/16' }, { gateway: '172.18.0.9' }, { name: 'gateway0' }, {}]) {
      await reload({ gateway });
      assert.match(lookup(node2, 'localhost', 'http://192.168.50.1:8080/'), / web$/, JSON.stringify(gateway));
    }
    assert.match(ups[0]?.said ?? '', /the gateway's settings have changed, which requires a restart/);
  });

  test('has names by the compatibility of the config that was loaded last', async () => {
    await reload({ compatibility: 'improved' });
    assert.equal(lookup(client, 'my-web', 'http://my-web/'), `${VIP} web`);
    // Docker's own nodes don't learn a new alias of a service that runs.
    await reload({ compatibility: 'improved' }, { aliases: ['site'] });
    assert.equal(lookup(client, 'site', 'http://site/'), `${VIP} web`);
    await reload();
    assert.equal(lookup(client, 'my-web', 'http://my-web/'), `${VIP} web`);
  });

  test('leaves no rules in the host, and no interfaces', async () => {
    const [node1] = nodes;
    assert.match(node1.call(['nft', 'list', 'ruleset']), /8080/);
    for (const up of ups) await up.stop();
    assert.equal(node1.call(['nft', 'list', 'ruleset']), '');
    assert.doesNotMatch(node1.ip('link show'), /docker_gwbridge/);
  });

  test('leaves nothing in the host either if the start fails half way, or is interrupted', async () => {
    const [node1] = nodes;
    const words = ['up', '--config', config, '--node', 'node1'];
    const failing = await spawnVtep(node1, [...words, '--status', join(folder, 'absent', 'x.sock')]).end();
    assert.equal(failing.status, 2);
    assert.match(failing.stderr, /its directory doesn't exist/);
    const interrupted = spawnVtep(node1, [...words, '--status', 'off']);
    // As early as possible, whatever it is doing.
    for (let i = 0; i < 3000 && !node1.ip('link show').includes('docker_gwbridge'); i++) await sleep(1);
    const { status } = await interrupted.stop('SIGTERM');
    assert.equal(status, 0);
    assert.equal(node1.call(['nft', 'list', 'ruleset']), '');
    assert.doesNotMatch(node1.ip('link show'), /docker_gwbridge/);
  });
});
