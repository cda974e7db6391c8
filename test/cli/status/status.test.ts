import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { StatusServer, type StatusSections } from '../../../src/live/index.js';
import type { StatusSection } from '../../../src/live/status/status-section.js';
import { scratch, vtep } from '../run.js';

const LONG = 'a-name-that-is-much-longer-than-anything-that-a-table-of-eighty-columns-has-room-for';

/** What a node says of its store. */
const STORE = {
  running: true,
  overlay: 'prod',
  connected: false,
  lostSeconds: 12.3,
  losses: 2,
  registered: true,
  leader: 'n2',
  leads: false,
  revision: 12_345,
  snapshots: 1,
  records: { node: 3, network: 2, endpoint: 1_234_567, service: 1, keys: 1, unreadable: 0 },
  endpoints: { placed: 4, waiting: 1, refused: 0, elsewhere: 30 },
  networks: ['web', 'db'],
  problems: 3,
  troubles: [
    'network "web" has VNI 4096, which network "db" has: the older one counts, and this one waits for it',
    'a\x1b[31m',
  ],
  waiting: 2,
  unwritten: 1,
  applied: 99,
  resynchronised: 0,
  withdrawn: 1,
  keys: true,
  rotations: 4,
  putToApplied: { count: 3, meanMs: 1.25, maxMs: 4.5 },
};

/** A node with something in every section. */
function sectionsOf(name: string): StatusSections {
  const service = { network: 'my-network', mode: 'vip', vip: '10.0.9.2', ports: ['8080:80/tcp'], refused: 2 };
  const counts = { active: 2, connections: 3, opened: 1_234_567, packetsIn: 5_000_000, packetsOut: 4_000_000 };
  const sections: Readonly<Record<string, StatusSection>> = {
    node: {
      facts: {
        name,
        pid: 4711,
        version: '0.1.0',
        seconds: 3700,
        vtep: '192.168.50.1',
        port: 4789,
        mtu: 1500,
        profile: 'swarm',
        underlay: 'UDP and raw sockets',
        cipher: null,
        nodes: 3,
        reloads: { taken: 1, refused: 2 },
        egress: { in: 10, made: 0, out: 7, held: 0, dropped: { NEIGH_UNKNOWN: 3 } },
        ingress: { in: 0, made: 0, out: 0, held: 0, dropped: {} },
      },
    },
    networks: {
      facts: { total: 1 },
      rows: [{ name: LONG, vni: 4097, subnets: ['10.0.9.0/24'], encrypted: true, mtu: 1424, endpoints: 3 }],
    },
    endpoints: {
      facts: { total: 2 },
      rows: [
        { name: 'web\x1b[31m', network: 'my-network', address: '10.0.9.3', interface: null, attached: false },
        { name: 'c1', network: 'my-network', address: '10.0.9.4', interface: 'eth0', attached: true, refused: 1 },
      ],
    },
    services: {
      facts: { balancers: [{ network: 'my-network', dropped: { IP_CSUM: 4 } }] },
      rows: [
        {
          name: 'my-web',
          ...service,
          ...counts,
          backends: [{ task: `my-web.1.${LONG}`, node: 'node1', address: '10.0.9.3', weight: 0, ...counts }],
        },
      ],
    },
    connections: {
      facts: { total: 50 },
      rows: Array.from({ length: 50 }, (_, i) => ({
        protocol: 'tcp',
        client: '10.0.9.10',
        clientPort: 50_000 + i,
        vip: '10.0.9.2',
        vipPort: 80,
        backend: '10.0.9.3',
        backendPort: 80,
        state: 'ESTABLISHED',
        expiresIn: i === 0 ? null : 899,
        network: 'my-network',
      })),
    },
    forwarding: {
      facts: { total: 1 },
      rows: [
        {
          network: 'net',
          mac: '02:42:0a:00:09:04',
          node: 'n2',
          endpoint: null,
          vtep: '192.168.50.2',
          learned: true,
          age: 12,
        },
      ],
    },
    sas: {
      facts: { total: 1 },
      rows: [
        {
          direction: 'out',
          spi: '0x1f279ba7',
          peer: 'n2',
          address: '192.168.50.2',
          sequence: 77,
          packets: 76,
          age: 90,
        },
      ],
    },
    gateway: {
      facts: { running: true, published: ['8080/tcp'], total: 1 },
      rows: [{ netns: 'web1', address: '172.18.0.3', received: 5 }],
    },
    dns: { facts: { running: false } },
    mesh: {
      facts: {
        running: true,
        total: 3,
        listeners: [
          { address: '0.0.0.0', port: 80, tls: false },
          { address: '0.0.0.0', port: 8443, tls: true },
        ],
        leaving: [
          { name: 'my-web.1', address: '10.0.9.3:80', active: 2, up: true },
          { name: 'my-web.2', address: '10.0.9.4:80', active: 1, up: true },
        ],
        connections: 1234,
        unrouted: 5,
        droppedLines: 0,
      },
      rows: [
        {
          kind: 'http',
          host: `${LONG}.example.org`,
          path: '/api',
          service: LONG,
          responses: { '2xx': 1_234_567, '5xx': 3 },
          failures: { unreachable: 2, 'backend-closed': 1 },
          retries: 4,
          active: 2,
          backends: [{ up: true }, { up: false }],
        },
        {
          kind: 'sni',
          host: 'tls.example.org',
          path: '',
          service: 'web',
          responses: { none: 7 },
          backends: [{ up: true }],
        },
        { kind: 'http', host: 'old.example.org', path: '', service: 'web', redirect: true, backends: [] },
      ],
    },
    store: { facts: STORE },
  };
  return new Map(Object.entries(sections).map(([section, content]) => [section, () => content]));
}

