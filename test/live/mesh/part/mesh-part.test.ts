import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { PrometheusText } from '../../../../src/live/metrics/prometheus-text.js';
import type { MeshOverrides } from '../../../../src/live/mesh/part/mesh-overrides.js';
import { DEFAULT_MESH, ServiceChangeKind } from '../../../../src/overlay/index.js';
import { scratch } from '../../../cli/run.js';
import { swarm } from '../../services/swarm.js';
import { labelsOf, ON_LOOPBACK, RunningMesh, source, taskOf } from './running-mesh.js';

/** A route of the settings. */
const ROUTE = {
  url: 'http://a.example.org',
  service: 'web',
  port: undefined,
  network: undefined,
  rewrite: undefined,
  vip: false,
  http2: false,
  stickyCookie: undefined,
  redirect: undefined,
  source: 'mesh.routes[0]',
};

function started(t: TestContext, overrides?: MeshOverrides): RunningMesh {
  const mesh = new RunningMesh(overrides);
  t.after(() => mesh.close());
  return mesh;
}

describe('the HTTP mesh of a node', () => {
  test('routes by Host to the tasks of a service in turn, and answers 503 to an unknown one', async (t) => {
    const mesh = started(t);
    const port = await mesh.backend('127.0.0.2', 'one');
    await mesh.backend('127.0.0.3', 'two', port);
    const other = await mesh.backend('127.0.0.4', 'api');
    mesh.part.update(
      source({
        records: [taskOf('web', 1, '127.0.0.2'), taskOf('web', 2, '127.0.0.3'), taskOf('api', 1, '127.0.0.4')],
        labels: [labelsOf('web', port, 'web.example.org'), labelsOf('api', other, 'api.example.org')],
      }),
    );
    const texts: string[] = [];
    for (let i = 0; i < 4; i++) texts.push((await mesh.get('WEB.example.org')).text);
    assert.deepEqual(texts, ['one', 'two', 'one', 'two']);
    assert.deepEqual(await mesh.get('api.example.org'), { status: 200, text: 'api' });
    assert.equal((await mesh.get('no.example.org')).status, 503);
    assert.deepEqual(mesh.told, []);
    assert.deepEqual(mesh.part.lines, ['HTTP mesh on port 0: 2 hosts']);
  });

  test('sends nothing new to a task as soon as its record is disabled or gone', async (t) => {
    const mesh = started(t);
    const port = await mesh.backend('127.0.0.2', 'one');
    await mesh.backend('127.0.0.3', 'two', port);
    const two = taskOf('web', 2, '127.0.0.3');
    mesh.part.update(
      source({ records: [taskOf('web', 1, '127.0.0.2'), two], labels: [labelsOf('web', port, 'web.example.org')] }),
    );
    await mesh.get('web.example.org');
    const texts = async (): Promise<readonly string[]> => {
      const all: string[] = [];
      for (let i = 0; i < 3; i++) all.push((await mesh.get('web.example.org')).text);
      return [...new Set(all)].sort();
    };
    mesh.part.applyServices([{ kind: ServiceChangeKind.SetRecord, record: { ...two, disabled: true } }]);
    assert.deepEqual(await texts(), ['one']);
    mesh.part.applyServices([{ kind: ServiceChangeKind.SetRecord, record: two }]);
    assert.deepEqual(await texts(), ['one', 'two']);
    mesh.part.applyServices([{ kind: ServiceChangeKind.RemoveRecord, network: 'my-network', endpoint: 'web.1' }]);
    assert.deepEqual(await texts(), ['two']);
    mesh.part.applyServices([{ kind: ServiceChangeKind.RemoveNetwork, name: 'my-network' }]);
    assert.equal((await mesh.get('web.example.org')).status, 503);
  });

  test('follows labels of services that come, change and go', async (t) => {
    const mesh = started(t);
    const port = await mesh.backend('127.0.0.2', 'one');
    mesh.part.update(source({ records: [taskOf('web', 1, '127.0.0.2')] }));
    const set = (host: string): void =>
      mesh.part.applyServices([{ kind: ServiceChangeKind.SetLabels, labels: labelsOf('web', port, host) }]);
    set('a.example.org');
    assert.equal((await mesh.get('a.example.org')).status, 200);
    set('b.example.org');
    assert.equal((await mesh.get('a.example.org')).status, 503);
    assert.equal((await mesh.get('b.example.org')).status, 200);
    mesh.part.applyServices([{ kind: ServiceChangeKind.RemoveLabels, service: 'web' }]);
    assert.equal((await mesh.get('b.example.org')).status, 503);
  });

  test('has the routes of its settings, and those of the command line instead', async (t) => {
    const mesh = started(t);
    const port = await mesh.backend('127.0.0.2', 'one');
    const records = [taskOf('web', 1, '127.0.0.2')];
    mesh.part.update(source({ records, mesh: { ...ON_LOOPBACK, routes: [{ ...ROUTE, port }] } }));
    assert.equal((await mesh.get('a.example.org')).status, 200);
    mesh.part.override({ mesh: { ...ON_LOOPBACK, routes: [{ ...ROUTE, port, url: 'http://b.example.org' }] } });
    assert.equal((await mesh.get('a.example.org')).status, 503);
    assert.equal((await mesh.get('b.example.org')).status, 200);
    assert.deepEqual(mesh.told, []);
  });

  test('runs where labels give routes unless settings say otherwise', async (t) => {
    const mesh = started(t);
    const labels = [labelsOf('web', 80, 'web.example.org')];
    const runs = (): unknown => mesh.part.status().facts['running'];
    mesh.part.update(source({ labels, mesh: { ...ON_LOOPBACK, isOff: true } }));
    assert.equal(runs(), false);
    mesh.part.update(source({ labels, mesh: { ...ON_LOOPBACK, nodes: ['node2'] } }));
    assert.equal(runs(), false);
    mesh.part.update(source({ labels: [], mesh: undefined }));
    assert.equal(runs(), false);
    mesh.part.update(source({ labels: [], mesh: { ...ON_LOOPBACK, nodes: ['node1'] } }));
    assert.equal(runs(), true);
    await mesh.part.settled();
    mesh.part.update(source({ labels, mesh: { ...ON_LOOPBACK, isOff: true } }));
    assert.deepEqual([runs(), mesh.part.lines, mesh.told], [false, [], []]);
  });

  test('runs on account of labels from a dump of a swarm only where settings ask for a mesh', async (t) => {
    const mesh = started(t);
    const port = await mesh.backend('127.0.0.2', 'one');
    const labels = [
      { ...labelsOf('web', port, 'web.example.org'), isImported: true },
      { ...labelsOf('far', port, 'far.example.org'), networks: ['other'], isImported: true },
    ];
    const records = [taskOf('web', 1, '127.0.0.2')];
    mesh.part.update(source({ records, labels, mesh: undefined }));
    await mesh.part.settled();
    assert.equal(mesh.part.status().facts['running'], false);
    assert.deepEqual(mesh.told, []);
    mesh.part.override({ mesh: ON_LOOPBACK });
    assert.equal((await mesh.get('web.example.org')).text, 'one');
    mesh.part.override({});
    assert.equal(mesh.part.status().facts['running'], false);
  });

  test('tells once what is wrong, with service and label, and again after it was over', (t) => {
    const mesh = started(t);
    const labels = { ...labelsOf('web', 80, '-a'), networks: ['my-network'] };
    mesh.part.update(source({ labels: [labels] }));
    mesh.part.update(source({ labels: [labels] }));
    assert.deepEqual(mesh.told, ['HTTP mesh: service web: com.docker.lb.hosts: its host is no host name']);
    mesh.part.update(source({ labels: [] }));
    mesh.part.update(source({ labels: [labels] }));
    assert.equal(mesh.told.length, 2);
  });

  test('says nothing of routes of its own before the services of the node are known', (t) => {
    const { topology } = source();
    const routes = [{ ...ROUTE, port: 80 }];
    const mesh = started(t, { mesh: { ...ON_LOOPBACK, routes } });
    mesh.part.update({ topology: { ...topology, services: undefined }, gateway: undefined });
    assert.deepEqual(mesh.told, []);
    mesh.part.update(source({ records: [taskOf('web', 1, '127.0.0.2')] }));
    assert.deepEqual(mesh.told, []);
    mesh.part.update(source());
    assert.match(mesh.told.join(), /^HTTP mesh: service web: mesh\.routes\[0\]: no network has a task of this service/);
  });

  test('tells what a route lacks: an endpoint on its network, a port', (t) => {
    const mesh = started(t);
    const elsewhere = { ...labelsOf('web', 80, 'web.example.org'), networks: ['other'] };
    mesh.part.update(
      source({
        labels: [elsewhere, { ...labelsOf('api', 80, 'api.example.org'), ports: [80, 81] }],
        mesh: { ...ON_LOOPBACK, netns: 'vtep-mesh' },
      }),
    );
    assert.deepEqual(mesh.told.sort(), [
      "HTTP mesh: service api: com.docker.lb.port: is missing, and the service doesn't publish exactly one port",
      'HTTP mesh: service web: com.docker.lb.hosts: the namespace vtep-mesh of this node has no endpoint on other; ' +
        'add one to the config, endpoints: { mesh1: { network: other, node: node1, netns: vtep-mesh } }, or to the ' +
        'store, vtep endpoint create --network other --node node1 --netns vtep-mesh mesh1',
    ]);
  });

  test('starts as soon as the node has an endpoint on the network of a labelled service', async (t) => {
    const mesh = started(t);
    const bare = swarm({ tasks: [], more: { endpoints: {} } });
    const services = { records: [taskOf('web', 1, '127.0.0.2')], labels: [labelsOf('web', 80, 'web.example.org')] };
    mesh.part.update(source({ ...services, mesh: undefined }, bare));
    assert.equal(mesh.part.status().facts['running'], false);
    assert.match(mesh.told.join(), /^HTTP mesh: labels ask for routes that this node doesn't reach \(mesh: false/);
    mesh.part.override({ mesh: { ...DEFAULT_MESH, http: [0], listen: ['127.0.0.1'] } });
    mesh.part.refresh(source(services));
    assert.deepEqual(
      (await mesh.report()).routes.map(({ host }) => host),
      ['web.example.org'],
    );
  });

  test('tries another task if one can not be reached, and leaves that one out', async (t) => {
    const mesh = started(t);
    const port = await mesh.backend('127.0.0.2', 'one');
    const records = [taskOf('web', 1, '127.0.0.2'), taskOf('web', 2, '127.0.0.3')];
    mesh.part.update(source({ records, labels: [labelsOf('web', port, 'web.example.org')] }));
    for (let i = 0; i < 4; i++) assert.deepEqual(await mesh.get('web.example.org'), { status: 200, text: 'one' });
    const [{ responses, retries, failures, seconds, backends }] = (await mesh.report()).routes;
    assert.deepEqual([responses, retries, failures, seconds.counts.at(-1)], [{ '2xx': 4 }, 1, {}, 4]);
    assert.deepEqual(
      backends.map(({ isDown }) => isDown),
      [false, true],
    );
  });

  test('logs each request to a file, and to another once it is told so', async (t) => {
    const folder = scratch();
    const [first, second] = [join(folder, 'first.jsonl'), join(folder, 'second.jsonl')];
    const mesh = started(t, { meshLog: first });
    const port = await mesh.backend('127.0.0.2', 'one');
    mesh.part.update(
      source({ records: [taskOf('web', 1, '127.0.0.2')], labels: [labelsOf('web', port, 'web.example.org')] }),
    );
    await mesh.get('web.example.org', '/a?b=c');
    await mesh.get('no.example.org');
    await mesh.logged(2);
    mesh.part.override({ meshLog: second });
    await mesh.get('web.example.org', '/d');
    // It writes what waits.
    await mesh.close();
    const linesOf = (path: string): object[] =>
      readFileSync(path, 'utf8')
        .trim()
        .split('\n')
        .map((line) => {
          const { time, client, port: from, ms, bytesOut, ...rest } = JSON.parse(line) as Record<string, unknown>;
          assert.deepEqual(
            [typeof time, client, typeof from, typeof ms, typeof bytesOut],
            ['string', '127.0.0.1', 'number', 'number', 'number'],
          );
          return rest;
        });
    const common = { protocol: 'HTTP/1.1', method: 'GET', bytesIn: 0, node: 'node1' };
    const web = { ...common, host: 'web.example.org', status: 200, service: 'web', task: 'web.1.x', attempts: 1 };
    const backend = `127.0.0.2:${port}`;
    assert.deepEqual(linesOf(first), [
      { ...web, path: '/a?b=c', backend },
      { ...common, host: 'no.example.org', path: '/', status: 503, attempts: 0, failure: 'unknown-host' },
    ]);
    assert.deepEqual(linesOf(second), [{ ...web, path: '/d', backend }]);
  });

  test('shows routes, backends and their health in a status and for Prometheus', async (t) => {
    const mesh = started(t);
    const port = await mesh.backend('127.0.0.2', 'one');
    mesh.part.update(
      source({
        records: [taskOf('web', 1, '127.0.0.2'), taskOf('web', 2, '127.0.0.3')],
        labels: [labelsOf('web', port, 'web.example.org')],
      }),
    );
    // Nobody listens at the second.
    for (let i = 0; i < 2; i++) await mesh.get('web.example.org');
    await mesh.report();
    const { facts, rows } = mesh.part.status();
    assert.deepEqual([facts['running'], facts['total'], facts['troubles']], [true, 1, 0]);
    const [row] = [...(rows ?? [])] as { host: string; backends: { name: string; up: boolean }[] }[];
    assert.equal(row.host, 'web.example.org');
    assert.deepEqual(
      row.backends.map(({ name, up }) => [name, up]),
      [
        ['web.1.x', true],
        ['web.2.x', false],
      ],
    );
    const text = new PrometheusText();
    mesh.part.addMetrics(text);
    const page = text.toString();
    assert.match(
      page,
      new RegExp(`^vtep_mesh_backend_up\\{service="web",task="web.2.x",address="127.0.0.3:${port}"\\} 0$`, 'm'),
    );
    assert.match(page, /^# TYPE vtep_mesh_request_duration_seconds histogram$/m);
    assert.match(page, /^vtep_mesh_connections \d+$/m);
  });
});
