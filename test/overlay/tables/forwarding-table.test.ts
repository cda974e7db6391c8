import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { hashKeyOf, hashMac } from '../../../src/memory/hash.js';
import { type ForwardingEntry, TargetKind } from '../../../src/overlay/tables/forwarding-entry.js';
import {
  ForwardingTable,
  type ForwardingTableOptions,
  FullPolicy,
  LearnOutcome,
  MAX_TARGET,
} from '../../../src/overlay/tables/forwarding-table.js';
import { formatMac } from '../../../src/wire/index.js';

const SEED = 20261121;
const MAX_VNI = 0xffffff;
const AGEING = 300;

/** A distinct MAC per number. */
function macOf(number: number): Uint8Array {
  const mac = Buffer.alloc(6);
  mac.writeUInt32BE(number >>> 0, 2);
  mac[0] = 0x02;
  return Uint8Array.from(mac);
}

/** Entries as text, by their key as text. */
function contents(table: ForwardingTable): Map<string, string> {
  const entries = [...table];
  const map = new Map(entries.map((entry) => [keyOf(entry.vni, entry.mac), textOf(entry)]));
  assert.equal(map.size, entries.length, 'a duplicate key');
  return map;
}

function keyOf(vni: number, mac: Uint8Array): string {
  return `${vni} ${formatMac(mac)}`;
}

type Held = Pick<ForwardingEntry, 'kind' | 'target' | 'static' | 'seen'>;

function textOf(entry: Held): string {
  return `${entry.kind} ${entry.target} ${entry.static} ${entry.seen}`;
}

/** Tables whose keys collide. */
const HASH_SEED = 7;
const HASH_KEY = hashKeyOf(HASH_SEED, 2);

/** The slot where a table with `HASH_SEED` puts a key, if it is free. */
function homeOf(vni: number, mac: Uint8Array, slots: number): number {
  const view = new DataView(mac.buffer, mac.byteOffset);
  return hashMac(HASH_KEY, view.getInt32(0), view.getUint16(4), vni) >>> Math.clz32(slots - 1);
}

/** Numbers of MACs that all hash to one slot of 64 with `HASH_SEED`. */
function colliding(count: number, home: number): number[] {
  const numbers: number[] = [];
  for (let number = 0; numbers.length < count; number++) {
    if (homeOf(7, macOf(number), 64) === home) numbers.push(number);
  }
  return numbers;
}

interface Step {
  readonly what: 'set' | 'learn' | 'find' | 'delete' | 'flush' | 'sweep' | 'wait' | 'forgetVtep' | 'forgetLearned';
  readonly vni: number;
  readonly mac: number;
  readonly kind: TargetKind;
  readonly target: number;
  readonly seconds: number;
}

/** Steps over some MACs, mostly additions. */
function stepsOver(macs: readonly number[], vnis: readonly number[]): fc.Arbitrary<Step[]> {
  const step = fc.record<Step>({
    what: fc.constantFrom(
      ...(['learn', 'learn', 'learn', 'set', 'find', 'find', 'delete', 'wait', 'flush', 'sweep'] as const),
      ...(['learn', 'set', 'forgetVtep', 'forgetLearned'] as const),
    ),
    vni: fc.constantFrom(...vnis),
    mac: fc.constantFrom(...macs),
    kind: fc.constantFrom(TargetKind.Vtep, TargetKind.Local),
    target: fc.constantFrom(0, 1, 2, MAX_TARGET - 1, MAX_TARGET),
    seconds: fc.integer({ min: 0, max: 200 }),
  });
  return fc.array(step, { minLength: 1, maxLength: 250 });
}

/** The table as a Map; what it can't predict (which old entry is evicted) is copied from the table and checked. */
class Model {
  readonly held = new Map<string, Held>();
  readonly counts = { lookups: 0, hits: 0, learned: 0, moves: 0, aged: 0, evicted: 0, refused: 0, conflicts: 0 };

  constructor(
    readonly table: ForwardingTable,
    readonly limit: number,
    readonly evicts: boolean,
  ) {}

