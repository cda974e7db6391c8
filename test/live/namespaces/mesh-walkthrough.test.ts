/**
 * The HTTP routing mesh on two nodes: an encrypted network, two services with three tasks each, routes by labels in three
 * dialects. Clients are curl, hey and wrk, the authority of the certificates is openssl's. `VTEP_TRANSCRIPT=FILE` keeps the
 * commands and what they printed; `VTEP_ROLLING_SECONDS` is how long requests go on while all tasks are replaced.
 */
import assert from 'node:assert/strict';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { installed } from '../../../bench/live/requirements.js';
import { type ClientReport, parseWrk } from '../../../bench/mesh/client-report.js';
import { median } from '../../../bench/machine.js';
import { haproxyProxy, nginxProxy } from '../../../bench/mesh/programs.js';
import { scratch, vtep } from '../../cli/run.js';
import { parseHey } from './hey-report.js';
import { type ListedTask, meshConfig, taskName } from './mesh-config.js';
import { NamespaceBench } from './namespace-bench.js';
import { type NamespaceProcess } from './namespace-process.js';
import { type NetworkNamespace } from './network-namespace.js';
import { OwnCertificates, type ServerCertificate } from './own-certificates.js';
import { type Program, requirements } from './requirements.js';
import { underlay } from './underlay.js';
import { UpNode } from './up-node.js';

const TRANSCRIPT = process.env['VTEP_TRANSCRIPT'];
const ROLLING_SECONDS = Number(process.env['VTEP_ROLLING_SECONDS'] ?? 15);
/** Seconds of measurement for each of the mesh, haproxy and nginx. */
const MEASURED_SECONDS = ROLLING_SECONDS < 60 ? 2 : 5;
const WARM_UP_SECONDS = 2;
/** More than the time between two reports of a mesh. */
const REPORT_MS = 1200;
const NODE = '203.0.113.1';
/** The mesh's namespace, where haproxy and nginx listen. */
const BESIDE = '198.51.100.1';
const CHILD = fileURLToPath(new URL('web-task-child.js', import.meta.url));
/** What a route's change may take at most on any machine; the figure is printed. */
const PATIENCE_MS = 5000;

/** Asks for a host over and over until the answer is 200, and prints when that came. */
const POLLER = `
const { Agent, get } = require('node:http');
const agent = new Agent({ keepAlive: true });
const [host, name] = process.argv.slice(1);
const ask = () => get({ host, agent, headers: { host: name } }, (answer) => {
  answer.resume().on('end', () => {
    if (answer.statusCode === 200) { console.log('first ' + Date.now()); process.exit(0); }
    setTimeout(ask, 2);
  });
});
console.log('begun');
ask();`;

/** Sends a message over WebSocket, and prints what comes back. */
const SOCKET_CLIENT = `
const { request } = require('node:http');
const [host, name, message] = process.argv.slice(1);
const headers = { host: name, connection: 'Upgrade', upgrade: 'websocket', 'sec-websocket-version': 13,
  'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' };
request({ host, headers }).on('upgrade', (answer, socket) => {
  const mask = [1, 2, 3, 4];
  const bytes = Buffer.from(message).map((byte, i) => byte ^ mask[i % 4]);
  socket.write(Buffer.from([0x81, 0x80 | bytes.length, ...mask, ...bytes]));
  socket.on('data', (frame) => { console.log(answer.statusCode + ' ' + frame.subarray(2)); socket.end(); });
}).on('response', ({ statusCode }) => { console.log(statusCode); process.exit(0); }).end();`;

const CLIENTS: readonly Program[] = [
  { words: ['curl', '--version'], from: 'curl' },
  { words: ['openssl', 'version'], from: 'openssl' },
  { words: ['hey', '-n', '1', '-c', '1', 'http://127.0.0.1:1/'], from: 'hey' },
];
const skip = requirements(...CLIENTS);

