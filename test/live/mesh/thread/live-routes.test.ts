import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BackendMode, type Route } from '../../../../src/mesh/index.js';
import { LiveRoutes } from '../../../../src/live/mesh/thread/live-routes.js';
import type { PlannedTask } from '../../../../src/live/mesh/plan.js';
import { GONE_PATIENCE } from '../../../../src/live/mesh/thread/leaving-targets.js';
import { Targets } from '../../../../src/live/mesh/thread/targets.js';
import type { Target } from '../../../../src/live/mesh/routing/target.js';
import { route } from '../http1/mesh-bench.js';

const ONE = { name: 'web.1.x', address: '10.0.9.3' };
const TWO = { name: 'web.2.y', address: '10.0.9.4' };

/** Routes with targets, and those that have left. */
class Routed {
  readonly left: string[] = [];
  readonly gone: string[] = [];
  now = 0;
  readonly targets = new Targets({
    clock: () => this.now,
    onLeaving: ({ name, port }) => this.left.push(`${name} ${port}`),
    onGone: ({ name, port }) => this.gone.push(`${name} ${port}`),
  });
  readonly routes = new LiveRoutes(this.targets);

  set(...routes: readonly Route[]): void {
    this.routes.set('web', routes);
    this.routes.build();
  }

  backends(...tasks: readonly PlannedTask[]): void {
    this.draining([], ...tasks);
  }

  draining(draining: readonly PlannedTask[], ...tasks: readonly PlannedTask[]): void {
    this.targets.set({ service: 'web', network: 'n', vip: '10.0.9.2', tasks, draining });
  }

  of(host: string, path = '/'): readonly Target[] {
    return this.routes.find(host, path)?.backends.targets ?? [];
  }
}

const WEB: Route = { ...route('web.example.org'), network: 'n' };

describe('live routes', () => {
  test('share targets, which stay the same over changes that leave them', () => {
    const routed = new Routed();
    routed.backends(ONE, TWO);
    routed.set(WEB, { ...WEB, host: 'other.example.org' });
    const [one, two] = routed.of('web.example.org');
    assert.deepEqual(routed.of('other.example.org'), [one, two]);
    one.failed(0);
    routed.backends(ONE, { name: 'web.3.z', address: TWO.address });
    const [same, other] = routed.of('web.example.org');
    assert.equal(same, one);
    assert.deepEqual([other === two, other.failures, two.isLeaving, routed.left], [false, 0, true, ['web.2.y 80']]);
    routed.set({ ...WEB, host: 'third.example.org' });
    assert.equal(routed.of('third.example.org')[0], one);
    routed.set({ ...WEB, port: 81 });
    assert.deepEqual(routed.left, ['web.2.y 80', 'web.1.x 80', 'web.3.z 80']);
  });

  test('know which targets have left with requests under way, until these have ended', () => {
    const routed = new Routed();
    routed.backends(ONE, TWO);
    routed.set(WEB);
    const [one, two] = routed.of('web.example.org');
    one.active = 1;
    assert.deepEqual(routed.targets.leaving, []);
    routed.backends();
    assert.deepEqual([routed.targets.leaving, two.isLeaving], [[one], true]);
    one.active = 0;
    assert.deepEqual(routed.targets.leaving, []);
  });

  test('keep their counters over a change of how they lead to the service', () => {
    const routed = new Routed();
    routed.set(WEB, { ...WEB, path: '/api' });
    const before = routed.routes.find('web.example.org', '/');
    const api = routed.routes.find('web.example.org', '/api');
    routed.set({ ...WEB, rewrite: '/x' }, { ...WEB, path: '/api' });
    const after = routed.routes.find('web.example.org', '/');
    assert.notEqual(after, before);
    assert.equal(after?.counters, before?.counters);
    assert.equal(routed.routes.find('web.example.org', '/api'), api);
  });

  test('know the hosts with one route for all paths', () => {
    const routed = new Routed();
    routed.set(WEB, { ...WEB, host: '*.example.org' }, { ...WEB, host: 'a.b' }, { ...WEB, host: 'a.b', path: '/x' });
    assert.equal(routed.routes.soleRoute('web.example.org'), routed.routes.find('web.example.org', '/'));
    assert.equal(routed.routes.soleRoute('a.b'), undefined);
    assert.equal(routed.routes.soleRoute('*.example.org'), undefined);
    assert.equal(routed.routes.find('c.example.org', '/')?.route.host, '*.example.org');
  });

  test('ends what is under way at a task that is gone, and lets a task that drains end by itself', () => {
    const routed = new Routed();
    routed.backends(ONE, TWO);
    routed.set(WEB);
    for (const target of routed.of('web.example.org')) target.active = 1;
    routed.draining([TWO]);
    const sweep = (now: number): void => {
      routed.now = now;
      routed.targets.sweep(now);
    };
    sweep(GONE_PATIENCE - 1);
    assert.deepEqual(routed.gone, []);
    sweep(GONE_PATIENCE);
    assert.deepEqual([routed.gone, routed.targets.leaving.map(({ name }) => name)], [['web.1.x 80'], ['web.2.y']]);
    // Its record goes, too, and comes back in between.
    routed.draining([]);
    sweep(2 * GONE_PATIENCE - 1);
    routed.draining([TWO]);
    sweep(3 * GONE_PATIENCE);
    routed.draining([]);
    sweep(4 * GONE_PATIENCE - 1);
    assert.deepEqual(routed.gone, ['web.1.x 80']);
    sweep(4 * GONE_PATIENCE);
    assert.deepEqual(routed.gone, ['web.1.x 80', 'web.2.y 80']);
    // A change of the routes alone doesn't end anything.
    routed.backends(ONE);
    const [again] = routed.of('web.example.org');
    again.active = 1;
    routed.set();
    sweep(9 * GONE_PATIENCE);
    assert.equal(routed.gone.length, 2);
  });

  test('lead to the virtual IP where they say so, and to the tasks of a service without one', () => {
    const routed = new Routed();
    routed.backends(ONE);
    routed.set({ ...WEB, mode: BackendMode.Vip });
    assert.deepEqual(
      routed.of('web.example.org').map(({ host, name }) => [host, name]),
      [['10.0.9.2', 'web']],
    );
    routed.targets.set({ service: 'web', network: 'n', vip: undefined, tasks: [ONE], draining: [] });
    assert.deepEqual(
      routed.of('web.example.org').map(({ host }) => host),
      ['10.0.9.3'],
    );
  });

  test('takes all targets back in when they are reached another way, whatever was begun before', () => {
    const routed = new Routed();
    routed.backends(ONE, TWO);
    routed.set(WEB);
    const [one, two] = routed.of('web.example.org');
    for (const now of [0, 2000, 5000]) one.failed(now);
    routed.targets.forgetFailures(6000);
    assert.deepEqual([one.failures, one.downUntil], [0, 0]);
    two.failed(6001, 5999);
    assert.equal(two.downUntil, 0);
    two.failed(6002, 6001);
    assert.equal(two.downUntil, 7002);
  });
});