  #stale(entry: Held, now: number): boolean {
    return !entry.static && now - entry.seen > AGEING;
  }

  /** Whether one more entry fits; an evicted entry must be a learned one, and the oldest while there are few. */
  #room(forStatic: boolean, added: string): boolean {
    if (this.held.size < this.limit) return true;
    const learned = [...this.held].filter(([, entry]) => !entry.static);
    if (learned.length === 0 || !(forStatic || this.evicts)) return false;
    const now = contents(this.table);
    const gone = [...this.held].filter(([key]) => !now.has(key));
    assert.equal(gone.length, 1, 'one entry is evicted per new one');
    assert.ok(now.has(added));
    assert.equal(gone[0][1].static, false, 'a static entry was evicted');
    if (learned.length <= 16) {
      assert.equal(gone[0][1].seen, Math.min(...learned.map(([, { seen }]) => seen)), 'the oldest is evicted');
    }
    this.held.delete(gone[0][0]);
    this.counts.evicted++;
    return true;
  }

  run(step: Step, now: number): void {
    const { what, vni, kind, target } = step;
    const { table, held, counts } = this;
    const bytes = Uint8Array.of(0xff, ...macOf(step.mac), 0xff);
    const key = keyOf(vni, macOf(step.mac));
    const known = held.get(key);
    switch (what) {
      case 'set': {
        const taken = table.set(vni, bytes, 1, kind, target);
        assert.equal(taken, known !== undefined || this.#room(true, key));
        if (taken) held.set(key, { kind, target, static: true, seen: 0 });
        break;
      }
      case 'learn':
        this.#learn(step, bytes, key, now);
        break;
      case 'find': {
        const found = known !== undefined && !this.#stale(known, now);
        assert.equal(table.find(vni, bytes, 1, now), found);
        counts.lookups++;
        if (found) {
          counts.hits++;
          assert.deepEqual([table.kind, table.target], [known.kind, known.target]);
        }
        break;
      }
      case 'delete':
        assert.equal(table.delete(vni, bytes, 1), known !== undefined);
        held.delete(key);
        break;
      case 'flush': {
        const gone = [...held.keys()].filter((other) => other.startsWith(`${vni} `));
        assert.equal(table.flush(vni), gone.length);
        for (const other of gone) held.delete(other);
        break;
      }
      case 'sweep': {
        const gone = [...held].filter(([, entry]) => this.#stale(entry, now));
        assert.equal(table.sweep(now), gone.length);
        for (const [other] of gone) held.delete(other);
        counts.aged += gone.length;
        break;
      }
      case 'forgetVtep': {
        const behind = (entry: Held): boolean => entry.kind === TargetKind.Vtep && entry.target === target;
        this.#forget(table.forgetVtep(target), (_, entry) => behind(entry));
        break;
      }
      case 'forgetLearned':
        this.#forget(table.forgetLearned(vni), (other) => other.startsWith(`${vni} `));
        break;
      case 'wait':
        break;
    }
    assert.equal(table.size, held.size);
    assert.equal(table.isStatic(vni, bytes, 1), held.get(key)?.static ?? false);
  }

  /** Of learned entries, those that are meant went, and as many as the table says. */
  #forget(count: number, meant: (key: string, entry: Held) => boolean): void {
    const gone = [...this.held].filter(([key, entry]) => !entry.static && meant(key, entry));
    assert.equal(count, gone.length);
    for (const [key] of gone) this.held.delete(key);
  }

  #learn({ vni, kind, target }: Step, bytes: Uint8Array, key: string, now: number): void {
    const { table, held, counts } = this;
    const known = held.get(key);
    const outcome = table.learn(vni, bytes, 1, kind, target, now);
    const fresh = { kind, target, static: false, seen: now };
    if (known === undefined) {
      const room = this.#room(false, key);
      assert.equal(outcome, room ? LearnOutcome.Added : LearnOutcome.Full);
      if (room) {
        held.set(key, fresh);
        counts.learned++;
      } else counts.refused++;
      return;
    }
    const same = known.kind === kind && known.target === target;
    if (known.static) {
      assert.equal(outcome, same ? LearnOutcome.Refreshed : LearnOutcome.Conflict);
      if (!same) counts.conflicts++;
      return;
    }
    assert.equal(outcome, same ? LearnOutcome.Refreshed : LearnOutcome.Moved);
    if (!same) counts.moves++;
    held.set(key, fresh);
  }

  check(): void {
    assert.deepEqual(contents(this.table), new Map([...this.held].map(([key, entry]) => [key, textOf(entry)])));
    const { lookups, hits, learned, moves, aged, evicted, refused, conflicts } = this.table;
    assert.deepEqual({ lookups, hits, learned, moves, aged, evicted, refused, conflicts }, this.counts);
  }
}

