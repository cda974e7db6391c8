import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig, pinnedConfig, readMeshSettings } from '../../../src/overlay/files.js';
import { DEFAULT_MESH, ForwardedStyle, OverlayError, parsePrefix, ProxyVersion } from '../../../src/overlay/index.js';

const CONFIG = `nodes: { node1: { vtep: 192.0.2.1 }, node2: { vtep: 192.0.2.2 } }
networks: { web: { ingress: true }, app: {} }
services:
  api: { networks: [app], ports: ['8080:80'] }
`;

const FULL = `http: [80, 8080]
tls: [8443]
listen: [0.0.0.0, '::']
netns: vtep-mesh
trusted: [10.0.0.0/8, 'fd00::/8']
acceptProxy: true
sendProxy: v2
forwarded: both
debug: true
log: '-'
nodes: [node1]
timeouts: { head: 1, idle: 2, connect: 0.5, response: 4, tunnel: 86400 }
routes:
  - { url: 'http://www.example.org/api', service: api, port: 8080, network: app, rewrite: /, sticky: session }
  - { url: 'sni://tls.example.org', service: api, vip: true }
`;

function refusal(text: string): string {
  try {
    readMeshSettings(text);
  } catch (error) {
    assert.ok(error instanceof OverlayError);
    assert.equal(error.code, 'BAD_CONFIG');
    return error.message;
  }
  throw new assert.AssertionError({ message: 'it was accepted' });
}

function configRefusal(text: string): string {
  try {
    parseConfig(text);
  } catch (error) {
    assert.ok(error instanceof OverlayError);
    return error.message;
  }
  throw new assert.AssertionError({ message: 'it was accepted' });
}

test('all fields of a mesh are read', () => {
  const { routes, ...settings } = readMeshSettings(FULL);
  assert.deepEqual(settings, {
    isOff: false,
    http: [80, 8080],
    tls: [8443],
    listen: ['0.0.0.0', '::'],
    netns: 'vtep-mesh',
    trusted: [parsePrefix('10.0.0.0/8'), parsePrefix('fd00::/8')],
    acceptProxy: true,
    sendProxy: ProxyVersion.Binary,
    forwarded: ForwardedStyle.Both,
    debug: true,
    log: '-',
    nodes: ['node1'],
    timeouts: { head: 1, idle: 2, connect: 0.5, response: 4, tunnel: 86_400 },
  });
  assert.deepEqual(routes[0], {
    url: 'http://www.example.org/api',
    service: 'api',
    port: 8080,
    network: 'app',
    rewrite: '/',
    vip: false,
    http2: false,
    stickyCookie: 'session',
    redirect: undefined,
    source: 'routes[0]',
  });
  assert.equal(routes[1].vip, true);
});

test('PROXY headers need trusted peers that send them', () => {
  assert.throws(() => readMeshSettings('http: [80]\nacceptProxy: true\n'), {
    code: 'BAD_CONFIG',
    message: /^line 2, column 14: acceptProxy: PROXY headers are read from trusted peers only; list the subnets/,
  });
});

test('a mesh without fields has the defaults', () => {
  assert.deepEqual(readMeshSettings('{}'), DEFAULT_MESH);
});

test('the mesh of a config is in its services, and its routes say where they are', () => {
  const { services } = parseConfig(`${CONFIG}mesh: { routes: [{ url: 'http://a.example', service: api }] }\n`);
  assert.equal(services?.mesh?.routes[0].source, 'mesh.routes[0]');
});

test('a config says that there is no mesh', () => {
  assert.deepEqual(parseConfig(`${CONFIG}mesh: false\n`).services?.mesh, { ...DEFAULT_MESH, isOff: true });
  assert.deepEqual(parseConfig(`${CONFIG}mesh: true\n`).services?.mesh, DEFAULT_MESH);
});

test('a config without mesh and labels gives services that have neither', () => {
  const { services } = parseConfig(CONFIG);
  assert.ok(services !== undefined && !('mesh' in services) && !('labels' in services));
});

test('a config with a mesh alone is a swarm, and one without a mesh is none', () => {
  const plain = 'nodes: { node1: { vtep: 192.0.2.1 } }\nnetworks: { web: { vni: 4097, subnet: 10.0.9.0/24 } }\n';
  assert.deepEqual(parseConfig(`${plain}mesh: {}\n`).services?.mesh, DEFAULT_MESH);
  assert.equal(parseConfig(`${plain}mesh: false\n`).services?.mesh?.isOff, true);
  assert.equal(parseConfig(plain).services, undefined);
});

