/** Labels of UCP, Interlock and Traefik: the routes that they ask for, and what is reported. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { readLabels } from '../../../src/mesh/labels/read-labels.js';
import type { ReadLabels } from '../../../src/mesh/labels/reading.js';
import { BackendMode, type Route, RouteKind } from '../../../src/mesh/routes/route.js';

function read(labels: Readonly<Record<string, string>>, publishedPorts = 1): ReadLabels {
  return readLabels({ name: 'web', labels, publishedPorts });
}

/** Routes without what is as usual. */
function routesOf({ routes }: ReadLabels): Partial<Route>[] {
  const usual: Partial<Route> = {
    kind: RouteKind.Http,
    path: '',
    isExact: false,
    mode: BackendMode.Task,
    isHttp2: false,
    service: 'web',
  };
  return routes.map((route) =>
    Object.fromEntries(
      Object.entries(route).filter(
        ([key, value]) =>
          key !== 'source' && key !== 'priority' && value !== undefined && value !== usual[key as keyof Route],
      ),
    ),
  );
}

/** Asserts that the labels give these routes, and no trouble. */
function gives(labels: Readonly<Record<string, string>>, routes: readonly Partial<Route>[], publishedPorts = 1): void {
  const found = read(labels, publishedPorts);
  assert.deepEqual(found.troubles, []);
  assert.deepEqual(routesOf(found), routes);
}

/** Asserts that the labels are reported in this way. */
function reports(labels: Readonly<Record<string, string>>, why: RegExp, routes = 0, publishedPorts = 1): void {
  const found = read(labels, publishedPorts);
  assert.match(found.troubles.map((trouble) => `${trouble.source} ${trouble.why}`).join('\n'), why);
  assert.equal(found.routes.length, routes);
}

