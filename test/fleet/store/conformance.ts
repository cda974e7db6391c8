/** What every store promises. Each adapter's test runs it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Store, type StoreChange } from '../../../src/fleet/index.js';
import { allLines, bytes, codes, line, next, watched } from './changes.js';
import { leaseConformance } from './lease-conformance.js';

/** Two connections to one new, empty store; one object twice if it has no connections. */
export type OpenPair = () => Promise<readonly [Store, Store]>;

export function storeConformance(name: string, open: OpenPair, skip: string | false): void {
  const rule = (
    title: string,
    body: (one: Store, two: Store, say: (figure: string) => void) => Promise<void>,
  ): void => {
    test(`${name}: ${title}`, { skip }, async (context) => {
      const [one, two] = await open();
      try {
        await body(one, two, (figure) => context.diagnostic(`${name}: ${figure}`));
      } finally {
        await Promise.all([one.close(), two.close()]);
      }
    });
  };

  rule('what one writes the other reads, as a copy', async (one, two) => {
    const value = bytes('192.168.50.1');
    const revision = await one.put('nodes/alpha', value);
    value.fill(0);
    const record = await two.get('nodes/alpha');
    assert.deepEqual(
      { ...record, value: Buffer.from(record?.value ?? []).toString() },
      {
        key: 'nodes/alpha',
        value: '192.168.50.1',
        revision,
      },
    );
    record?.value.fill(0);
    assert.equal(Buffer.from((await one.get('nodes/alpha'))?.value ?? []).toString(), '192.168.50.1');
    assert.equal(await two.get('nodes/beta'), undefined);
  });

  rule('of ten that create one key, one succeeds', async (one, two) => {
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? one : two).put('leader', bytes(`${index}`), { revision: 0 }),
      ),
    );
    assert.deepEqual(codes(results).sort(), [...Array<string>(9).fill('CONFLICT'), 'done']);
  });

  rule('of ten that update one revision, one succeeds', async (one, two) => {
    const revision = await one.put('ipam/web', bytes('10.0.1.2'));
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, (_, index) =>
        (index % 2 ? one : two).put('ipam/web', bytes(`${index}`), { revision }),
      ),
    );
    assert.deepEqual(codes(results).sort(), [...Array<string>(9).fill('CONFLICT'), 'done']);
    const winner = results.findIndex(({ status }) => status === 'fulfilled');
    assert.equal(Buffer.from((await one.get('ipam/web'))?.value ?? []).toString(), `${winner}`);
  });

  rule('concurrent counters that retry on CONFLICT lose no increment', async (one, two) => {
    await one.put('counter', bytes('0'));
    const increment = async (store: Store): Promise<void> => {
      for (;;) {
        const record = await store.get('counter');
        assert.ok(record);
        const sum = bytes(`${Number(Buffer.from(record.value).toString()) + 1}`);
        try {
          await store.put('counter', sum, { revision: record.revision });
          return;
        } catch (error) {
          assert.equal((error as { code: string }).code, 'CONFLICT');
        }
      }
    };
    await Promise.all(Array.from({ length: 20 }, (_, index) => increment(index % 2 ? one : two)));
    assert.equal(Buffer.from((await one.get('counter'))?.value ?? []).toString(), '20');
  });

  rule('a deletion needs the current revision; the key can be created again', async (one, two) => {
    const first = await one.put('a', bytes('1'));
    const second = await one.put('a', bytes('2'));
    await assert.rejects(two.delete('a', first), { code: 'CONFLICT' });
    await assert.rejects(two.delete('absent', first), { code: 'CONFLICT' });
    await assert.rejects(two.delete('absent', 0), { code: 'CONFLICT' });
    await two.delete('a', second);
    assert.equal(await one.get('a'), undefined);
    await assert.rejects(one.put('a', bytes('3'), { revision: second }), { code: 'CONFLICT' });
    const third = await one.put('a', bytes('3'), { revision: 0 });
    assert.ok(third > second + 1);
    await assert.rejects(one.put('a', bytes('4'), { revision: 0 }), { code: 'CONFLICT' });
    assert.deepEqual(await watched(two, '', 0, 1), [`put a=3 @${third}`]);
  });

  rule(
    'a snapshot has the records of its prefix only, and a watch from it misses and repeats nothing',
    async (one, two) => {
      await one.put('nodes/a', bytes('1'));
      const gone = await one.put('nodes/b', bytes('1'));
      await one.put('nodesx/a', bytes('1'));
      await one.put('nodes', bytes('1'));
      await one.delete('nodes/b', gone);
      await one.put('other', bytes('1'));
      const { revision, records } = await two.snapshot('nodes/');
      assert.deepEqual(
        records.map((record) => line({ kind: 'put', ...record })),
        ['put nodes/a=1 @1'],
      );
      const changes = two.watch('nodes/', revision)[Symbol.asyncIterator]();
      const third = await one.put('nodes/c', bytes('1'));
      assert.deepEqual(await next(changes, 1), [`put nodes/c=1 @${third}`]);
      await one.put('nodesx/b', bytes('1'));
      await one.delete('nodes/c', third);
      assert.deepEqual(await next(changes, 1), [`delete nodes/c @${third + 2}`]);
      await changes.return?.();
      const all = await one.snapshot('');
      assert.deepEqual(
        all.records.map(({ key }) => key),
        ['nodes/a', 'nodesx/a', 'nodes', 'other', 'nodesx/b'],
      );
      assert.equal(all.revision, third + 2);
    },
  );

  rule('a snapshot and a watch of one key have no other', async (one, two) => {
    for (const key of ['leader', 'leader/a', 'leaders', 'a/leader']) await one.put(key, bytes('1'));
    const { revision, records } = await two.snapshot('leader');
    assert.deepEqual([revision, records.map(({ key }) => key)], [4, ['leader']]);
    await one.put('leader/a', bytes('2'));
    await one.put('leader', bytes('2'));
    assert.deepEqual(await watched(two, 'leader', revision, 1), ['put leader=2 @6']);
  });

  rule('an empty store has an empty snapshot, from which a watch begins', async (one, two) => {
    const { revision, records } = await two.snapshot('nodes/');
    assert.deepEqual(records, []);
    await one.put('nodes/a', bytes('1'));
    assert.deepEqual(await watched(two, 'nodes/', revision, 1), ['put nodes/a=1 @1']);
  });

  rule('a watch reports deletions made before it began', async (one, two) => {
    const first = await one.put('a', bytes('1'));
    await one.put('b', bytes('1'));
    await one.delete('a', first);
    assert.deepEqual(await watched(two, '', first, 2), ['put b=1 @2', 'delete a @3']);
  });

  rule(
    'while others write, a snapshot and its watch give the final state, each revision at most once',
    async (one, two) => {
      const write = async (): Promise<void> => {
        for (let index = 0; index < 300; index++) await one.put(`k/${index % 50}`, bytes(`${index}`));
        await one.put('k/end', bytes('end'));
      };
      const writing = write();
      const { revision, records } = await two.snapshot('k/');
      const state = new Map(records.map(({ key, value }) => [key, Buffer.from(value).toString()]));
      let last = revision;
      assert.ok(records.every((record) => record.revision <= revision));
      for await (const change of two.watch('k/', revision)) {
        assert.equal(change.kind, 'put');
        assert.ok('revision' in change && change.revision > last);
        last = change.revision;
        if (change.kind === 'put') state.set(change.key, Buffer.from(change.value).toString());
        if (change.key === 'k/end') break;
      }
      await writing;
      const final = await one.snapshot('k/');
      assert.deepEqual(state, new Map(final.records.map(({ key, value }) => [key, Buffer.from(value).toString()])));
    },
  );

  rule('a slow watcher may miss superseded changes, never the last of a key', async (one, two) => {
    const changes = two.watch('', 0)[Symbol.asyncIterator]();
    await one.put('first', bytes('1'));
    assert.deepEqual(await next(changes, 1), ['put first=1 @1']);
    // More than a watch takes at a time, while nobody reads.
    for (let round = 0; round < 6; round++) {
      await Promise.all(Array.from({ length: 100 }, (_, index) => one.put(`k/${index}`, bytes(`${round}`))));
    }
    await one.put('end', bytes('1'));
    const state = new Map<string, string>();
    let last = 1;
    for (;;) {
      const { value } = (await changes.next()) as { value: StoreChange };
      assert.equal(value.kind, 'put');
      assert.ok('revision' in value && value.revision > last);
      last = value.revision;
      if (value.key === 'end') break;
      if (value.kind === 'put') state.set(value.key, Buffer.from(value.value).toString());
    }
    await changes.return?.();
    assert.equal(state.size, 100);
    assert.deepEqual([...new Set(state.values())], ['5']);
  });

  rule('an aborted signal and close() end a watch', async (one, two) => {
    const ended = AbortSignal.abort();
    assert.deepEqual(await allLines(two.watch('', 0, { signal: ended })), []);
    const controller = new AbortController();
    const aborted = allLines(two.watch('', 0, { signal: controller.signal }));
    const closed = allLines(one.watch('', 0));
    const revision = await one.put('a', bytes('1'));
    assert.equal(revision, 1);
    controller.abort();
    await aborted;
    await one.close();
    await closed;
    await assert.rejects(one.get('a'), { code: 'CLOSED' });
    await assert.rejects(one.put('a', bytes('2')), { code: 'CLOSED' });
    await one.close();
  });

  rule('after compaction, who resumes from before it gets COMPACTED, and others go on', async (one, two) => {
    const first = await one.put('a', bytes('1'));
    const second = await one.put('b', bytes('1'));
    await one.delete('a', first);
    const { revision } = await one.snapshot('');
    await two.compact(revision);
    await assert.rejects(watched(one, '', second, 1), { code: 'COMPACTED' });
    const after = await one.put('a', bytes('2'), { revision: 0 });
    assert.deepEqual(await watched(one, '', revision, 1), [`put a=2 @${after}`]);
    assert.deepEqual(await watched(one, '', 0, 2), ['put b=1 @2', `put a=2 @${after}`]);
    await two.compact(first);
    assert.deepEqual(await watched(one, '', revision, 1), [`put a=2 @${after}`]);
  });

  rule('a revision that the store has not reached is RESET', async (one, two) => {
    const revision = await one.put('a', bytes('1'));
    await assert.rejects(watched(two, '', revision + 10, 1), { code: 'RESET' });
  });

  rule('bad keys and prefixes are refused before anything is sent', async (one) => {
    const bad = [
      '',
      '/',
      'a/',
      '/a',
      'a//b',
      'a b',
      'a*',
      '>',
      'a.>',
      'é',
      'a\n',
      'a\u0000',
      '=compacted',
      'a=b',
      '$KV',
      'x'.repeat(256),
    ];
    for (const key of [...bad, 'a/'.repeat(16) + 'a']) {
      await assert.rejects(one.get(key), { code: 'BAD_KEY' }, key);
      await assert.rejects(one.put(key, bytes('1')), { code: 'BAD_KEY' }, key);
      await assert.rejects(one.delete(key, 1), { code: 'BAD_KEY' }, key);
    }
    for (const prefix of ['/', 'a//', '/a', 'a b', '>/', '*/', '=/', `${'x'.repeat(255)}/`]) {
      await assert.rejects(one.snapshot(prefix), { code: 'BAD_KEY' }, prefix);
      await assert.rejects(watched(one, prefix, 0, 1), { code: 'BAD_KEY' }, prefix);
    }
    assert.deepEqual((await one.snapshot('')).records, []);
  });

  rule('keys with every allowed character, and the longest, come back as they were', async (one, two) => {
    const keys = ['a.b/c.d', '.', '..', '-/_/.', 'AZaz09', 'x'.repeat(255), 'a/'.repeat(15) + 'a', 'a/.b', 'a./b'];
    for (const key of keys) await one.put(key, bytes(key));
    const { records } = await two.snapshot('');
    assert.deepEqual(
      records.map(({ key }) => key),
      keys,
    );
    assert.ok(records.every(({ key, value }) => Buffer.from(value).toString() === key));
    assert.deepEqual(
      (await two.snapshot('a/')).records.map(({ key }) => key),
      ['a/'.repeat(15) + 'a', 'a/.b'],
    );
    for (const key of keys) assert.equal((await two.get(key))?.key, key);
  });

  rule('values are any bytes up to 65,536, and one more is TOO_LARGE', async (one, two) => {
    const every = Uint8Array.from({ length: 65_536 }, (_, index) => index ^ (index >> 8));
    const values = [new Uint8Array(0), new Uint8Array(1), bytes('\r\n\r\nMSG 1 2 3\r\n'), every];
    for (const value of values) {
      await one.put('v', value);
      assert.deepEqual(Buffer.from((await two.get('v'))?.value ?? [9]), Buffer.from(value));
    }
    await assert.rejects(one.put('v', new Uint8Array(65_537)), { code: 'TOO_LARGE' });
    assert.equal((await two.snapshot('')).records[0].value.length, 65_536);
  });

  rule('10,000 records are a snapshot, and one more comes by revision', async (one, two, say) => {
    const value = new Uint8Array(200).fill(65);
    for (let at = 0; at < 10_000; at += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, index) => one.put(`endpoints/${at + index}`, value)));
    }
    const start = performance.now();
    const { revision, records } = await two.snapshot('endpoints/');
    say(`snapshot of 10,000 records: ${(performance.now() - start).toFixed(1)} ms`);
    assert.equal(new Set(records.map(({ key }) => key)).size, 10_000);
    await one.put('endpoints/new', bytes('1'));
    const resume = performance.now();
    assert.deepEqual(await watched(two, 'endpoints/', revision, 1), [`put endpoints/new=1 @${revision + 1}`]);
    say(`resume by revision: ${(performance.now() - resume).toFixed(1)} ms`);
  });

  rule('a put reaches a watch', async (one, two, say) => {
    const changes = two.watch('', 0)[Symbol.asyncIterator]();
    const times: number[] = [];
    for (let index = 0; index < 500; index++) {
      const change = changes.next();
      const start = performance.now();
      const revision = await one.put(`k/${index}`, bytes(`${index}`));
      assert.equal(line((await change).value as StoreChange), `put k/${index}=${index} @${revision}`);
      if (index >= 100) times.push(performance.now() - start);
    }
    await changes.return?.();
    times.sort((a, b) => a - b);
    const at = (share: number): string => times[Math.floor(times.length * share)].toFixed(2);
    say(`put to watch: p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`);
  });

  leaseConformance(rule);
}