test('with gossip, a mesh may name services and nodes that the config has not', () => {
  const text = `nodes: { node1: { vtep: 192.0.2.1 } }
networks: { web: { vni: 4097, subnet: 10.0.9.0/24 } }
mesh: { nodes: [node7], routes: [{ url: 'http://a.example', service: elsewhere }] }
`;
  const { services, membership } = parseConfig(text, { member: 'node1' });
  assert.ok(membership !== undefined);
  assert.equal(services?.mesh?.routes[0].service, 'elsewhere');
  assert.deepEqual(services.networks, []);
});

test('a pinned config keeps its mesh and its labels', () => {
  const text = `${CONFIG}  web: { networks: [app], labels: { com.docker.lb.port: 8080 } }\nmesh: { http: [8080] }\n`;
  const pinned = pinnedConfig(text);
  assert.match(pinned, /^mesh:\n {2}http:\n {4}- 8080\n/m);
  assert.match(pinned, /com\.docker\.lb\.port: 8080/);
  assert.match(pinnedConfig(`${CONFIG}mesh: false\n`), /^mesh: false$/m);
});

test('labels of services are text, with the ports that the service publishes and its networks', () => {
  const { services } = parseConfig(`nodes: { node1: { vtep: 192.0.2.1 } }
networks: { web: { ingress: true }, app: {}, other: {} }
services:
  api:
    networks: [other, app]
    ports: ['8080:80', '8081:80', '53:53/udp', 'published=90,target=9000,mode=host']
    labels: { com.docker.lb.hosts: a.example, com.docker.lb.port: 8080, debug: true, ratio: 1.5, empty: , text: 'x=y' }
  web:
    networks: [app]
    labels: [traefik.enable=true, 'rule=Host(\`a\`) && b=c', alone]
  plain: { networks: [app] }
`);
  assert.deepEqual(services?.labels, [
    {
      service: 'api',
      labels: {
        'com.docker.lb.hosts': 'a.example',
        'com.docker.lb.port': '8080',
        debug: 'true',
        ratio: '1.5',
        empty: '',
        text: 'x=y',
      },
      ports: [80, 9000],
      networks: ['other', 'app'],
    },
    {
      service: 'web',
      labels: { 'traefik.enable': 'true', rule: 'Host(`a`) && b=c', alone: '' },
      ports: [],
      networks: ['app'],
    },
  ]);
});

test('labels that are none are refused with their line', () => {
  const labels = (text: string): string => configRefusal(CONFIG.replace("ports: ['8080:80']", `labels: ${text}`));
  assert.match(labels('7'), /^line 4, column 35: services\.api\.labels: 7 is not a block of labels, or a list/);
  assert.match(labels('{ a: [b] }'), /services\.api\.labels\.a: a list is not the value of a label/);
  assert.match(labels('[a=b, a=c]'), /services\.api\.labels\.1: "a" is listed twice/);
  assert.match(labels('["=b"]'), /services\.api\.labels\.0: "=b" is not a label/);
  assert.match(labels('["a\\nb=c"]'), /services\.api\.labels\.0: .* is not a label/);
});