function holdsWhatAMapHolds(steps: readonly Step[], options: ForwardingTableOptions): void {
  const table = new ForwardingTable({ ...options, ageing: AGEING });
  const model = new Model(table, options.limit ?? 1 << 20, options.whenFull === FullPolicy.Evict);
  let now = 1;
  for (const step of steps) {
    if (step.what === 'wait') now += step.seconds;
    model.run(step, now);
  }
  model.check();
}

const ANY_VNIS = [0, 1, 0xffff, 0x10000, MAX_VNI] as const;
const POLICIES = [FullPolicy.Refuse, FullPolicy.Evict] as const;

test('takes a MAC as words, signed or not', () => {
  const table = new ForwardingTable();
  table.set(4097, Uint8Array.of(0xf2, 0x42, 10, 0, 9, 3), 0, TargetKind.Vtep, 1);
  for (const high of [0xf2420a00, 0xf2420a00 | 0]) assert.ok(table.findWords(4097, high, 0x09030000, 0));
});

describe('ForwardingTable compared with a Map', () => {
  test('has the same entries and counts after any steps, however small it is', () => {
    fc.assert(
      fc.property(
        stepsOver(
          Array.from({ length: 12 }, (_, i) => i),
          ANY_VNIS,
        ),
        fc.integer({ min: 1, max: 30 }),
        fc.constantFrom(...POLICIES),
        fc.integer(),
        (steps, limit, whenFull, seed) => holdsWhatAMapHolds(steps, { limit, whenFull, seed }),
      ),
      { seed: SEED, numRuns: 1500 },
    );
  });

  test('also if all keys hash to a few slots, including the end of the table', () => {
    const macs = [61, 62, 63, 0, 1].flatMap((home) => colliding(10, home));
    fc.assert(
      fc.property(
        stepsOver(macs, [7]),
        fc.integer({ min: 30, max: 40 }),
        fc.constantFrom(...POLICIES),
        (steps, limit, whenFull) => holdsWhatAMapHolds(steps, { limit, whenFull, seed: HASH_SEED }),
      ),
      { seed: SEED, numRuns: 1500 },
    );
  });
});

describe('ForwardingTable under keys that collide', () => {
  for (const home of [0, 5, 60, 63]) {
    test(`40 keys of slot ${home} of 64: the others are still found after deleting any one`, () => {
      const macs = colliding(40, home).map(macOf);
      macs.forEach((_, deleted) => {
        const table = new ForwardingTable({ limit: 40, seed: HASH_SEED });
        macs.forEach((mac, i) => assert.ok(table.set(7, mac, 0, TargetKind.Vtep, i)));
        assert.equal(table.byteLength, 64 * 16, 'it grew, and the keys no longer collide');
        assert.ok(table.delete(7, macs[deleted], 0));
        macs.forEach((mac, i) => {
          assert.equal(table.find(7, mac, 0, 0), i !== deleted);
          if (i !== deleted) assert.equal(table.target, i);
        });
      });
    });
  }
});