describe('the HTTP routing mesh on two nodes', { skip }, () => {
  const folder = scratch();
  const log = join(folder, 'access.jsonl');
  const namespaces = new Map<string, NetworkNamespace>();
  const running = new Map<string, NamespaceProcess>();
  const labels = {
    'my-web': {
      'com.docker.ucp.mesh.http.1': 'external_route=http://ucp.example.org,internal_port=8080,sticky_sessions=session',
      'com.docker.ucp.mesh.http.2': 'external_route=sni://secure.example.org,internal_port=8443',
      'com.docker.lb.hosts': 'interlock.example.org',
      'com.docker.lb.port': '8080',
      'traefik.http.routers.web.rule': 'Host(`traefik.example.org`)',
      'traefik.http.services.web.loadbalancer.server.port': '8080',
      'traefik.http.services.web.loadbalancer.sticky.cookie.name': 'task',
      'traefik.http.services.web.loadbalancer.strategy': 'p2c',
    },
    'my-api': { 'com.docker.lb.hosts': 'api.example.org', 'com.docker.lb.port': '8080' } as Record<string, string>,
  };
  const vips = { 'my-web': '10.0.9.2', 'my-api': '10.0.9.3' };
  let tasks: readonly ListedTask[] = ['my-web', 'my-api'].flatMap((service, i) =>
    [1, 2, 3].map((slot) => ({
      service,
      slot,
      node: slot === 2 ? ('node2' as const) : ('node1' as const),
      ip: `10.0.9.${10 * (i + 1) + slot}`,
    })),
  );
  let bench: NamespaceBench;
  let prefix: string;
  let nodes: readonly [NetworkNamespace, NetworkNamespace];
  let meshes: readonly [NetworkNamespace, NetworkNamespace];
  let outside: NetworkNamespace;
  let ups: readonly [UpNode, UpNode];
  let certificates: OwnCertificates;
  let secure: ServerCertificate;

  /** Writes to the transcript. */
  function note(text: string): void {
    if (TRANSCRIPT === undefined) return;
    appendFileSync(TRANSCRIPT, `${text.replaceAll(prefix, '').replaceAll(`${folder}/`, '').trimEnd()}\n`);
  }

  /** Runs a program in a namespace; the transcript has command and output. */
  function run(namespace: NetworkNamespace, words: readonly string[]): string {
    const output = namespace.call(words);
    const shown = words.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word}'`)).join(' ');
    note(`${namespace.name}$ ${shown}\n${output}`);
    return output;
  }

  /** What curl gets of a host. */
  function ask(host: string, path = '/', ...words: readonly string[]): string {
    return run(outside, ['curl', '-s', '-H', `Host: ${host}`, ...words, `http://${NODE}${path}`]).trimEnd();
  }

  function names(host: string, times: number, ...words: readonly string[]): string[] {
    return Array.from({ length: times }, () => ask(host, '/', ...words));
  }

  /** The namespace of a task. */
  function namespaceOf(task: ListedTask): NetworkNamespace {
    const name = taskName(task);
    const namespace = namespaces.get(name) ?? bench.namespace(name);
    namespaces.set(name, namespace);
    return namespace;
  }

  /** Starts a task's server. */
  function serve(task: ListedTask): void {
    const name = taskName(task);
    const { key, certificate } = secure;
    running.set(name, namespaceOf(task).start([process.execPath, CHILD, name, key, certificate]));
  }

  function configOf(node: string): string {
    const path = join(folder, `${node}.yaml`);
    writeFileSync(path, meshConfig({ tasks, labels, vips }, node, prefix));
    return path;
  }

  /** Has nodes read their configs again. */
  async function reload(what: string, which: readonly UpNode[] = ups): Promise<void> {
    for (const node of ['node1', 'node2']) configOf(node);
    note(`$ # ${what}; kill -HUP`);
    await Promise.all(which.map((up) => up.reload()));
  }

  async function runVtep(words: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await vtep(words);
    assert.equal(status, 0, stderr);
    return stdout;
  }

  /** Whether a task that drains has requests under way, as both nodes report each second. */
  async function isBusy({ ip }: ListedTask): Promise<boolean> {
    for (const node of ['node1', 'node2']) {
      const { mesh } = JSON.parse(
        await runVtep(['status', '--socket', join(folder, `${node}.sock`), 'mesh', '--json']),
      ) as Status;
      if (mesh.leaving.some(({ address }) => address.startsWith(`${ip}:`))) return true;
    }
    return false;
  }

  before(async () => {
    bench = new NamespaceBench();
    outside = bench.namespace('outside');
    prefix = outside.name.slice(0, -'outside'.length);
    const [n1, n2] = underlay(bench);
    nodes = [n1.namespace, n2.namespace];
    meshes = [bench.namespace('mesh1'), bench.namespace('mesh2')];
    bench.link(nodes[0], { device: 'o0', addresses: [`${NODE}/24`] }, outside, {
      device: 'o0',
      addresses: ['203.0.113.9/24'],
    });
    certificates = new OwnCertificates(folder);
    secure = certificates.issue('secure.example.org');
    for (const task of tasks) serve(task);
    const ring = join(folder, 'ring.yaml');
    await runVtep(['keys', 'generate', '-o', ring]);
    ups = nodes.map((namespace, i) => {
      const node = `node${i + 1}`;
      const words = ['--ring', ring, '--status', join(folder, `${node}.sock`)];
      const more = i === 0 ? ['--mesh-log', log] : ['--mesh-debug'];
      return new UpNode(namespace, { config: configOf(node), node, words: [...words, ...more] });
    }) as [UpNode, UpNode];
    await Promise.all(ups.map((up) => up.start()));
    note(`$ vtep up --config node1.yaml --node node1 --ring ring.yaml --mesh-log access.jsonl\n${ups[0].said}`);
  });
  after(() => bench.close());

  test('a Host leads to a service, whose three tasks on two nodes answer in turn', () => {
    for (const service of ['my-web', 'my-api']) {
      const got = names(service === 'my-web' ? 'interlock.example.org' : 'API.example.org:80', 6);
      assert.deepEqual(
        got.slice(0, 3).sort(),
        [1, 2, 3].map((slot) => `${service}.${slot}`),
      );
      assert.deepEqual(got.slice(3), got.slice(0, 3));
    }
  });

  test('the other node routes as well, with routes of its own', () => {
    const words = ['curl', '-s', '-H', 'Host: api.example.org', 'http://192.168.50.2/'];
    assert.match(run(nodes[1], words), /^my-api\.[123]$/m);
  });

  test('three dialects of labels are three hosts of one service, and a label without effect is reported', () => {
    for (const dialect of ['ucp', 'interlock', 'traefik']) {
      assert.match(ask(`${dialect}.example.org`), /^my-web\.[123]$/);
    }
    assert.match(ups[0].said, /service my-web: traefik\.http\.services\.web\.loadbalancer\.strategy: /);
  });

  test('the task learns the address of the client, whatever the client says', () => {
    const fields = JSON.parse(ask('api.example.org', '/headers', '-H', 'X-Forwarded-For: 6.6.6.6')) as Fields;
    assert.equal(fields['x-forwarded-for'], '203.0.113.9');
    assert.equal(fields['x-forwarded-host'], 'api.example.org');
  });

  test('an unknown host is 503, with the known ones on the page only if --mesh-debug is set', () => {
    const page = ask('nobody.example.org', '/', '-w', '%{http_code}');
    assert.match(page, /No service has this host\.\n503$/);
    assert.doesNotMatch(page, /example\.org/);
    const words = ['curl', '-s', '-H', 'Host: nobody.example.org', 'http://192.168.50.2/'];
    assert.match(run(nodes[1], words), /api\.example\.org\n[^]*ucp\.example\.org/);
  });

  test('a server name leads to a service, whose own certificate the client verifies', () => {
    const url = 'https://secure.example.org:8443/';
    const resolve = ['--resolve', `secure.example.org:8443:${NODE}`, '--cacert', certificates.authority];
    const got = Array.from({ length: 3 }, () => run(outside, ['curl', '-s', ...resolve, url]).trimEnd());
    assert.deepEqual(got.sort(), ['my-web.1', 'my-web.2', 'my-web.3']);
    const unknown = ['--resolve', `nobody.example.org:8443:${NODE}`, '-k', 'https://nobody.example.org:8443/'];
    assert.throws(() => run(outside, ['curl', '-sS', ...unknown]), /unrecognized name/);
  });

  test('WebSocket passes both ways', () => {
    const words = [process.execPath, '-e', SOCKET_CLIENT, NODE, 'interlock.example.org', 'hello'];
    const got = outside.call(words);
    note(`outside$ # a message "hello" over WebSocket to interlock.example.org\n${got}`);
    assert.match(got, /^101 my-web\.[123]: hello$/m);
  });

  test('HTTP/2 in clear text is answered by tasks that speak HTTP/1', () => {
    const got = ask('api.example.org', '/', '--http2-prior-knowledge', '-w', '%{http_version}');
    assert.match(got, /^my-api\.[123]\n2$/);
  });

  test('a session stays with its task, by a cookie of the mesh or of the application', () => {
    const jar = join(folder, 'jar');
    const first = ask('traefik.example.org', '/', '-c', jar);
    assert.deepEqual(new Set(names('traefik.example.org', 3, '-b', jar)), new Set([first]));
    const own = Array.from({ length: 12 }, (_, i) => names('ucp.example.org', 2, '-b', `session=user-${i}`));
    for (const [one, other] of own) assert.equal(one, other);
    assert.equal(new Set(own.map(([name]) => name)).size, 3);
  });

  test('a new host is routed once the config is reloaded', async (t) => {
    const poller = outside.start([process.execPath, '-e', POLLER, NODE, 'new.example.org']);
    await poller.line('stdout', /begun/);
    labels['my-api']['com.docker.lb.hosts'] = 'api.example.org,new.example.org';
    const from = Date.now();
    await reload('com.docker.lb.hosts: api.example.org,new.example.org', [ups[0]]);
    const reloaded = Date.now() - from;
    const [, at] = (await poller.line('stdout', /^first/, PATIENCE_MS)).split(' ');
    const took = Number(at) - from;
    const figures = `the reload was over ${reloaded} ms after SIGHUP, the first changed answer came after ${took} ms`;
    t.diagnostic(figures);
    note(`# ${figures}`);
    assert.ok(took < PATIENCE_MS);
  });

  test('all tasks are replaced while requests go on, and none of them fails', async (t) => {
    const hey = (...words: readonly string[]): NamespaceProcess =>
      outside.start(['hey', '-z', `${ROLLING_SECONDS}s`, '-host', 'interlock.example.org', ...words]);
    const clients = [
      hey('-c', '20', '-q', '15', `http://${NODE}/`),
      hey('-c', '5', '-q', '5', '-m', 'POST', '-d', 'x=1', `http://${NODE}/slow`),
      hey('-c', '4', '-q', '5', '-disable-keepalive', `http://${NODE}/slow`),
    ];
    const pause = (ROLLING_SECONDS * 1000) / 14;
    for (const old of tasks.filter(({ service }) => service === 'my-web')) {
      await sleep(pause);
      const next: ListedTask = { ...old, slot: old.slot + 3, ip: `10.0.9.${10 + old.slot + 3}` };
      // One server comes only after its task does: what it refuses until then goes to another.
      const isLate = old.slot === 2;
      if (isLate) namespaceOf(next);
      else serve(next);
      tasks = [...tasks.filter(({ isDraining }) => isDraining !== true), next];
      await reload(`${taskName(next)} is new`);
      await sleep(pause);
      if (isLate) serve(next);
      await sleep(pause);
      tasks = tasks.map((task) => (task === old ? { ...old, isDraining: true } : task));
      await reload(`${taskName(old)} drains`);
      do await sleep(REPORT_MS);
      while (await isBusy(old));
      await running.get(taskName(old))?.stop();
      note(`$ # ${taskName(old)} has no request under way: kill`);
    }
    tasks = tasks.filter(({ isDraining }) => isDraining !== true);
    await reload('no task drains any more');
    let total = 0;
    for (const client of clients) {
      const { stdout, status } = await client.end();
      const { statuses, errors, summary } = parseHey(stdout);
      t.diagnostic(`${JSON.stringify(statuses)} ${summary}`);
      note(`# hey: responses by status ${JSON.stringify(statuses)}, failures ${JSON.stringify(errors)}; ${summary}`);
      assert.deepEqual([status, Object.keys(statuses), errors], [0, ['200'], {}]);
      total += statuses['200'];
    }
    assert.ok(total > 10 * ROLLING_SECONDS, `only ${total} requests`);
    const got = names('interlock.example.org', 3);
    assert.deepEqual(got.sort(), ['my-web.4', 'my-web.5', 'my-web.6']);
  });

  test('the log has a line of JSON for each request', () => {
    const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
    note(`$ head -n 1 access.jsonl\n${lines[0]}`);
    const parsed = lines.map((line) => JSON.parse(line) as LogLine);
    assert.ok(parsed.some(({ host, service }) => host === 'interlock.example.org' && service === 'my-web'));
    assert.ok(parsed.some(({ protocol, host }) => protocol === 'TLS' && host === 'secure.example.org'));
    assert.ok(parsed.some(({ failure, status }) => failure === 'unknown-host' && status === 503));
  });

  const isWithoutWrk = installed('wrk') ? false : 'wrk is not installed (Debian: wrk)';
  test('requests a second beside haproxy and nginx in the same namespaces', { skip: isWithoutWrk }, async (t) => {
    // They have no namespace for their backends alone, so they listen in the mesh's.
    bench.link(meshes[0], { device: 'b0', addresses: [`${BESIDE}/24`] }, outside, {
      device: 'b0',
      addresses: ['198.51.100.9/24'],
    });
    const web = tasks.filter(({ service }) => service === 'my-api').map(({ ip }) => ({ host: ip, port: 8080 }));
    const hosts = { 'api.example.org': web };
    const others = [
      ['haproxy', haproxyProxy(folder, BESIDE, 81, hosts), 81],
      ['nginx', nginxProxy(folder, BESIDE, 82, hosts), 82],
    ] as const;
    const urls: [string, string][] = [['vtep', `http://${NODE}/`]];
    for (const [program, words, port] of others) {
      if (!installed(program)) continue;
      meshes[0].start(words);
      urls.push([program, `http://${BESIDE}:${port}/`]);
    }
    await sleep(300);
    const reports = new Map<string, ClientReport[]>(urls.map(([name]) => [name, []]));
    const wrk = async (seconds: number, url: string): Promise<ClientReport> => {
      const words = ['wrk', '--latency', '-t1', '-c16', `-d${seconds}`, '-H', 'Host: api.example.org', url];
      const { stdout } = await outside.start(words).end();
      return parseWrk(stdout) ?? assert.fail(stdout);
    };
    // Not counted: V8 compiles the mesh meanwhile.
    await wrk(WARM_UP_SECONDS, urls[0][1]);
    // In turn, so that a slow moment of the machine affects all.
    for (let round = 0; round < MEASURED_SECONDS; round++) {
      for (const [name, url] of urls) {
        reports.get(name)?.push(await wrk(1, url));
      }
    }
    for (const [name, all] of reports) {
      const of = (value: (report: ClientReport) => number): string => median(all.map(value)).toFixed(1);
      const figures = `${of(({ perSecond }) => perSecond)} requests/s, p99 ${of(({ p99 }) => p99)} ms`;
      t.diagnostic(`${name}: ${figures}`);
      note(`# ${name}: ${figures}`);
    }
  });

  test('at the end nothing of it is left in the host', async () => {
    for (const up of ups) await up.stop();
    for (const node of nodes) assert.doesNotMatch(node.call(['ss', '-Htln']), /:(?:80|8443)\b/);
  });
});

type Fields = Readonly<Record<string, string>>;

interface LogLine {
  readonly host: string;
  readonly protocol: string;
  readonly service?: string;
  readonly status?: number;
  readonly failure?: string;
}

interface Status {
  readonly mesh: { readonly leaving: readonly { readonly address: string }[] };
}