describe('vtep status', () => {
  const runtime = scratch();
  const own = join(runtime, 'vtep');
  const original = process.env['XDG_RUNTIME_DIR'];
  const servers: StatusServer[] = [];
  before(() => {
    process.env['XDG_RUNTIME_DIR'] = runtime;
    mkdirSync(own, { mode: 0o700 });
  });
  after(() => {
    if (original === undefined) delete process.env['XDG_RUNTIME_DIR'];
    else process.env['XDG_RUNTIME_DIR'] = original;
    for (const server of servers) server.close();
  });

  async function start(name: string): Promise<StatusServer> {
    const server = await StatusServer.listen(join(own, `${name}.sock`), sectionsOf(name));
    servers.push(server);
    return server;
  }

  test('shows every section as a table that fits 80 columns', async () => {
    const { path } = await start('status-test-1');
    const { stdout, stderr, status } = await vtep(['status', '--node', 'status-test-1'], { columns: 80, named: false });
    assert.deepEqual([status, stderr], [0, '']);
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
    assert.match(stdout, /^Node\n {2}status-test-1, process 4711, vtep 0\.1\.0, up for 1 h 1 min\n/);
    assert.match(stdout, /egress: 3 dropped \(NEIGH_UNKNOWN\)/);
    assert.match(stdout, /config reloads: 1, and 2 failed/);
    for (const heading of [
      'Networks: 1',
      'Services',
      'Connections: 50',
      'Security associations: 1',
      'Gateway: 1',
      'DNS',
      'Routes of the HTTP mesh: 3',
    ]) {
      assert.match(stdout, new RegExp(`^${heading}$`, 'm'));
    }
    assert.match(stdout, /my-web: 2 connections refused: no backend/);
    assert.match(stdout, /load balancer of my-network: 4 dropped \(IP_CSUM\)/);
    assert.match(stdout, /only the first 20; --rows N shows more/);
    assert.match(stdout, /0x1f279ba7 {2}n2/);
    assert.match(stdout, /learned, 12/);
    assert.match(stdout, /172\.18\.0\.3/);
    assert.match(stdout, /\n {2}on 0\.0\.0\.0 port 80, 0\.0\.0\.0 port 8443 \(TLS\)\n/);
    assert.match(stdout, /\n {2}1,234 connections; 5 requests to unknown hosts\n/);
    assert.match(stdout, /\n {2}draining: my-web\.1 \(2 under way\) and 1 more\n/);
    // A path is visible beside a long host, TLS connections count, and a redirect has no tasks.
    assert.match(stdout, /… {2}\/api +a-name-t… +1\.23M +0 +3 +3 +2 +1 of 2$/m);
    assert.match(stdout, /^ {2}tls\.example\.org +TLS +web +7 .*1 of 1$/m);
    assert.match(stdout, /^ {2}old\.example\.org +\/ +web +0 .*redirect$/m);
    // No control characters.
    assert.ok(!stdout.includes('\x1b'));
    const bySocket = await vtep(['status', '--socket', path, 'dns']);
    assert.equal(bySocket.stdout, 'DNS\n  running: false\n');
  });

  test('shows its store: the connection, the leader, records, and what is wrong with them', async () => {
    const { stdout } = await vtep(['status', '--node', 'status-test-1', 'store'], { columns: 80, named: false });
    assert.match(stdout, /^Store\n {2}overlay prod: out of reach for 12\.0 s, at revision 12,345; packets go on/);
    assert.match(stdout, /\n {2}registered; n2 leads\n/);
    assert.match(stdout, /\n {2}networks carried: web, db; endpoints: 4 placed, 1 waiting, 30 elsewhere\n/);
    assert.match(
      stdout,
      /2 changes wait to be applied, 1 to be written; 99 applied\n {2}from put to applied: 1\.25 ms, at most 4\.5 ms \(3 puts\)/,
    );
    assert.match(
      stdout,
      / node +network +endpoint +service +keys +unreadable\n {2}records +3 +2 +1,234,567 +1 +1 +0\n/,
    );
    assert.match(stdout, /\n {2}3 records have a problem\n/);
    assert.match(stdout, /\n {4}and 1 more\n$/);
    const sections = new Map([
      [
        'store',
        (): StatusSection => ({ facts: { ...STORE, connected: true, leads: true, leader: 'n1', problems: 0 } }),
      ],
    ]);
    const server = await StatusServer.listen(join(own, 'status-test-4.sock'), sections);
    servers.push(server);
    const well = await vtep(['status', '--socket', server.path, 'store']);
    assert.match(well.stdout, /overlay prod: connected, at revision 12,345\n {2}registered; this node leads\n/);
    assert.doesNotMatch(well.stdout, /problem/);
  });

  test('shows the sections asked for, with as many rows as asked for', async () => {
    const few = await vtep(['status', '--node', 'status-test-1', 'connections', '--rows', '2']);
    assert.equal(few.stdout.split('\n').filter((line) => line.includes('10.0.9.10:')).length, 2);
    const all = await vtep(['status', '--node', 'status-test-1', 'connections', '--rows', '0']);
    assert.equal(all.stdout.split('\n').filter((line) => line.includes('10.0.9.10:')).length, 50);
    assert.match(all.stdout, /ESTABLISHED +never/);
    assert.doesNotMatch(all.stdout, /Node|only the first/);
  });

  test('prints one JSON object with a version', async () => {
    const { stdout } = await vtep(['status', '--node', 'status-test-1', '--json', 'sas']);
    const document = JSON.parse(stdout) as { readonly version: number; readonly sas: { readonly rows: unknown[] } };
    assert.deepEqual([document.version, document.sas.rows.length, Object.keys(document)], [1, 1, ['version', 'sas']]);
  });

  test('lists the nodes if there are several, and needs one of their names', async () => {
    await start('status-test-2');
    const { status, stderr } = await vtep(['status']);
    assert.equal(status, 2);
    assert.match(stderr, /several nodes run here: .*"status-test-1".*"status-test-2".*--node NAME/);
    assert.equal((await vtep(['status', '--node', 'status-test-2', 'node'])).status, 0);
  });

  test('says what is wrong with its arguments', async () => {
    const unknown = await vtep(['status', 'secrets']);
    assert.equal(unknown.status, 2);
    assert.match(unknown.stderr, /secrets/);
    const absent = await vtep(['status', '--node', 'status-test-3']);
    assert.equal(absent.status, 2);
    assert.match(absent.stderr, /no node "status-test-3" runs here/);
    const both = await vtep(['status', '--node', 'a', '--socket', 'b']);
    assert.equal(both.status, 2);
    const none = await vtep(['status', '--socket', join(own, 'absent.sock')]);
    assert.equal(none.status, 2);
    assert.match(none.stderr, /there is no such socket/);
  });
});
