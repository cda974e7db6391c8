import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { LiveError, type TapOptions } from '../../../src/live/index.js';
import { linux } from '../../../src/live/system/linux.js';
import { TapMaker } from '../../../src/live/tap/tap-maker.js';
import { parseMac } from '../../../src/wire/index.js';
import { NamespaceBench } from '../namespaces/namespace-bench.js';
import type { NetworkNamespace } from '../namespaces/network-namespace.js';
import { requirements } from '../namespaces/requirements.js';

/** How long a test waits for something certain, in milliseconds. */
const PATIENCE = 20_000;

function taps(namespace: NetworkNamespace): string[] {
  return namespace.ip('-brief link show').match(/^t\d+/gm) ?? [];
}

async function until(isSo: () => boolean, what: string): Promise<void> {
  for (let waited = 0; !isSo(); waited += 20) {
    assert.ok(waited < PATIENCE, what);
    await sleep(20);
  }
}

describe('the thread that creates TAP devices', { skip: requirements() }, () => {
  const bench = new NamespaceBench();
  let inside: NetworkNamespace;
  const maker = new TapMaker();
  const options = (device: string): TapOptions => ({
    device,
    netns: inside.name,
    mac: parseMac('02:42:0a:00:09:03'),
    mtu: 1450,
  });
  before(() => (inside = bench.namespace('maker')));
  after(() => {
    maker.close();
    bench.close();
  });

  test('creates and closes them without a blocking call in this thread', async () => {
    const called: string[] = [];
    const own = Object.assign({}, linux());
    // A move writes to a netlink socket, entering a namespace calls setns, and creating a device calls ioctl.
    for (const name of ['setns', 'ioctl', 'write', 'close'] as const) {
      Object.assign(linux(), {
        [name]: (...words: number[]) => {
          called.push(name);
          return own[name](...words);
        },
      });
    }
    try {
      const device = await maker.make(options('t1'));
      assert.deepEqual(taps(inside), ['t1']);
      device.close();
      await until(() => taps(inside).length === 0, 'it is closed');
      assert.deepEqual(called, []);
    } finally {
      Object.assign(linux(), own);
    }
  });

  test('closes a device before it creates another with that name', async () => {
    for (let i = 0; i < 3; i++) {
      const device = await maker.make(options('t2'));
      device.close();
    }
    await until(() => taps(inside).length === 0, 'all are closed');
  });

  test('reports why one can’t be created, and continues', async () => {
    const { code, message } = await maker.make({ ...options('t3'), netns: 'none-such' }).then(
      () => assert.fail('it was made'),
      (error: unknown) => error as LiveError,
    );
    assert.equal(code, 'NOT_THERE');
    assert.match(message, /^there is no network namespace "none-such"/);
    (await maker.make(options('t3'))).close();
  });

  test('is restarted after it died of an invalid request', async () => {
    const dying = new TapMaker();
    const bad = { ...options('t9'), mac: undefined as unknown as Uint8Array };
    const outcomes = await Promise.allSettled([dying.make(bad), dying.make(options('t10'))]);
    for (const outcome of outcomes) {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof LiveError);
      assert.match(outcome.reason.message, /^can't create TAP devices: ./);
    }
    const device = await dying.make(options('t11'));
    dying.close();
    device.close();
    assert.deepEqual(taps(inside), []);
  });

  test('leaves no requested device after close, and accepts no further requests', async () => {
    const closing = new TapMaker();
    const orders = ['t4', 't5', 't6'].map((device) => closing.make(options(device)));
    closing.close();
    const outcomes = await Promise.allSettled([...orders, closing.make(options('t7'))]);
    for (const outcome of outcomes) {
      assert.ok(outcome.status === 'rejected' && outcome.reason instanceof LiveError);
    }
    await until(() => taps(inside).length === 0, 'none is left');
  });

  test('closes devices immediately once it is closed itself', async () => {
    const closing = new TapMaker();
    const device = await closing.make(options('t8'));
    closing.close();
    device.close();
    assert.deepEqual(taps(inside), []);
  });
});
