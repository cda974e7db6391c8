import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { VtepError } from '../../../src/error.js';
import {
  decodeLease,
  encodeLease,
  Leader,
  LEADER,
  type LeaderDuty,
  type LeaderEvent,
  type Leadership,
  MemoryStore,
  type Store,
  StoreCompaction,
  StoreError,
} from '../../../src/fleet/index.js';

const DURATION = 3000;

class Clock {
  time = 0;
  readonly read = (): number => this.time;
}

interface Candidate {
  readonly leader: Leader;
  readonly events: LeaderEvent[];
}

function candidate(store: Store, clock: Clock, id: number, duties: readonly LeaderDuty[] = []): Candidate {
  const events: LeaderEvent[] = [];
  const leader = new Leader(store, {
    node: `node-${id}`,
    token: new Uint8Array(16).fill(id),
    duration: DURATION,
    clock: clock.read,
    duties,
    onEvent: (event) => events.push(event),
  });
  return { leader, events };
}

async function turns(clock: Clock, milliseconds: number, ...all: readonly Candidate[]): Promise<void> {
  for (const end = clock.time + milliseconds; clock.time < end; clock.time += 100) {
    for (const { leader } of all) await leader.turn();
  }
}

const kinds = ({ events }: Candidate): string[] => events.map(({ kind }) => kind);

describe('the leader', () => {
  test('is the first of several, and stays it while it renews its lease', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    const [a, b] = [candidate(store, clock, 1), candidate(store, clock, 2)];
    await turns(clock, 10 * DURATION, a, b);
    assert.deepEqual([a.leader.leads, b.leader.leads], [true, false]);
    assert.deepEqual([kinds(a), kinds(b)], [['elected'], []]);
    assert.deepEqual([a.leader.holder, b.leader.holder], ['node-1', 'node-1']);
  });

  test('gives a duty its turns while another takes its time', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    let [long, short] = [0, 0];
    let end: () => void = () => undefined;
    const slow: LeaderDuty = { name: 'slow', turn: () => (long++, new Promise((resolve) => (end = resolve))) };
    const quick: LeaderDuty = { name: 'quick', turn: () => Promise.resolve(void short++) };
    const { leader } = candidate(store, clock, 1, [slow, quick]);
    const first = leader.turn();
    for (let i = 0; i < 4; i++) await leader.turn();
    assert.equal(long, 1);
    assert.ok(short >= 4, `${short} turns`);
    end();
    await first;
  });

  test('stops by itself when its lease is over, before another takes over, whose term has a higher revision', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    const [a, b] = [candidate(store, clock, 1), candidate(store, clock, 2)];
    await turns(clock, DURATION, a, b);
    const silent = clock.time;
    while (!b.leader.leads) {
      await turns(clock, 100, b);
      assert.ok(!(a.leader.leads && b.leader.leads));
      assert.ok(clock.time - silent <= 2 * DURATION + 100, 'without a watch, it sees the last renewal late');
    }
    const [first, second] = [a.events[0], b.events[0]];
    assert.ok(first.kind === 'elected' && second.kind === 'elected' && second.revision > first.revision);
    await turns(clock, 200, a, b);
    assert.deepEqual([kinds(a), a.leader.holder], [['elected', 'lost'], 'node-2']);
  });

  test('gives the lease up at once when it is released, and never takes it again', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    const [a, b] = [candidate(store, clock, 1), candidate(store, clock, 2)];
    await turns(clock, 100, a, b);
    await a.leader.release();
    b.leader.observe({ kind: 'delete', key: LEADER, revision: 2 });
    await turns(clock, 100, a, b);
    assert.deepEqual([a.leader.leads, b.leader.leads], [false, true]);
    await a.leader.release();
    assert.equal(b.leader.leads, true);
  });

  test('takes its own lease up again without waiting, as after a renewal without an answer', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    const a = candidate(store, clock, 1);
    await turns(clock, 100, a);
    clock.time += DURATION;
    assert.equal(a.leader.leads, false);
    await a.leader.turn();
    await a.leader.turn();
    assert.equal(a.leader.leads, true);
    assert.deepEqual(kinds(a), ['elected', 'lost', 'elected']);
  });

  test('gives a lease its whole duration again after an outage', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    const [a, b] = [candidate(store, clock, 1), candidate(store, clock, 2)];
    await turns(clock, 1000, a, b);
    clock.time += DURATION - 500;
    b.leader.observe({ kind: 'lost' });
    b.leader.observe({ kind: 'resumed' });
    await turns(clock, DURATION, b);
    assert.equal(b.leader.leads, false);
    await turns(clock, 200, b);
    assert.equal(b.leader.leads, true);
  });

  test('comes after what is no lease has been there for a duration', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    await store.put(LEADER, new TextEncoder().encode('\u001b[2Jnobody'));
    const a = candidate(store, clock, 1);
    await turns(clock, DURATION, a);
    assert.equal(a.leader.leads, false);
    await turns(clock, 200, a);
    assert.equal(a.leader.leads, true);
  });

  test('has a name without control characters, whatever the record says', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    const value = new TextEncoder().encode(`\u001b[2J${'x'.repeat(1000)}`);
    await store.put(LEADER, encodeLease({ duration: DURATION, token: new Uint8Array(16), value }));
    const a = candidate(store, clock, 1);
    await a.leader.turn();
    assert.match(a.leader.holder ?? '', /^\\u001b\[2Jx{1,128}$/);
  });

  test('has the lease in the store under its name and token', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    await candidate(store, clock, 7).leader.turn();
    const lease = decodeLease((await store.get(LEADER))?.value ?? new Uint8Array());
    assert.equal(new TextDecoder().decode(lease?.value), 'node-7');
    assert.deepEqual(lease?.token, new Uint8Array(16).fill(7));
  });
});