describe("an entry's key", () => {
  test('is the whole VNI and the whole MAC: a difference in one bit is another key', () => {
    const vni = 0x123456;
    const mac = Uint8Array.of(0x02, 0x42, 0x0a, 0x00, 0x09, 0x03);
    const table = new ForwardingTable();
    table.set(vni, mac, 0, TargetKind.Local, 5);
    for (let bit = 0; bit < 24; bit++) assert.equal(table.find(vni ^ (1 << bit), mac, 0, 0), false, `VNI bit ${bit}`);
    for (let bit = 0; bit < 48; bit++) {
      const other = mac.slice();
      other[bit >> 3] ^= 1 << (bit & 7);
      assert.equal(table.find(vni, other, 0, 0), false, `MAC bit ${bit}`);
    }
    assert.ok(table.find(vni, mac, 0, 0));
  });

  test('keeps VNIs 0 and 2^24 - 1, targets 0 and 2^24 - 1 and MACs of all zeros and all ones', () => {
    const table = new ForwardingTable();
    const wanted = new Map<string, string>();
    for (const vni of [0, MAX_VNI]) {
      for (const [byte, target] of [
        [0x00, 0],
        [0x00, MAX_TARGET],
        [0xff, 0],
        [0xff, MAX_TARGET],
      ]) {
        for (const kind of [TargetKind.Vtep, TargetKind.Local]) {
          const mac = new Uint8Array(6).fill(byte);
          table.set(vni, mac, 0, kind, target);
          wanted.set(keyOf(vni, mac), textOf({ kind, target, static: true, seen: 0 }));
          assert.ok(table.find(vni, mac, 0, 1e6));
          assert.deepEqual([table.kind, table.target], [kind, target]);
        }
      }
    }
    assert.equal(table.size, 4);
    assert.deepEqual(contents(table), wanted);
  });

  test('rejects a target outside 0 to 2^24 - 1, and a table of no entries', () => {
    const table = new ForwardingTable();
    for (const target of [-1, MAX_TARGET + 1, Number.NaN]) {
      assert.throws(() => table.set(1, macOf(1), 0, TargetKind.Vtep, target), { code: 'BAD_TABLE' });
      assert.throws(() => table.learn(1, macOf(1), 0, TargetKind.Vtep, target, 0), { code: 'BAD_TABLE' });
    }
    assert.equal(table.size, 0);
    for (const limit of [0, -1, 1.5, 2 ** 26 + 1, Number.NaN]) {
      assert.throws(() => new ForwardingTable({ limit }), { code: 'BAD_TABLE' });
    }
  });
});