for (const [text, why] of [
  ['http: [80, 0]', /^line 1, column 12: http\.1: 0 is not a TCP port \(1 to 65535\)/],
  ['http: 80', /^line 1, column 7: http: 80 is not a list of TCP ports/],
  ['http: [80]\ntls: [80]', /^line 2, column 7: tls\.0: port 80 is listed twice/],
  ['http: []', /^line 1, column 1: http: there is no port to listen on/],
  [`http: [${Array.from({ length: 65 }, (_, i) => i + 1).join()}]`, /^line 1, column 1: http: more than 64 TCP ports/],
  [`tls: [${Array.from({ length: 64 }, (_, i) => i + 100).join()}]`, /tls\.63: more than 64 TCP ports/],
  ['listen: [0.0.0.0, example.org]', /^line 1, column 19: listen\.1: .*example\.org/],
  ['listen: nowhere', /^line 1, column 9: listen: /],
  ['listen: ["::", "0::0"]', /listen\.1: :: is listed twice/],
  [`listen: [${Array.from({ length: 65 }, (_, i) => `10.0.0.${i}`).join()}]`, /listen: more than 64 IP addresses/],
  ['netns: ""', /netns: the name of a network namespace must not be empty/],
  ['trusted: [10.0.0.1/8]', /^line 1, column 11: trusted\.0: 10\.0\.0\.1\/8 is an address in a subnet/],
  ['trusted: [10.0.0.0/33]', /trusted\.0: not a subnet/],
  ['sendProxy: v3', /^line 1, column 12: sendProxy: "v3" is not none, v1 or v2/],
  ['forwarded: all', /forwarded: "all" is not x-forwarded, forwarded or both/],
  ['log: ""', /log: the name of a file must not be empty/],
  ['timeouts: { head: 0 }', /^line 1, column 19: timeouts\.head: 0 is not a number of seconds, more than 0/],
  ['timeouts: { idle: 86401 }', /timeouts\.idle: 86401 is not a number of seconds/],
  ['timeouts: { hed: 1 }', /timeouts: unknown field "hed"; did you mean "?head/],
  ['htp: [80]', /^line 1, column 1: unknown field "htp"; did you mean "?http/],
  ['routes: [{ service: a }]', /routes\.0\.url: missing; it must be a URL such as/],
  ['routes: [{ url: "http://a.example" }]', /routes\.0\.service: missing/],
  ['routes: [{ url: "https://a.example", service: a }]', /routes\.0\.url: .* is TLS, which is passed through: use sni/],
  ['routes: [{ url: "ftp://a.example", service: a }]', /routes\.0\.url: .* is neither http:\/\/HOST/],
  ['routes: [{ url: "http:///api", service: a }]', /routes\.0\.url: .* has no host/],
  ['routes: [{ url: "http://a.example:80/", service: a }]', /routes\.0\.url: .* has a port/],
  ['routes: [{ url: "http://a@b.example/", service: a }]', /routes\.0\.url: .* has a host that is no host name/],
  ['routes: [{ url: "http://a.example/?a", service: a }]', /routes\.0\.url: .* has a path with spaces, a query/],
  ['routes: [{ url: "sni://a.example/b", service: a }]', /routes\.0\.url: .* has a path, which can't be read/],
  ['routes: [{ url: "sni://a.example", service: a, sticky: b }]', /routes\.0\.sticky: not of sni:\/\//],
  ['routes: [{ url: "sni://a.example", service: a, http2: true }]', /routes\.0\.http2: not of sni:\/\//],
  ['routes: [{ url: "http://a.example", service: a, rewrite: b }]', /routes\.0\.rewrite: "b" must begin with a slash/],
  ['routes: [{ url: "http://a.example", service: a, redirect: /b }]', /routes\.0\.redirect: "\/b" must begin with/],
  ['routes: [{ url: "http://a.example", service: a, port: 70000 }]', /routes\.0\.port: 70000 is not a TCP port/],
  ['', /the file is empty; it has the fields of a config's mesh/],
  ['a', /is not the fields of the mesh/],
  ['__proto__: 1', /__proto__ can't be a name/],
] as const) {
  test(`a mesh is refused with what is wrong: ${text.slice(0, 70)}`, () => {
    assert.match(refusal(text), why);
  });
}

test('at most 4,096 routes are read', () => {
  const routes = (count: number): string =>
    JSON.stringify({
      routes: Array.from({ length: count }, (_, i) => ({ url: `http://h${i}.example`, service: 'a' })),
    });
  assert.equal(readMeshSettings(routes(4096)).routes.length, 4096);
  assert.match(refusal(routes(4097)), /routes: more than 4096 routes/);
});

for (const [mesh, why] of [
  ['{ nodes: [node3] }', /^line 5, column 17: mesh\.nodes\.0: there is no node "node3"; did you mean node1 or node2/],
  ['{ htp: [80] }', /^line 5, column 9: mesh: unknown field "htp"; did you mean "?http/],
  ['7', /^line 5, column 7: mesh: 7 is not the fields of the mesh, or false/],
  ["{ routes: [{ url: 'http://a.example', service: apj }] }", /mesh\.routes\.0\.service: there is no service "apj"/],
  [
    "{ routes: [{ url: 'http://a.example', service: api, network: web }] }",
    /mesh\.routes\.0\.network: there is no network of the service "web"/,
  ],
] as const) {
  test(`a config names what it has: mesh: ${mesh}`, () => {
    assert.match(configRefusal(`${CONFIG}mesh: ${mesh}\n`), why);
  });
}