describe('a duty', () => {
  test('has its turns only while its node leads', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    const seen: string[] = [];
    const duty = (name: string): LeaderDuty => ({ name, turn: () => Promise.resolve(void seen.push(name)) });
    const a = candidate(store, clock, 1, [duty('a1'), duty('a2')]);
    const b = candidate(store, clock, 2, [duty('b')]);
    await turns(clock, 200, a, b);
    assert.deepEqual(seen, ['a1', 'a2', 'a1', 'a2']);
  });

  test('that fails is reported, and keeps no other from its turn; a bug is thrown', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    const failure = new StoreError('UNAVAILABLE', 'no');
    let worked = 0;
    const bad = { name: 'bad', turn: (): Promise<void> => Promise.reject(failure) };
    const a = candidate(store, clock, 1, [bad, { name: 'good', turn: () => Promise.resolve(void worked++) }]);
    await a.leader.turn();
    assert.equal(worked, 1);
    assert.deepEqual(a.events[1], { kind: 'failed', duty: 'bad', error: failure });
    const bug = { name: 'bug', turn: (): Promise<void> => Promise.reject(new TypeError('bug')) };
    await assert.rejects(candidate(new MemoryStore(), clock, 1, [bug]).leader.turn(), TypeError);
  });

  test('may take longer than the lease: turns renew it meanwhile, and start no second one', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    let finish = (): void => undefined;
    let begun = 0;
    const turn = (): Promise<void> => {
      begun++;
      return new Promise((done) => (finish = done));
    };
    const a = candidate(store, clock, 1, [{ name: 'long', turn }]);
    const long = a.leader.turn();
    await turns(clock, 100, candidate(store, clock, 2));
    await turns(clock, 3 * DURATION, a, candidate(store, clock, 2));
    assert.deepEqual([begun, a.leader.leads], [1, true]);
    finish();
    await long;
  });

  test('may not write once the term is over, nor in a later term', async () => {
    const [store, clock] = [new MemoryStore(), new Clock()];
    const terms: Leadership[] = [];
    const a = candidate(store, clock, 1, [{ name: 'each', turn: (term) => Promise.resolve(void terms.push(term)) }]);
    await a.leader.turn();
    terms[0].check();
    clock.time += DURATION;
    assert.throws(() => terms[0].check(), { code: 'NOT_LEADER' });
    await a.leader.turn();
    await a.leader.turn();
    assert.throws(() => terms[0].check(), { code: 'NOT_LEADER' });
    terms[1].check();
    assert.ok(terms[1].revision > terms[0].revision);
    await a.leader.release();
    assert.throws(() => terms[1].check(), { code: 'NOT_LEADER' });
  });

  test('sees every change, whether its node leads or not', () => {
    const seen: string[] = [];
    const duty = { name: 'x', turn: () => Promise.resolve(), observe: ({ kind }: { kind: string }) => seen.push(kind) };
    const { leader } = candidate(new MemoryStore(), new Clock(), 1, [duty]);
    leader.observe({ kind: 'put', key: 'nodes/a', value: new Uint8Array(), revision: 1 });
    leader.observe({ kind: 'lost' });
    assert.deepEqual(seen, ['put', 'lost']);
  });

  test('whose election fails is reported with its code', async () => {
    const store = new MemoryStore();
    const a = candidate(store, new Clock(), 1);
    await store.close();
    await a.leader.turn();
    const [event] = a.events;
    assert.ok(event.kind === 'failed' && event.error instanceof VtepError);
    assert.deepEqual([event.duty, event.error.code], ['election', 'CLOSED']);
  });
});

describe('compaction', () => {
  /** A store with one deletion at revision 2, seen by the duty. */
  async function deleted(clock: Clock): Promise<{ store: MemoryStore; duty: StoreCompaction }> {
    const store = new MemoryStore();
    const duty = new StoreCompaction(store, { clock: clock.read });
    await store.put('a', new Uint8Array());
    await store.delete('a', 1);
    duty.observe({ kind: 'delete', key: 'a', revision: 2 });
    return { store, duty };
  }

  async function canResume(store: MemoryStore): Promise<boolean> {
    const signal = AbortSignal.abort();
    try {
      for await (const change of store.watch('', 1, { signal })) assert.fail(change.kind);
      await store.put('b', new Uint8Array());
      for await (const { kind } of store.watch('', 1)) if (kind === 'put') break;
      return true;
    } catch (error) {
      assert.ok(error instanceof StoreError && error.code === 'COMPACTED');
      return false;
    }
  }

  test('keeps deletions for an hour at least, and two at most', async () => {
    const clock = new Clock();
    const { store, duty } = await deleted(clock);
    clock.time = 3_599_000;
    await duty.turn();
    assert.equal(await canResume(store), true);
    duty.observe({ kind: 'put', key: 'b', value: new Uint8Array(), revision: 3 });
    clock.time = 3_600_000;
    await duty.turn();
    assert.equal(await canResume(store), false);
  });

  test('begins again with a store that was made anew', async () => {
    const clock = new Clock();
    const { store, duty } = await deleted(clock);
    duty.observe({ kind: 'put', key: 'b', value: new Uint8Array(), revision: 1000 });
    clock.time = 3_600_000;
    await duty.turn();
    assert.equal(await canResume(store), true);
    clock.time += 3_600_000;
    await duty.turn();
    clock.time += 3_600_000;
    await duty.turn();
    assert.equal(await canResume(store), false);
  });
});