describe('learning', () => {
  const mac = macOf(1);

  test('never replaces a static entry, at any time: it is a conflict', () => {
    const table = new ForwardingTable({ ageing: 10 });
    table.set(1, mac, 0, TargetKind.Vtep, 3);
    assert.equal(table.learn(1, mac, 0, TargetKind.Vtep, 4, 0), LearnOutcome.Conflict);
    assert.equal(table.learn(1, mac, 0, TargetKind.Local, 3, 1e6), LearnOutcome.Conflict);
    assert.equal(table.learn(1, mac, 0, TargetKind.Vtep, 3, 1e6), LearnOutcome.Refreshed);
    assert.ok(table.find(1, mac, 0, 1e7));
    assert.deepEqual([table.kind, table.target, table.conflicts, table.learned], [TargetKind.Vtep, 3, 2, 0]);
    assert.equal(table.sweep(1e7), 0);
  });

  test('moves an entry that was learned elsewhere, and counts it', () => {
    const table = new ForwardingTable();
    assert.equal(table.learn(1, mac, 0, TargetKind.Vtep, 3, 5), LearnOutcome.Added);
    assert.equal(table.learn(1, mac, 0, TargetKind.Vtep, 3, 6), LearnOutcome.Refreshed);
    assert.equal(table.learn(1, mac, 0, TargetKind.Vtep, 4, 7), LearnOutcome.Moved);
    assert.equal(table.learn(1, mac, 0, TargetKind.Local, 4, 8), LearnOutcome.Moved);
    assert.ok(table.find(1, mac, 0, 8));
    assert.deepEqual([table.kind, table.target, table.moves, table.size], [TargetKind.Local, 4, 2, 1]);
  });

  test('a static entry replaces a learned one, and never ages', () => {
    const table = new ForwardingTable({ ageing: 10 });
    table.learn(1, mac, 0, TargetKind.Vtep, 3, 5);
    assert.ok(table.set(1, mac, 0, TargetKind.Local, 9));
    assert.deepEqual([...table], [{ vni: 1, mac, kind: TargetKind.Local, target: 9, static: true, seen: 0 }]);
    assert.ok(table.find(1, mac, 0, 1000));
  });

  // Starting at 0, and at times since 1970 as in captures.
  for (const start of [0, 1_000_000, 1_790_000_000]) {
    test(`starting at ${start} s, an entry is found until the ageing time, and no longer a second later`, () => {
      const table = new ForwardingTable({ ageing: 300 });
      table.learn(1, mac, 0, TargetKind.Vtep, 3, start);
      assert.equal(table.find(1, mac, 0, start), true);
      assert.equal(table.find(1, mac, 0, start + 300), true);
      assert.equal(table.sweep(start + 300), 0);
      assert.equal(table.find(1, mac, 0, start + 301), false);
      assert.equal(table.size, 1, 'only a sweep removes it');
      assert.equal([...table][0].seen, start);
      assert.equal(table.sweep(start + 301), 1);
      assert.deepEqual([table.size, table.aged], [0, 1]);
    });
  }

  test('a sweep in parts removes the same entries as one at once, wherever the parts end (200 tables)', () => {
    const entry = fc.record({ number: fc.nat(400), fixed: fc.boolean(), seen: fc.constantFrom(0, 100) });
    fc.assert(
      fc.property(fc.array(entry, { maxLength: 300 }), fc.integer({ min: 1, max: 64 }), (entries, piece) => {
        const [pieces, whole] = [0, 1].map(() => {
          const table = new ForwardingTable({ ageing: 300 });
          for (const { number, fixed, seen } of entries) {
            if (fixed) table.set(7, macOf(number), 0, TargetKind.Vtep, 1);
            else table.learn(7, macOf(number), 0, TargetKind.Vtep, 1, seen);
          }
          return table;
        });
        whole.sweep(350);
        const slots = pieces.byteLength / 16;
        // A step examines a slot or removes an entry; a call does at most as many as there are slots, which are at
        // least 64.
        for (let steps = 0; steps < slots + entries.length; steps += piece) pieces.sweepSome(350, piece);
        assert.deepEqual(contents(pieces), contents(whole));
        assert.deepEqual([pieces.size, pieces.aged], [whole.size, whole.aged]);
      }),
      { seed: SEED, numRuns: 200 },
    );
  });

  test('a partial sweep does no more than the given steps, however many entries have expired', () => {
    const table = new ForwardingTable({ ageing: 300 });
    for (let i = 0; i < 5000; i++) table.learn(7, macOf(i), 0, TargetKind.Vtep, 1, 0);
    const slots = table.byteLength / 16;
    let calls = 0;
    for (; table.size > 0; calls++) {
      const before = table.size;
      table.sweepSome(1000, 4);
      assert.ok(before - table.size <= 4, `one call removed ${before - table.size} entries`);
      assert.ok(calls * 4 <= slots + 5000, 'the sweep does not wrap around');
    }
    assert.equal(table.aged, 5000);
  });

  test('refreshes an entry that is seen again', () => {
    const table = new ForwardingTable({ ageing: 300 });
    table.learn(1, mac, 0, TargetKind.Vtep, 3, 0);
    table.learn(1, mac, 0, TargetKind.Vtep, 3, 200);
    assert.ok(table.find(1, mac, 0, 500));
    assert.ok(!table.find(1, mac, 0, 501));
  });
});

