import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MemoryStore, type StoreChange, StoreError, type StoreSnapshot } from '../../../src/fleet/index.js';
import { readStore } from '../../../src/fleet/store/store-reader.js';
import { bytes, line } from './changes.js';

/** A store whose watches report and fail what the test says, before what they see. */
class TroubledStore extends MemoryStore {
  readonly #troubles = new Map<string, (change: StoreChange | StoreError) => void>();

  override async *watch(
    ...[prefix, revision, options]: Parameters<MemoryStore['watch']>
  ): AsyncGenerator<StoreChange, void> {
    const changes = super.watch(prefix, revision, options);
    let next = changes.next();
    for (;;) {
      const trouble = new Promise<StoreChange | StoreError>((resolve) => this.#troubles.set(prefix, resolve));
      const first = await Promise.race([trouble.then((what) => ({ what })), next.then((result) => ({ result }))]);
      if ('what' in first) {
        if (first.what instanceof StoreError) throw first.what;
        yield first.what;
        continue;
      }
      if (first.result.done === true) return;
      yield first.result.value;
      next = changes.next();
    }
  }

  trouble(prefix: string, what: StoreChange | StoreError): void {
    this.#troubles.get(prefix)?.(what);
  }
}

interface Reading {
  readonly lines: string[];
  /** Resolves when a line says this. */
  readonly said: (line: string) => Promise<void>;
  readonly end: () => Promise<void>;
}

function read(store: MemoryStore, prefixes: readonly string[]): Reading {
  const lines: string[] = [];
  const ending = new AbortController();
  let wake = (): void => undefined;
  const say = (text: string): void => {
    lines.push(text);
    wake();
  };
  const snapshot = ({ records, revision }: StoreSnapshot): void =>
    say(`snapshot ${records.map(({ key }) => key).join()} @${revision}`);
  const listener = { snapshot, change: (change: StoreChange) => say(line(change)), failed: () => say('failed') };
  const reading = readStore(store, prefixes, listener, ending.signal);
  return {
    lines,
    said: async (text) => {
      while (!lines.includes(text)) await new Promise<void>((resolve) => (wake = resolve));
    },
    end: async () => {
      ending.abort();
      await reading;
    },
  };
}

const PREFIXES = ['nodes/', 'networks/', 'leader'];

test('several prefixes are read as one, and nothing else is', async () => {
  const store = new MemoryStore();
  for (const key of ['nodes/a', 'leases/a', 'leader', 'leaders', 'networks/web']) await store.put(key, bytes('1'));
  const { lines, said, end } = read(store, PREFIXES);
  await said('snapshot nodes/a,networks/web,leader @5');
  await store.put('leases/a', bytes('2'));
  await store.put('leader', bytes('2'));
  await said('put leader=2 @7');
  await store.delete('nodes/a', 1);
  await said('delete nodes/a @8');
  await end();
  assert.equal(lines.length, 3);
});

test('the connection is lost with the first watch that loses it, and back with the last one', async () => {
  const store = new TroubledStore();
  const { lines, said, end } = read(store, PREFIXES);
  await said('snapshot  @0');
  const tell = async (prefix: string, kind: 'lost' | 'resumed'): Promise<void> => {
    store.trouble(prefix, { kind });
    const revision = await store.put(`${prefix}${prefix.endsWith('/') ? 'x' : ''}`, bytes(kind));
    await said(`put ${prefix}${prefix.endsWith('/') ? 'x' : ''}=${kind} @${revision}`);
  };
  await tell('nodes/', 'lost');
  await tell('leader', 'lost');
  await tell('nodes/', 'resumed');
  await tell('leader', 'resumed');
  await end();
  assert.deepEqual(
    lines.map((text) => text.replace(/=.*/, '')),
    ['snapshot  @0', 'lost', 'put nodes/x', 'put leader', 'put nodes/x', 'resumed', 'put leader'],
  );
});

test('when one watch fails, all begin again with a snapshot', async () => {
  const store = new TroubledStore();
  await store.put('nodes/a', bytes('1'));
  const { lines, said, end } = read(store, PREFIXES);
  await said('snapshot nodes/a @1');
  await store.put('networks/b', bytes('1'));
  await said('put networks/b=1 @2');
  store.trouble('nodes/', new StoreError('RESET', 'it went back'));
  await said('snapshot nodes/a,networks/b @2');
  await store.put('leader', bytes('1'));
  await said('put leader=1 @3');
  await end();
  assert.equal(lines.filter((text) => text === 'failed').length, 1);
  assert.equal(lines.filter((text) => text.startsWith('put leader')).length, 1, 'no watch of before goes on');
});

test('it ends with the store', async () => {
  const store = new MemoryStore();
  const { said, end } = read(store, PREFIXES);
  await said('snapshot  @0');
  await store.close();
  await end();
});

/** A store that fails its first snapshots. */
class FailingStore extends MemoryStore {
  override readonly connected: boolean;
  #failures: number;

  constructor(failures: number, connected: boolean) {
    super();
    this.#failures = failures;
    this.connected = connected;
  }

  override async snapshot(prefix: string): Promise<StoreSnapshot> {
    if (this.#failures-- > 0) throw new StoreError('UNAVAILABLE', 'no answer');
    return super.snapshot(prefix);
  }
}

/** Reads one prefix until a snapshot is there, and once more. @returns the pauses, in milliseconds */
async function pauses(store: MemoryStore, random: number): Promise<number[]> {
  const ending = new AbortController();
  const waited: number[] = [];
  let snapshots = 0;
  const listener = {
    snapshot: () => {
      if (++snapshots === 2) ending.abort();
      else void store.put('a', bytes('1'));
    },
    // Ends the watch.
    change: () => {
      throw new StoreError('RESET', 'a test');
    },
    failed: () => undefined,
  };
  const pause = (milliseconds: number): Promise<void> => {
    waited.push(milliseconds);
    return Promise.resolve();
  };
  await readStore(store, [''], listener, ending.signal, { pause, random: () => random });
  return waited;
}

test('a server that fails is asked again less and less often, at random, and soon after it gave a snapshot', async () => {
  const doubled = [250, 500, 1000, 2000, 4000, 4000];
  assert.deepEqual(await pauses(new FailingStore(6, true), 0), [...doubled, 250]);
  assert.deepEqual(await pauses(new FailingStore(2, true), 0.5), [375, 750, 375]);
});

test('without a connection the next attempt stays as near: it costs the server nothing', async () => {
  assert.deepEqual(await pauses(new FailingStore(5, false), 0), [250, 250, 250, 250, 250, 250]);
});
