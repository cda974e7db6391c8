import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { linux } from '../../../src/live/system/linux.js';
import { Interest, Readiness } from '../../../src/live/system/readiness.js';
import { NativeMemory } from '../../../src/foreign/index.js';
import { withoutSockets } from '../loopback.js';

const NON_BLOCKING = 0o4000;

/** A descriptor that is readable while it isn't zero (eventfd(2)). */
class Counter {
  readonly descriptor = linux().eventfd(0, NON_BLOCKING);
  readonly #number = new NativeMemory(8);

  add(): void {
    this.#number.bytes.fill(0)[0] = 1;
    linux().write(this.descriptor, this.#number.address, 8);
  }

  take(): void {
    linux().read(this.descriptor, this.#number.address, 8);
  }

  close(): void {
    linux().close(this.descriptor);
  }
}

describe('readiness', { skip: withoutSockets() }, () => {
  const open: { close(): void }[] = [];
  after(() => open.forEach((one) => one.close()));

  function watched(): { readiness: Readiness; counter: Counter; calls: number[] } {
    const [readiness, counter, calls] = [new Readiness(), new Counter(), [] as number[]];
    open.push(readiness, counter);
    readiness.add(counter.descriptor, Interest.Readable, () => {
      counter.take();
      calls.push(performance.now());
    });
    return { readiness, counter, calls };
  }

  async function untilCalled(calls: readonly number[], count: number): Promise<void> {
    for (const end = performance.now() + 10_000; calls.length < count && performance.now() < end;) await sleep(1);
    assert.equal(calls.length, count);
  }

  test('calls back for each arrival, after a wait and in quick succession, while timers run', async () => {
    const { counter, calls } = watched();
    for (let i = 1; i <= 100; i++) {
      counter.add();
      await untilCalled(calls, i);
      if (i % 20 === 0) await sleep(30);
    }
  });

  test('reports what is not taken again', async () => {
    const [readiness, counter] = [new Readiness(), new Counter()];
    open.push(readiness, counter);
    let calls = 0;
    readiness.add(counter.descriptor, Interest.Readable, () => {
      if (++calls === 5) counter.take();
    });
    counter.add();
    for (let i = 0; i < 1000 && calls < 5; i++) await sleep(5);
    await sleep(20);
    assert.equal(calls, 5);
  });

  test('forgets a descriptor that is removed, and all when it is closed', async () => {
    const { readiness, counter, calls } = watched();
    readiness.remove(counter.descriptor);
    counter.add();
    await sleep(50);
    assert.equal(calls.length, 0);
    readiness.add(counter.descriptor, Interest.Readable, () => {
      counter.take();
      calls.push(0);
    });
    await untilCalled(calls, 1);
    readiness.close();
    readiness.close();
    counter.add();
    await sleep(50);
    assert.equal(calls.length, 1);
  });

  test('waits for room to write if it is asked to', async () => {
    const { readiness, counter, calls } = watched();
    readiness.change(counter.descriptor, Interest.Writable);
    for (let i = 0; i < 1000 && calls.length === 0; i++) await sleep(5);
    assert.ok(calls.length > 0);
    readiness.remove(counter.descriptor);
  });

  test('closes its descriptors', async () => {
    const before = readdirSync('/proc/self/fd').length;
    const all = Array.from({ length: 5 }, () => new Readiness());
    assert.ok(readdirSync('/proc/self/fd').length >= before + 10);
    for (const one of all) one.close();
    for (let i = 0; i < 400 && readdirSync('/proc/self/fd').length > before; i++) await sleep(25);
    assert.ok(readdirSync('/proc/self/fd').length <= before);
  });

  test('does not keep a process that exits', () => {
    const module = new URL('../../../src/live/system/readiness.js', import.meta.url).href;
    const program = `import('${module}').then(({ Readiness }) => {
      new Readiness();
      setTimeout(() => process.exit(7), 300);
    });`;
    assert.throws(
      () => execFileSync(process.execPath, ['-e', program], { timeout: 20_000 }),
      (error) => (error as { status?: number }).status === 7,
    );
  });
});