describe('a full ForwardingTable', () => {
  const LIMIT = 200;

  function filled(whenFull: FullPolicy, statics: number): ForwardingTable {
    // Which entries are neighbours depends on the seed: a learn that meets too many static ones at once gives up.
    const table = new ForwardingTable({ limit: LIMIT, whenFull, seed: 1 });
    for (let i = 0; i < statics; i++) table.set(1, macOf(i), 0, TargetKind.Vtep, i);
    for (let i = statics; i < LIMIT; i++) table.learn(1, macOf(i), 0, TargetKind.Vtep, i, i);
    assert.equal(table.size, LIMIT);
    return table;
  }

  test('refuses new entries if configured to, and keeps the existing ones', () => {
    const table = filled(FullPolicy.Refuse, 0);
    const before = contents(table);
    assert.equal(table.learn(1, macOf(1000), 0, TargetKind.Vtep, 1, 1000), LearnOutcome.Full);
    assert.deepEqual(contents(table), before);
    assert.deepEqual([table.refused, table.evicted], [1, 0]);
    assert.equal(table.learn(1, macOf(7), 0, TargetKind.Vtep, 7, 1000), LearnOutcome.Refreshed);
  });

  test('evicts a learned entry, never a static one, and stays at its limit', () => {
    const table = filled(FullPolicy.Evict, 100);
    for (let i = 0; i < 5000; i++) {
      assert.equal(table.learn(1, macOf(1000 + i), 0, TargetKind.Vtep, 1, 1000 + i), LearnOutcome.Added);
      assert.ok(table.find(1, macOf(1000 + i), 0, 1000 + i), 'the latest entries are kept');
      assert.equal(table.size, LIMIT);
    }
    for (let i = 0; i < 100; i++) assert.ok(table.find(1, macOf(i), 0, 1e6), `static entry ${i}`);
    assert.deepEqual([table.evicted, table.refused], [5000, 0]);
  });

  test('a static entry displaces a learned one with either policy, until all are static', () => {
    const table = filled(FullPolicy.Refuse, LIMIT - 1);
    assert.ok(table.set(1, macOf(5000), 0, TargetKind.Vtep, 1));
    assert.ok(!table.find(1, macOf(LIMIT - 1), 0, LIMIT), 'the only learned entry is evicted');
    assert.equal(table.set(1, macOf(5001), 0, TargetKind.Vtep, 1), false);
    assert.ok(table.set(1, macOf(0), 0, TargetKind.Vtep, 77), 'an existing one can be replaced');
    assert.equal(table.size, LIMIT);
  });

  test('with nearly only static entries a packet examines a part of the table, and later packets the rest', () => {
    const table = new ForwardingTable({ limit: 5000, whenFull: FullPolicy.Evict });
    for (let i = 0; i < 4999; i++) table.set(1, macOf(i), 0, TargetKind.Vtep, i);
    table.learn(1, macOf(4999), 0, TargetKind.Vtep, 1, 0);
    const slots = table.byteLength / 16;
    let tries = 1;
    while (table.learn(1, macOf(6000), 0, TargetKind.Vtep, 1, 9) === LearnOutcome.Full) tries++;
    assert.ok(tries <= slots / 256 + 1, `${tries} packets`);
    assert.deepEqual([table.size, table.evicted, table.refused], [5000, 1, tries - 1]);
  });

  test('if all entries are static, learning fails even if it may evict', () => {
    const table = filled(FullPolicy.Evict, LIMIT);
    assert.equal(table.learn(1, macOf(5000), 0, TargetKind.Vtep, 1, 1), LearnOutcome.Full);
    assert.deepEqual([table.refused, table.evicted, table.size], [1, 0, LIMIT]);
  });
});

