/** Which route a request takes. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BackendMode, type Route, RouteKind } from '../../../src/mesh/routes/route.js';
import { RouteTable } from '../../../src/mesh/routes/route-table.js';

function route(service: string, host: string, more: Partial<Route> = {}): Route {
  return {
    kind: RouteKind.Http,
    host,
    path: '',
    isExact: false,
    rewrite: undefined,
    service,
    port: 80,
    network: undefined,
    mode: BackendMode.Task,
    isHttp2: false,
    sticky: undefined,
    redirect: undefined,
    priority: 0,
    source: `label of ${service}`,
    ...more,
  };
}

describe('a table of routes', () => {
  const table = new RouteTable([
    route('all', '*.example.org'),
    route('a', 'a.example.org'),
    route('api', 'a.example.org', { path: '/api' }),
    route('v2', 'a.example.org', { path: '/api/v2' }),
    route('one', 'a.example.org', { path: '/api', isExact: true }),
    route('tls', 'a.example.org', { kind: RouteKind.Sni }),
    route('deep', 'b.example.org', { path: '/deep' }),
  ]);
  const found = (host: string, path: string): string | undefined => table.find(host, path)?.service;

  test('finds the route of the longest path', () => {
    assert.equal(found('a.example.org', '/'), 'a');
    assert.equal(found('a.example.org', '/api'), 'one');
    assert.equal(found('a.example.org', '/api/v1'), 'api');
    assert.equal(found('a.example.org', '/api/v2/x'), 'v2');
    assert.equal(found('a.example.org', '/API'), 'a');
  });

  test('prefers an own name to a wildcard, which stands for one label, and takes it if no path fits', () => {
    assert.equal(found('c.example.org', '/'), 'all');
    assert.equal(found('b.example.org', '/deep'), 'deep');
    assert.equal(found('b.example.org', '/'), 'all');
    assert.equal(found('x.y.example.org', '/'), undefined);
    assert.equal(found('example.org', '/'), undefined);
    assert.equal(found('', '/'), undefined);
  });

  test('tells connections of TLS apart from requests', () => {
    assert.equal(table.findSni('a.example.org')?.service, 'tls');
    assert.equal(table.findSni('b.example.org'), undefined);
    const tls = route('tls', 'tls.example.org', { kind: RouteKind.Sni });
    assert.deepEqual(new RouteTable([tls, route('a', 'a.example.org')]).hosts, ['a.example.org']);
  });

  test('uses the first service of two that want the same, whatever order they come in, and reports the other', () => {
    const routes = [route('b', 'a.example.org'), route('a', 'a.example.org')];
    for (const order of [routes, [...routes].reverse()]) {
      const both = new RouteTable(order);
      assert.equal(both.find('a.example.org', '/')?.service, 'a');
      assert.deepEqual(both.troubles, [
        { source: 'label of b', why: 'not used for b: label of a of a has a.example.org' },
      ]);
      assert.equal(both.size, 1);
    }
  });

  test('prefers a higher priority to a longer path', () => {
    const both = new RouteTable([
      route('long', 'a.example.org', { path: '/x/y' }),
      route('high', 'a.example.org', { path: '/x', priority: 1 }),
    ]);
    assert.equal(both.find('a.example.org', '/x/y')?.service, 'high');
  });
});
