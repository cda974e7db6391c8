import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { scratch, vtep } from '../run.js';

const folder = scratch();

function write(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const CONFIG = `nodes: { node1: { vtep: 192.0.2.1 } }
networks: { ingress: { ingress: true }, app: { encrypted: true }, db: {} }
services:
  web:
    networks: [app, db]
    ports: ['8080:80']
    labels: { com.docker.lb.hosts: 'www.example.org,example.org', com.docker.lb.hots: x }
  api:
    networks: [app]
    labels:
      - traefik.http.routers.api.rule=Host(\`www.example.org\`) && PathPrefix(\`/api\`)
      - traefik.http.services.api.loadbalancer.server.port=9000
  plain: { networks: [db], ports: ['8081:80'] }
mesh:
  routes:
    - { url: 'sni://tls.example.org', service: plain, vip: true }
    - { url: 'http://old.example.org', service: web, redirect: 'https://www.example.org/' }
    - { url: 'http://www.example.org', service: plain }
`;

describe('mesh routes', () => {
  test('shows the routes of labels and of a config by host, and says what is not followed', async () => {
    const { status, stdout, stderr } = await vtep(['mesh', 'routes', '--config', write('swarm.yaml', CONFIG)]);
    assert.equal(status, 0);
    const lines = stdout.trimEnd().split('\n');
    const rows = lines.map((line) => line.trim().split(/ {2,}/));
    assert.deepEqual(rows[0], ['HOST', 'PATH', 'SERVICE', 'PORT', 'NETWORK', 'MODE', 'SOURCE']);
    assert.deepEqual(rows.slice(1), [
      ['example.org', '/*', 'web', '80', 'app,db', 'task', 'com.docker.lb.hosts'],
      ['old.example.org', '/*', 'web', '80', 'app,db', 'redirect to https://www.example.org/', 'mesh.routes[1]'],
      ['tls.example.org', 'TLS', 'plain', '80', 'db', 'vip', 'mesh.routes[0]'],
      ['www.example.org', '/*', 'plain', '80', 'db', 'task', 'mesh.routes[2]'],
      ['www.example.org', '/api*', 'api', '9000', 'app', 'task', 'traefik.http.routers.api.rule'],
    ]);
    assert.match(stderr, /^vtep: web: com\.docker\.lb\.hots: isn't a known label; did you mean hosts\?$/m);
    assert.match(
      stderr,
      /^vtep: com\.docker\.lb\.hosts: not used for web: mesh\.routes\[2\] of plain has www\.example\.org$/m,
    );
    assert.match(stderr, /^vtep: plain: mesh\.routes\[0\]: needs a port for TLS: add tls: \[8443\] to the mesh$/m);
    assert.equal(stderr.trimEnd().split('\n').length, 3);
  });

  test('prints an object for programs', async () => {
    const { status, stdout } = await vtep(['mesh', 'routes', '--config', write('swarm.yaml', CONFIG), '--json']);
    assert.equal(status, 0);
    const { routes, troubles } = JSON.parse(stdout);
    assert.equal(routes.length, 5);
    assert.equal(troubles.length, 3);
    const api = routes.find((one: { service: string }) => one.service === 'api');
    assert.deepEqual(
      [api.host, api.path, api.exact, api.port, api.networks, api.kind],
      ['www.example.org', '/api', false, 9000, ['app'], 'http'],
    );
  });

  test('shows those of a file for a node that learns its services, whose ports are not known', async () => {
    const mesh = write('mesh.yaml', "tls: [8443]\nroutes: [{ url: 'sni://a.example.org', service: web }]\n");
    const { status, stdout, stderr } = await vtep(['mesh', 'routes', '--mesh', mesh]);
    assert.deepEqual([status, stderr], [0, '']);
    assert.match(stdout, /^a\.example\.org +TLS +web +- +- +task +routes\[0\]$/m);
  });

  test('says which routes of a file lead to services, or networks, that the config has not', async () => {
    const mesh = write(
      'wrong.yaml',
      `routes:
  - { url: 'http://a.example.org', service: wbe, port: 80 }
  - { url: 'http://b.example.org', service: web, port: 80, network: dbs }
  - { url: 'http://c.example.org', service: web, port: 80, network: db }
`,
    );
    const { stderr } = await vtep(['mesh', 'routes', '--config', write('swarm.yaml', CONFIG), '--mesh', mesh]);
    assert.match(stderr, /^vtep: wbe: routes\[0\]: the config has no task of this service$/m);
    assert.match(stderr, /^vtep: web: routes\[1\]: the service isn't on dbs$/m);
    assert.ok(!stderr.includes('routes[2]'));
  });

  test('gives no routes where a config says that there is no mesh', async () => {
    const text = CONFIG.replace(/^mesh:[^]*$/m, 'mesh: false\n');
    const { stdout, stderr } = await vtep(['mesh', 'routes', '--config', write('off.yaml', text)]);
    assert.equal(stdout.trimEnd().split('\n').length, 1);
    assert.equal(stderr, '');
  });

  test('needs a file, and says where a mistake in it is', async () => {
    const none = await vtep(['mesh', 'routes']);
    assert.equal(none.status, 2);
    assert.match(none.stderr, /needs --config FILE or --mesh FILE/);
    const wrong = await vtep(['mesh', 'routes', '--mesh', write('wrong.yaml', 'http: [0]\n')]);
    assert.equal(wrong.status, 2);
    assert.match(wrong.stderr, /wrong\.yaml:1:8: http\.0: 0 is not a TCP port/);
  });
});