describe('ForwardingTable memory', () => {
  test('the seed determines the slots: the same seed the same slots, another seed others', () => {
    const order = (seed: number): string[] => {
      const table = new ForwardingTable({ seed });
      for (let i = 0; i < 500; i++) table.set(1, macOf(i), 0, TargetKind.Vtep, i);
      return [...table].map(({ mac }) => formatMac(mac));
    };
    assert.deepEqual(order(12345), order(12345));
    assert.notDeepEqual(order(12345), order(0));
    assert.notDeepEqual(order(12345), order(12346));
    assert.deepEqual(order(12345).sort(), order(0).sort());
  });

  test('tables without a seed use different slots for the same keys: nobody can choose MACs that collide', () => {
    const order = (): string => {
      const table = new ForwardingTable();
      for (let i = 0; i < 500; i++) table.set(1, macOf(i), 0, TargetKind.Vtep, i);
      return [...table].map(({ mac }) => formatMac(mac)).join();
    };
    assert.notEqual(order(), order());
  });

  test('iteration returns every entry once, and a flush removes only the entries of one network', () => {
    const table = new ForwardingTable();
    for (let i = 0; i < 3000; i++) table.learn(i % 3, macOf(i), 0, TargetKind.Vtep, i, 9);
    assert.deepEqual(
      [...table].map(({ target }) => target).sort((a, b) => a - b),
      Array.from({ length: 3000 }, (_, i) => i),
    );
    assert.equal(table.flush(1), 1000);
    assert.equal(table.flush(1), 0);
    assert.ok([...table].every(({ vni, target }) => vni !== 1 && target % 3 === vni));
    assert.equal([...table].length, 2000);
  });

  test('finds all of 1,000,000 entries at any growth, with at most 40 bytes each', () => {
    const COUNT = 1_000_000;
    const table = new ForwardingTable();
    const mac = Buffer.alloc(6, 2);
    for (let i = 0; i < COUNT; i++) {
      mac.writeUInt32BE(i, 2);
      assert.ok(table.set(i & 0xff, mac, 0, TargetKind.Vtep, i));
    }
    assert.equal(table.size, COUNT);
    for (let i = 0; i < COUNT; i++) {
      mac.writeUInt32BE(i, 2);
      if (!table.find(i & 0xff, mac, 0, 0) || table.target !== i) assert.fail(`entry ${i} is lost`);
    }
    assert.ok(table.byteLength / COUNT <= 40, `${table.byteLength / COUNT} bytes an entry`);
  });

  test('at every size up to 5,000 nothing is lost and at most 5/8 of the slots are used', () => {
    const table = new ForwardingTable({ seed: 99 });
    let bytes = table.byteLength;
    for (let i = 0; i < 5000; i++) {
      table.learn(1, macOf(i), 0, TargetKind.Vtep, i, i);
      assert.ok(table.size * 8 <= (table.byteLength / 16) * 5);
      if (table.byteLength === bytes) continue;
      bytes = table.byteLength;
      for (let n = 0; n <= i; n++) assert.ok(table.find(1, macOf(n), 0, n), `entry ${n} of ${i}`);
    }
    assert.equal([...table].length, 5000);
  });

  test('10,000,000 look-ups allocate nothing', () => {
    // With a young generation larger than what is measured, nothing is collected in between.
    const program = `
      const { ForwardingTable } = await import(process.argv[1]);
      const table = new ForwardingTable();
      const mac = new Uint8Array(6);
      for (let i = 0; i < 1000; i++) { mac[4] = i >> 8; mac[5] = i; table.learn(1, mac, 0, 0, i, 1790000000 % 2 ** 28); }
      let hits = 0;
      const run = (count) => {
        for (let i = 0; i < count; i++) {
          mac[4] = (i >> 8) & 7; mac[5] = i;
          if (table.find(1, mac, 0, 1790000000 % 2 ** 28)) hits++;
        }
      };
      run(1e6);
      globalThis.gc();
      const before = process.memoryUsage().heapUsed;
      run(1e7);
      const grown = process.memoryUsage().heapUsed - before;
      process.stdout.write(JSON.stringify({ grown, hits }));`;
    const { stdout, stderr } = spawnSync(
      process.execPath,
      [
        ...['--expose-gc', '--min-semi-space-size=256', '--max-semi-space-size=256', '--input-type=module'],
        ...['-e', program, new URL('../../../src/overlay/tables/forwarding-table.js', import.meta.url).href],
      ],
      { encoding: 'utf8' },
    );
    assert.equal(stderr, '');
    const { grown, hits } = JSON.parse(stdout) as { grown: number; hits: number };
    assert.ok(hits > 5e6 && hits < 6e6, `${hits} hits`);
    // 16 bytes per look-up would be 160 MB.
    assert.ok(grown < 2 ** 20, `${grown} bytes`);
  });
});
