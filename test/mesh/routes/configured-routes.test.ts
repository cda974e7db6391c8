/** Routes of a config. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { configuredRoutes } from '../../../src/mesh/routes/configured-routes.js';
import { BackendMode, RouteKind } from '../../../src/mesh/routes/route.js';
import { readMeshSettings } from '../../../src/overlay/files.js';

type Fields = Readonly<Record<string, unknown>>;

function read(...routes: readonly Fields[]): ReturnType<typeof configuredRoutes> {
  return configuredRoutes(
    readMeshSettings(JSON.stringify({ routes: routes.map((one) => ({ service: 'api', ...one })) })).routes,
  );
}

describe('routes of a config', () => {
  test('have all that they say', () => {
    const fields = { port: 8080, network: 'web', rewrite: '/', sticky: 'session', http2: true, vip: true };
    const { routes, troubles } = read({ url: 'HTTP://WWW.example.org/api', ...fields });
    assert.deepEqual(troubles, []);
    const [{ priority, ...route }] = routes;
    assert.ok(priority > 0);
    assert.deepEqual(route, {
      kind: RouteKind.Http,
      host: 'www.example.org',
      path: '/api',
      isExact: false,
      rewrite: '/',
      service: 'api',
      port: 8080,
      network: 'web',
      mode: BackendMode.Vip,
      isHttp2: true,
      sticky: { cookie: 'session', isOwn: false },
      redirect: undefined,
      source: 'routes[0]',
    });
  });

  test('may be of TLS, of all hosts under a name, and redirect', () => {
    const { routes, troubles } = read(
      { url: 'sni://*.example.org' },
      { url: 'http://a.example.org/', redirect: 'https://b.example.org/' },
    );
    assert.deepEqual(troubles, []);
    assert.deepEqual(
      routes.map(({ kind, host, path, mode, redirect }) => [kind, host, path, mode, redirect]),
      [
        [RouteKind.Sni, '*.example.org', '', BackendMode.Task, undefined],
        [RouteKind.Http, 'a.example.org', '', BackendMode.Task, 'https://b.example.org/'],
      ],
    );
  });

  for (const [fields, why] of [
    [{ url: 'http://-a.example.org' }, /no host name/],
    [{ url: 'http://*' }, /no host name/],
    [{ url: 'http://a.*.example.org' }, /no host name/],
    [{ url: 'http://a.example.org/\u00e4' }, /path must begin with a slash/],
    [{ url: 'http://a.example.org', rewrite: '/?a' }, /path must begin with a slash/],
    [{ url: 'http://a.example.org', sticky: 'a;b' }, /cookie's name/],
    [{ url: 'http://a.example.org', redirect: 'https://[' }, /redirects to something other/],
  ] as const) {
    test(`with something wrong are none, and are reported with their place: ${JSON.stringify(fields)}`, () => {
      const { routes, troubles } = read({ url: 'http://ok.example.org' }, fields);
      assert.equal(routes.length, 1);
      assert.equal(troubles.length, 1);
      assert.equal(troubles[0].source, 'routes[1]');
      assert.match(troubles[0].why, why);
    });
  }
});
