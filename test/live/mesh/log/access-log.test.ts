import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { type Exchange, ExchangeProtocol, Failure } from '../../../../src/live/mesh/exchange.js';
import { AccessLog } from '../../../../src/live/mesh/log/access-log.js';
import { logLine } from '../../../../src/live/mesh/log/log-line.js';
import { LiveRoute } from '../../../../src/live/mesh/routing/live-route.js';
import { RouteCounters } from '../../../../src/live/mesh/routing/route-counters.js';
import { Target } from '../../../../src/live/mesh/routing/target.js';
import { scratch } from '../../../cli/run.js';
import { route } from '../http1/mesh-bench.js';

const LINE = `${JSON.stringify({ path: '/' })}\n`;
const FOLDER = scratch();

const EXCHANGE: Exchange = {
  client: { address: '192.0.2.1', port: 4000, localAddress: '192.0.2.2', localPort: 80, isTrusted: false },
  protocol: ExchangeProtocol.Http11,
  method: 'GET',
  host: 'a.example.org',
  path: '/x?y=1',
  route: new LiveRoute(route('a.example.org')),
  target: new Target('10.0.9.3', 8080, 'web.1.x'),
  status: 502,
  bytesIn: 1,
  bytesOut: 2,
  began: 0,
  attempts: 2,
  failure: Failure.Unreachable,
};

/** A log, and what it told. */
function opened(t: TestContext): { readonly log: AccessLog; readonly told: (string | undefined)[] } {
  const told: (string | undefined)[] = [];
  const log = new AccessLog((what) => told.push(what));
  t.after(() => log.close());
  return { log, told };
}

/** Flushes until something is so. */
async function until(log: AccessLog, condition: () => boolean): Promise<void> {
  while (!condition()) {
    log.flush();
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

describe('a line of the access log', () => {
  test('has who asked for what, where it went, and how it ended', () => {
    assert.deepEqual(JSON.parse(logLine(EXCHANGE, 1_700_000_000_000, 1.23456, 'node1')), {
      time: '2023-11-14T22:13:20.000Z',
      client: '192.0.2.1',
      port: 4000,
      protocol: 'HTTP/1.1',
      method: 'GET',
      host: 'a.example.org',
      path: '/x?y=1',
      status: 502,
      service: 'web',
      task: 'web.1.x',
      backend: '10.0.9.3:8080',
      bytesIn: 1,
      bytesOut: 2,
      ms: 1.23,
      attempts: 2,
      failure: 'unreachable',
      node: 'node1',
    });
  });

  test('is printable ASCII, whatever the client sent', () => {
    const path = '/\n\u001b[31m\u007f\u009b\u00e9\u202e"\\';
    const line = logLine({ ...EXCHANGE, path }, 0, 0, 'node1');
    assert.match(line, /^[ -~]+\n$/);
    assert.equal((JSON.parse(line) as { path: string }).path, path);
  });
});

describe('an access log', () => {
  test('appends to its file, and to another of that name once it is told to open it again', async (t) => {
    const path = join(FOLDER, 'access.jsonl');
    const { log, told } = opened(t);
    log.use(path);
    log.add(LINE);
    await until(log, () => log.logged === 1);
    renameSync(path, `${path}.1`);
    log.add(LINE);
    await until(log, () => log.logged === 2);
    log.use(path);
    log.add(LINE);
    await until(log, () => log.logged === 3);
    assert.deepEqual([readFileSync(`${path}.1`, 'utf8'), readFileSync(path, 'utf8')], [LINE + LINE, LINE]);
    assert.deepEqual(told, []);
  });

  test('writes what waits when it is closed', async () => {
    const path = join(FOLDER, 'closed.jsonl');
    const log = new AccessLog(() => undefined);
    log.use(path);
    for (let i = 0; i < 3; i++) log.add(LINE);
    await log.close();
    assert.equal(readFileSync(path, 'utf8'), LINE.repeat(3));
  });

  test('keeps 1 MiB for a file that takes nothing, counts lines beyond, and reports it once', async (t) => {
    if (!existsSync('/dev/full')) {
      t.skip('there is no /dev/full');
      return;
    }
    const { log, told } = opened(t);
    log.use('/dev/full');
    const line = `${'x'.repeat(1023)}\n`;
    for (let i = 0; i < 2100; i++) log.add(line);
    await until(log, () => told.length > 0);
    for (let i = 0; i < 2100; i++) log.add(line);
    assert.deepEqual(told, ["the access log can't be written: the disk is full; lines beyond 1 MiB are dropped"]);
    assert.equal(log.logged, 0);
    assert.ok(log.dropped >= 2100 && log.dropped <= 4200, String(log.dropped));
    const path = join(FOLDER, 'after-full.jsonl');
    log.use(path);
    await until(log, () => log.logged > 0);
    assert.deepEqual(told.slice(1), [undefined]);
    assert.equal(readFileSync(path, 'latin1').slice(0, line.length), line);
  });

  test('waits for no reader of a pipe', async (t) => {
    const path = join(FOLDER, 'pipe');
    execFileSync('mkfifo', [path]);
    const { log, told } = opened(t);
    log.use(path);
    log.add(LINE);
    await until(log, () => told.length > 0);
    assert.deepEqual(told, ["the access log can't be written: nobody reads the pipe; lines beyond 1 MiB are dropped"]);
  });
});

describe('counters of a route', () => {
  test('are by hundreds of the status, reason of failure, and seconds', () => {
    const counters = new RouteCounters();
    const fine = { ...EXCHANGE, status: 200, attempts: 1, failure: undefined };
    counters.add(fine, 3);
    counters.add({ ...fine, status: 204, attempts: 3 }, 5);
    counters.add({ ...fine, status: 502, failure: Failure.Unreachable }, 70);
    counters.add({ ...fine, status: 0, failure: Failure.ClientClosed }, 60_000);
    assert.deepEqual(counters.responses, { none: 1, '2xx': 2, '5xx': 1 });
    assert.deepEqual(counters.failures, { unreachable: 1, 'client-closed': 1 });
    assert.deepEqual([counters.retries, counters.bytesIn, counters.bytesOut], [2, 4, 8]);
    const { bounds, counts, sum } = counters.seconds;
    assert.equal(counts.length, bounds.length + 1);
    assert.deepEqual(
      [bounds[0], counts[0], counts[3], counts[4], counts.at(-2), counts.at(-1)],
      [0.005, 2, 2, 3, 3, 4],
    );
    assert.equal(Math.round(sum * 1000), 60_078);
  });
});