describe('labels of UCP', () => {
  const LABEL = 'com.docker.ucp.mesh.http';

  test('are a route each, whatever follows the name', () => {
    gives(
      {
        [LABEL]: 'external_route=http://A.example.org,internal_port=8080',
        [`${LABEL}.2`]: 'internal_port=8443,external_route=sni://b.example.org',
      },
      [
        { host: 'a.example.org', port: 8080 },
        { host: 'b.example.org', port: 8443, kind: RouteKind.Sni },
      ],
      2,
    );
  });

  test('need a port only if the service publishes several', () => {
    gives({ [LABEL]: 'external_route=http://a.example.org' }, [{ host: 'a.example.org' }]);
    reports(
      { [LABEL]: 'external_route=http://a.example.org' },
      /needs internal_port: the service publishes 2 ports/,
      0,
      2,
    );
  });

  test('may name the cookie of the application, and a redirect', () => {
    gives({ [LABEL]: 'external_route=http://a.example.org,sticky_sessions=JSESSIONID' }, [
      { host: 'a.example.org', sticky: { cookie: 'JSESSIONID', isOwn: false } },
    ]);
    gives({ [LABEL]: 'external_route=http://a.example.org,redirect=https://b.example.org/x' }, [
      { host: 'a.example.org', redirect: 'https://b.example.org/x' },
    ]);
  });

  test('may have the form of UCP 2.0', () => {
    gives({ [LABEL]: '8080=http://a.example.org, 81=http://b.example.org' }, [
      { host: 'a.example.org', port: 8080 },
      { host: 'b.example.org', port: 81 },
    ]);
    gives({ [LABEL]: 'http://a.example.org' }, [{ host: 'a.example.org' }]);
  });

  test('that are not understood are reported', () => {
    reports({ [LABEL]: 'external_route=ftp://a' }, /needs external_route=http:\/\/HOST/);
    reports({ [LABEL]: 'true' }, /part that is not key=value/);
    reports({ [LABEL]: 'external_route=http://a,external_route=http://b' }, /has external_route twice/);
    reports({ [LABEL]: 'external_route=http://a_.-x' }, /no host name/);
    reports({ [LABEL]: 'external_route=http://a,internal_port=0' }, /no number from 1 to 65535/);
    reports({ [LABEL]: 'external_route=http://a,redirect=javascript:alert(1)' }, /something other than an http/);
    reports({ [LABEL]: 'external_route=http://a,speed=fast' }, /speed isn't a part of it/, 1);
    reports({ [LABEL]: 'external_route=http://a,internal_prot=80' }, /did you mean internal_port\?/, 1);
    reports({ [LABEL]: 'external_route=sni://a,sticky_sessions=x' }, /sticky_sessions has no effect/, 1);
    reports({ [LABEL]: 'external_route=http://a,sticky_sessions=a;b' }, /cookie's name/, 1);
  });
});

describe('labels of Interlock', () => {
  test('are a route for each host', () => {
    gives(
      {
        'com.docker.lb.hosts': 'a.example.org,b.example.org',
        'com.docker.lb.port': '8080',
        'com.docker.lb.network': 'front',
        'com.docker.lb.context_root': '/app',
        'com.docker.lb.context_root_rewrite': 'true',
        'com.docker.lb.sticky_session_cookie': 'session',
        'com.docker.lb.backend_mode': 'vip',
        'com.docker.lb.websocket_endpoints': '/ws',
      },
      ['a.example.org', 'b.example.org'].map((host) => ({
        host,
        port: 8080,
        network: 'front',
        path: '/app',
        rewrite: '/',
        sticky: { cookie: 'session', isOwn: false },
        mode: BackendMode.Vip,
      })),
    );
  });

  test('pass TLS through if they say so', () => {
    gives(
      { 'com.docker.lb.hosts': 'a.example.org', 'com.docker.lb.port': '443', 'com.docker.lb.ssl_passthrough': 'true' },
      [{ host: 'a.example.org', port: 443, kind: RouteKind.Sni }],
    );
  });

  test('redirect other hosts', () => {
    gives(
      {
        'com.docker.lb.hosts': 'a.example.org',
        'com.docker.lb.port': '80',
        'com.docker.lb.redirects': 'http://old.example.org,http://a.example.org;',
      },
      [
        { host: 'a.example.org', port: 80 },
        { host: 'old.example.org', port: 80, redirect: 'http://a.example.org' },
      ],
    );
  });

  test('that are not understood are reported', () => {
    const good = { 'com.docker.lb.hosts': 'a', 'com.docker.lb.port': '80' };
    reports({ ...good, 'com.docker.lb.ssl_cert': 'x' }, /ssl_cert TLS is not terminated here/, 1);
    reports({ ...good, 'com.docker.lb.ip_hash': 'true' }, /ip_hash use sticky_session_cookie/, 1);
    reports({ ...good, 'com.docker.lb.colour': 'red' }, /colour isn't a known label/, 1);
    reports({ ...good, 'com.docker.lb.toString': 'red' }, /toString isn't a known label/, 1);
    reports({ ...good, 'com.docker.lb.ssl_only': 'true' }, /ssl_only TLS is not terminated here/);
    reports({ ...good, 'com.docker.lb.ssl_backend': 'true' }, /ssl_backend tasks are spoken to in clear text/);
    reports({ ...good, 'com.docker.lb.service_cluster': 'east' }, /mesh\.nodes of the config/, 1);
    reports({ ...good, 'com.docker.lb.prot': '80' }, /prot isn't a known label; did you mean port\?/, 1);
    reports({ ...good, 'com.docker.lb.backend_mode': 'x' }, /neither task nor vip/, 1);
    reports({ ...good, 'com.docker.lb.context_root': 'x' }, /must begin with a slash/);
    reports({ ...good, 'com.docker.lb.redirects': 'x' }, /not a list of FROM,TO/, 1);
    reports({ 'com.docker.lb.port': '80' }, /hosts is missing/);
    reports({ 'com.docker.lb.hosts': 'a' }, /port is missing/, 0, 2);
  });
});

describe('labels of Traefik', () => {
  const PORT = { 'traefik.http.services.s.loadbalancer.server.port': '8080' };
  const rule = (text: string): Record<string, string> => ({ ...PORT, 'traefik.http.routers.r.rule': text });

  test('are a route for each alternative of a rule', () => {
    gives(rule('Host(`A.example.org`) || Host("b.example.org") && PathPrefix(`/api`)'), [
      { host: 'a.example.org', port: 8080 },
      { host: 'b.example.org', port: 8080, path: '/api' },
    ]);
    gives(rule('(Host(`a`) || Host(`b`)) && (PathPrefix(`/x`) || Path(`/y`))'), [
      { host: 'a', port: 8080, path: '/x' },
      { host: 'a', port: 8080, path: '/y', isExact: true },
      { host: 'b', port: 8080, path: '/x' },
      { host: 'b', port: 8080, path: '/y', isExact: true },
    ]);
    gives(rule('Host(`a`, `b`)'), [
      { host: 'a', port: 8080 },
      { host: 'b', port: 8080 },
    ]);
  });

  test('say how the service is reached', () => {
    gives(
      {
        ...rule('Host(`a`)'),
        'traefik.enable': 'true',
        'traefik.swarm.network': 'front',
        'traefik.swarm.lbswarm': 'true',
        'traefik.http.routers.r.priority': '7',
        'traefik.http.routers.r.entrypoints': 'web',
        'traefik.http.services.s.loadbalancer.server.scheme': 'h2c',
        'traefik.http.services.s.loadbalancer.sticky.cookie': 'true',
        'traefik.http.services.s.loadbalancer.sticky.cookie.name': 'lb',
        'traefik.http.services.s.loadbalancer.passhostheader': 'true',
      },
      [
        {
          host: 'a',
          port: 8080,
          network: 'front',
          mode: BackendMode.Vip,
          isHttp2: true,
          sticky: { cookie: 'lb', isOwn: true },
        },
      ],
    );
  });

  test('pass TLS through by a TCP router', () => {
    gives(
      {
        'traefik.tcp.routers.r.rule': 'HostSNI(`a.example.org`)',
        'traefik.tcp.routers.r.tls.passthrough': 'true',
        'traefik.tcp.services.s.loadbalancer.server.port': '443',
      },
      [{ host: 'a.example.org', port: 443, kind: RouteKind.Sni }],
    );
  });

  test('give no route if it would expose what they protect, or lead elsewhere', () => {
    for (const [name, value, why] of [
      ['http.routers.r.middlewares', 'auth@file', /without them its service might be exposed/],
      ['http.routers.r.tls', 'true', /TLS is not terminated here: use a TCP router/],
      ['http.routers.r.tls.certresolver', 'le', /TLS is not terminated here: use a TCP router/],
      ['http.services.s.loadbalancer.server.scheme', 'https', /neither http nor h2c/],
      ['http.services.s.loadbalancer.server.url', 'http://10.0.0.1', /only tasks of the service are backends/],
    ] as const) {
      reports({ ...rule('Host(`a`)'), [`traefik.${name}`]: value }, why);
    }
    gives({ ...rule('Host(`a`)'), 'traefik.http.routers.r.tls': 'false' }, [{ host: 'a', port: 8080 }]);
  });

  test('have the priority that they give, or else the length of the rule, as in Traefik', () => {
    const priority = (labels: Readonly<Record<string, string>>): number[] =>
      read(labels).routes.map((one) => one.priority);
    const text = 'Host(`a`) && PathPrefix(`/x`)';
    assert.deepEqual(priority(rule(text)), [text.length]);
    assert.deepEqual(priority({ ...rule(text), 'traefik.http.routers.r.priority': '7' }), [7]);
    assert.deepEqual(priority({ ...rule(text), 'traefik.http.routers.r.priority': '-1' }), [-1]);
    assert.deepEqual(priority({ ...rule(text), 'traefik.http.routers.r.priority': '0' }), [text.length]);
    // A route of another dialect counts as if a rule of Traefik had asked for it.
    assert.deepEqual(priority({ 'com.docker.lb.hosts': 'a', 'com.docker.lb.context_root': '/x' }), [text.length]);
  });

  test('have matchers in any case, and those of v2', () => {
    gives(rule('host(`a`) && pathprefix(`/x`)'), [{ host: 'a', port: 8080, path: '/x' }]);
    gives(rule('HostHeader(`a`)'), [{ host: 'a', port: 8080 }]);
  });

  test('report what two routers share once', () => {
    const labels = {
      ...rule('Host(`a`)'),
      'traefik.http.routers.q.rule': 'Host(`b`)',
      'traefik.http.services.s.loadbalancer.healthcheck.path': '/',
    };
    assert.equal(read(labels).troubles.length, 1);
    assert.equal(read(labels).routes.length, 2);
  });

  test('give no routes if they are not enabled', () => {
    gives({ ...rule('Host(`a`)'), 'traefik.enable': 'false' }, []);
  });

  test('that are not understood are reported', () => {
    reports(rule('HostRegexp(`.+`)'), /HostRegexp isn't followed, .* regular expression: use Host/);
    reports(rule('Host(`a`) && ClientIP(`10.0.0.1`)'), /ClientIP isn't followed: .* host and path only/);
    reports(rule('Host(`a`) && Colour(`red`)'), /the matcher Colour is unknown/);
    reports(rule('Host(`a`) && PathPrefix(`/x/{id:[0-9]+}`)'), /has a placeholder/);
    reports(rule('Host(`a`) && !Path(`/x`)'), /excludes something/);
    reports(rule('Host(`a`) && Host(`b`)'), /wants two hosts at once/);
    reports(rule('Host(`a`'), /lacks \)/);
    reports(rule('Host(a)'), /lacks a value in backquotes/);
    reports(rule('Host(`a`) Host(`b`)'), /goes on after its end/);
    reports(rule('Host(`a`) ; drop'), /something that no rule has/);
    reports(rule(''), /lacks a matcher/);
    reports(rule('PathPrefix(`/x`)'), /names no host/);
    reports(rule(`${'('.repeat(40)}Host(\`a\`)${')'.repeat(40)}`), /too many parentheses/);
    const many = (begin: string): string => `(${Array.from({ length: 9 }, (_, i) => `${begin}${i}\`)`).join(' || ')})`;
    reports(rule(`${many('Host(`a')} && ${many('Path(`/')}`), /more than 64 alternatives/);
    reports({ 'traefik.http.routers.r.rule': 'Host(`a`)' }, /needs loadbalancer\.server\.port/);
    reports(
      { ...rule('Host(`a`)'), 'traefik.http.middlewares.m.headers.x': 'y' },
      /middlewares\.m\.headers\.x there are no middlewares/,
      1,
    );
    for (const [name, why, value = '1'] of [
      ['http.services.s.loadbalancer.healthcheck.path', /failed connections: give the service a health check/],
      ['http.services.s.loadbalancer.sticky.cookie.secure', /the mesh has its own/],
      ['http.services.s.loadbalancer.passhostheader', /passed on in any case/, 'false'],
      ['http.services.s.loadbalancer.strategy', /take turns/, 'p2c'],
      ['frontend.rule', /use traefik\.http\.routers/],
      ['port', /use traefik\.http\.routers/],
      ['udp.routers.r.service', /only HTTP and TLS have hosts/],
      ['tls.stores.default.defaultcertificate.x', /TLS is not terminated here/],
      ['constraint-label', /all nodes with a mesh do/],
    ] as const) {
      reports({ ...rule('Host(`a`)'), [`traefik.${name}`]: value }, why, 1);
    }
    reports({ 'traefik.http.routers.r.entrypoints': 'web', ...PORT }, /its router has no rule/);
    reports(PORT, /no router leads to it: add traefik\.http\.routers\.NAME\.rule/);
    reports({ ...rule('Host(`a`)'), 'traefik.http.routers.r.priority': 'high' }, /priority is no number/, 1);
    reports({ ...rule('Host(`a`)'), 'traefik.http.routers.r.service': 'x@file' }, /a service of another provider/);
    reports(
      {
        'traefik.tcp.routers.r.rule': 'HostSNI(`*`)',
        'traefik.tcp.routers.r.tls.passthrough': 'true',
        'traefik.tcp.services.s.loadbalancer.server.port': '443',
      },
      /connections of all hosts: name them/,
    );
    reports(
      { ...rule('Host(`a`)'), 'traefik.http.services.t.loadbalancer.server.port': '81' },
      /names none of several services/,
    );
  });
});

test('labels of other programs are passed over', () => {
  gives({ 'org.example.colour': 'red', 'com.docker.stack.namespace': 'shop', traefikx: '1' }, []);
});
