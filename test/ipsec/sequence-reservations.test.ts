import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { dropReasonName, dropReasonOfEsp } from '../../src/dataplane/drop-reason.js';
import {
  EspDrop,
  EspSealer,
  IpsecError,
  type OutboundSa,
  type SecurityAssociation,
  SequenceReservations,
  type SequenceReservationsOptions,
  type SequenceRecord,
} from '../../src/ipsec/index.js';
import { SeededRandom } from '../../src/replay/random.js';
import { association, seal } from './build.js';
import { maskOf, MemoryStore, recordOf, watcher } from './memory-store.js';

const PAYLOAD = new Uint8Array(20);
const LAST = 0xffffffff;

const AEAD = watcher();
const SEALER = new EspSealer(AEAD);

function ledgerOf(options: Partial<SequenceReservationsOptions> = {}, seed = 1): SequenceReservations {
  const random = new SeededRandom(seed);
  return new SequenceReservations({ random: (bytes) => random.fill(bytes), ...options });
}

function sealMany(sa: OutboundSa, packets: number): EspDrop[] {
  return Array.from({ length: packets }, () => seal(SEALER, sa, PAYLOAD).drop);
}

function whereIs(sa: OutboundSa): { mask: { high: number; low: number }; high: number; low: number } {
  return { mask: maskOf(sa), high: sa.sequenceHigh, low: sa.sequenceLow };
}

/** The sequence number in the store for each SPI. */
function lowBySpi(records: readonly SequenceRecord[]): Record<number, number> {
  return Object.fromEntries(records.map(({ spi, sequence }) => [spi, sequence.low]));
}

const of = (spi: number): SecurityAssociation => association({ spi });

describe('SequenceReservations', () => {
  test('draws a mask for each unknown SA, which begins at 1', () => {
    const reservations = ledgerOf();
    const sas = [1, 2, 3].map((spi) => reservations.open(of(spi), 'k', AEAD, 0));
    assert.equal(new Set(sas.map((sa) => JSON.stringify(maskOf(sa)))).size, 3);
    for (const sa of sas) {
      assert.deepEqual(sealMany(sa, 1), [EspDrop.None]);
      assert.deepEqual([sa.sequenceHigh, sa.sequenceLow], [0, 1]);
    }
  });

  for (const store of [false, true]) {
    test(`a recreated SA continues under its mask, after its last number${store ? ', also with a store' : ''}`, () => {
      const reservations = ledgerOf(store ? { store: new MemoryStore(), block: 4 } : {});
      let sa = reservations.open(of(7), 'k', AEAD, 0);
      const mask = maskOf(sa);
      for (let round = 1; round <= 3; round++) {
        assert.ok(sealMany(sa, 5).every((drop) => drop === EspDrop.None));
        reservations.close(sa);
        assert.equal(seal(SEALER, sa, PAYLOAD).drop, EspDrop.Expired);
        sa = reservations.open(of(7), 'k', AEAD, 0);
        assert.deepEqual(whereIs(sa), { mask, high: 0, low: 5 * round });
      }
    });
  }

  test('a recreated SA with extended sequence numbers continues in its high-order half', () => {
    const esn = association({ esn: true, replayWindow: 64 });
    const store = new MemoryStore([recordOf(esn, 'k', { high: 4, low: LAST - 1 })]);
    const reservations = ledgerOf({ store });
    const sa = reservations.open(esn, 'k', AEAD, 0);
    sealMany(sa, 5);
    reservations.close(sa);
    const again = reservations.open(esn, 'k', AEAD, 0);
    assert.deepEqual(whereIs(again), { mask: { high: 0xfedcba98, low: 0x76543210 }, high: 5, low: 3 });
  });

  test('an SA with another key, SPI or address is a different SA', () => {
    const reservations = ledgerOf();
    const first = reservations.open(of(7), 'k', AEAD, 0);
    sealMany(first, 5);
    reservations.close(first);
    const masks = new Set([JSON.stringify(maskOf(first))]);
    for (const [other, key] of [
      [of(7), 'l'],
      [of(8), 'k'],
      [association({ spi: 7, source: '192.168.50.9' }), 'k'],
      [association({ spi: 7, destination: '192.168.50.9' }), 'k'],
    ] as const) {
      const sa = reservations.open(other, key, AEAD, 0);
      assert.equal(sa.sequenceLow, 0);
      masks.add(JSON.stringify(maskOf(sa)));
    }
    assert.equal(masks.size, 5);
  });

  test('a closed SA’s numbers are kept even if it is closed twice', () => {
    const reservations = ledgerOf();
    const sa = reservations.open(of(7), 'k', AEAD, 0);
    sealMany(sa, 5);
    reservations.close(sa);
    const again = reservations.open(of(7), 'k', AEAD, 0);
    sealMany(again, 2);
    reservations.close(sa);
    reservations.close(again);
    assert.equal(reservations.open(of(7), 'k', AEAD, 0).sequenceLow, 7);
  });

  for (const block of [0, -1, 1.5, 2 ** 31 + 1, Number.NaN, Infinity]) {
    test(`a block of ${block} numbers is BAD_SEQUENCE`, () => {
      assert.throws(
        () => ledgerOf({ block }),
        (error) => error instanceof IpsecError && error.code === 'BAD_SEQUENCE' && error.message.endsWith(`${block}`),
      );
    });
  }

  test('the caller gets the error of an unreadable store', () => {
    const store = new MemoryStore();
    store.load = () => {
      throw new Error('a damaged file');
    };
    assert.throws(() => ledgerOf({ store }), /a damaged file/);
  });

  test('a reused mask equals the record’s, to the last bit', () => {
    for (const [high, low] of [
      [0, 0],
      [LAST, LAST],
      [0x80000000, 0x7fffffff],
    ]) {
      const record = { ...recordOf(of(7), 'k', { high: 0, low: 41 }), ivMask: { high, low } };
      const store = new MemoryStore([record]);
      const sa = ledgerOf({ store }).open(of(7), 'k', AEAD, 0);
      assert.deepEqual(whereIs(sa), { mask: { high, low }, high: 0, low: 41 });
      sealMany(sa, 1);
      assert.deepEqual(store.kept[0].ivMask, { high, low });
    }
  });
});

describe('SequenceReservations with a store', () => {
  test('reserves numbers one block at a time, before the first of them is used', () => {
    const store = new MemoryStore();
    const sa = ledgerOf({ store, block: 3 }).open(of(7), 'k', AEAD, 0);
    assert.equal(store.saves.length, 0);
    const known = Array.from({ length: 7 }, () => {
      assert.equal(seal(SEALER, sa, PAYLOAD).drop, EspDrop.None);
      return [sa.sequenceLow, store.kept[0].sequence.low];
    });
    assert.deepEqual(known, [
      [1, 3],
      [2, 3],
      [3, 3],
      [4, 6],
      [5, 6],
      [6, 6],
      [7, 9],
    ]);
    assert.deepEqual(store.kept, [
      {
        key: 'k',
        spi: 7,
        source: '192.168.50.1',
        destination: '192.168.50.2',
        ivMask: maskOf(sa),
        sequence: { high: 0, low: 9 },
      },
    ]);
  });

  test('one write serves all SAs', () => {
    const store = new MemoryStore();
    const reservations = ledgerOf({ store, block: 10 });
    const sas = [1, 2, 3].map((spi) => reservations.open(of(spi), 'k', AEAD, 0));
    for (const sa of sas) sealMany(sa, 10);
    assert.equal(store.saves.length, 1);
    assert.deepEqual(lowBySpi(store.kept), { 1: 10, 2: 10, 3: 10 });
  });

  test('a write for one SA leaves another with half a block left unchanged', () => {
    const store = new MemoryStore();
    const reservations = ledgerOf({ store, block: 10 });
    const [busy, idle] = [1, 2].map((spi) => reservations.open(of(spi), 'k', AEAD, 0));
    sealMany(busy, 10);
    sealMany(idle, 5);
    sealMany(busy, 1);
    assert.deepEqual(lowBySpi(store.kept), { 1: 20, 2: 10 });
    sealMany(idle, 1);
    sealMany(busy, 10);
    assert.deepEqual(lowBySpi(store.kept), { 1: 30, 2: 16 });
  });

  test('numbers are topped up once less than half a block is left, so that no packet waits for the disk', () => {
    const store = new MemoryStore();
    const reservations = ledgerOf({ store, block: 10 });
    const sa = reservations.open(of(7), 'k', AEAD, 0);
    assert.equal(reservations.topUp(), true);
    assert.deepEqual([store.saves.length, lowBySpi(store.kept)], [1, { 7: 10 }]);
    sealMany(sa, 5);
    assert.equal(reservations.topUp(), true);
    assert.equal(store.saves.length, 1);
    for (let packets = 6; packets < 100; packets++) {
      sealMany(sa, 1);
      assert.equal(reservations.topUp(), true);
      assert.ok(lowBySpi(store.kept)[7] >= packets + 5);
    }
    assert.equal(store.saves.length, 17);
  });

  test('topping up without a store does nothing', () => {
    const reservations = ledgerOf();
    reservations.open(of(7), 'k', AEAD, 0);
    assert.equal(reservations.topUp(), true);
  });

  test('a number that is not reserved is not sent: SequenceNotReserved, XfrmOutStateSeqError_Reserve', () => {
    const store = new MemoryStore();
    const sa = ledgerOf({ store, block: 3 }).open(of(7), 'k', AEAD, 0);
    sealMany(sa, 2);
    store.health = 'full';
    assert.deepEqual(sealMany(sa, 3), [EspDrop.None, EspDrop.SequenceNotReserved, EspDrop.SequenceNotReserved]);
    assert.deepEqual([sa.sequenceLow, sa.lifetime.packets], [3, 3]);
    assert.equal(dropReasonName(dropReasonOfEsp(EspDrop.SequenceNotReserved)), 'XfrmOutStateSeqError_Reserve');
  });

  test('a failed store is retried by topUp, not by each packet; each failure is reported once', () => {
    const store = new MemoryStore();
    const reported: unknown[] = [];
    const reservations = ledgerOf({ store, block: 3, onFailure: (error) => reported.push(error) });
    const sas = [1, 2].map((spi) => reservations.open(of(spi), 'k', AEAD, 0));
    store.health = 'full';
    for (const sa of sas) assert.ok(sealMany(sa, 50).every((drop) => drop === EspDrop.SequenceNotReserved));
    assert.deepEqual([store.tries, reported.length], [1, 1]);
    assert.equal(reservations.topUp(), false);
    for (const sa of sas) sealMany(sa, 50);
    assert.deepEqual([store.tries, reported.length], [2, 2]);
    assert.match(String(reported[0]), /no space left/);
    store.health = 'well';
    assert.equal(seal(SEALER, sas[0], PAYLOAD).drop, EspDrop.SequenceNotReserved);
    assert.equal(reservations.topUp(), true);
    for (const sa of sas) assert.deepEqual(sealMany(sa, 4), Array(4).fill(EspDrop.None));
    assert.equal(reported.length, 2);
  });

  test('an SA that still has numbers sends them while the store fails', () => {
    const store = new MemoryStore();
    const reservations = ledgerOf({ store, block: 10 });
    const [one, other] = [1, 2].map((spi) => reservations.open(of(spi), 'k', AEAD, 0));
    reservations.topUp();
    store.health = 'full';
    assert.equal(sealMany(one, 11)[10], EspDrop.SequenceNotReserved);
    assert.deepEqual(sealMany(other, 10), Array(10).fill(EspDrop.None));
  });

  for (const health of ['well', 'full'] as const) {
    test(`the last number is used, then SequenceExhausted, also with a store that is ${health}`, () => {
      const start = { high: 0, low: LAST - 4 };
      const esn = association({ spi: 8, esn: true, replayWindow: 64 });
      const store = new MemoryStore([recordOf(of(7), 'k', start), recordOf(esn, 'k', { high: LAST, low: LAST - 4 })]);
      const reservations = ledgerOf({ store, block: 10 });
      for (const sa of [reservations.open(of(7), 'k', AEAD, 0), reservations.open(esn, 'k', AEAD, 0)]) {
        assert.deepEqual(sealMany(sa, 4), Array(4).fill(EspDrop.None));
        store.health = health;
        assert.deepEqual(sealMany(sa, 3), Array(3).fill(EspDrop.SequenceExhausted));
        store.health = 'well';
        const { tries } = store;
        assert.equal(reservations.topUp(), true);
        assert.equal(store.tries, tries, 'there is nothing to reserve');
        reservations.close(sa);
        const again = reservations.open(sa.spi === 7 ? of(7) : esn, 'k', AEAD, 0);
        assert.deepEqual(sealMany(again, 2), [EspDrop.SequenceExhausted, EspDrop.SequenceExhausted]);
      }
    });
  }

  test('a clean shutdown persists exact numbers, and closes the SAs', () => {
    const store = new MemoryStore();
    const reservations = ledgerOf({ store });
    const sas = [1, 2, 3].map((spi) => reservations.open(of(spi), 'k', AEAD, 0));
    sas.forEach((sa, i) => sealMany(sa, 10 + i));
    reservations.close(sas[0]);
    reservations.closeAll();
    assert.deepEqual(lowBySpi(store.kept), { 1: 10, 2: 11, 3: 12 });
    for (const sa of sas) assert.equal(seal(SEALER, sa, PAYLOAD).drop, EspDrop.Expired);
    const next = ledgerOf({ store }, 2);
    assert.deepEqual(whereIs(next.open(of(2), 'k', AEAD, 0)), { mask: maskOf(sas[1]), high: 0, low: 11 });
  });

  test('a recreated SA continues counting against its limits', () => {
    const reservations = ledgerOf({});
    const limited = { ...of(7), limits: { hard: { packets: 10, seconds: 100 } } };
    for (let times = 0; times < 5; times++) {
      const sa = reservations.open(limited, 'k', AEAD, 20 * times);
      const drops = sealMany(sa, 3);
      assert.equal(drops.filter((drop) => drop === EspDrop.None).length, Math.max(0, Math.min(3, 10 - 3 * times)));
      reservations.close(sa);
    }
    assert.equal(reservations.open(limited, 'k', AEAD, 99).lifetime.hardTime, 100);
  });

  test('after shutdown nothing more is written: the store belongs to the next process', () => {
    const store = new MemoryStore();
    const reservations = ledgerOf({ store });
    sealMany(reservations.open(of(7), 'k', AEAD, 0), 5);
    reservations.closeAll();
    const next = ledgerOf({ store, block: 10 }, 2);
    sealMany(next.open(of(7), 'k', AEAD, 0), 20);
    reservations.closeAll();
    assert.deepEqual(lowBySpi(store.kept), { 7: 25 });
  });

  test('a process that crashes leaves numbers after all that were sent', () => {
    const store = new MemoryStore();
    const sa = ledgerOf({ store, block: 100 }).open(of(7), 'k', AEAD, 0);
    sealMany(sa, 130);
    const again = ledgerOf({ store, block: 100 }, 2).open(of(7), 'k', AEAD, 0);
    assert.deepEqual(whereIs(again), { mask: maskOf(sa), high: 0, low: 200 });
  });

  test('a process that crashes also leaves the positions of closed SAs', () => {
    const store = new MemoryStore();
    const reservations = ledgerOf({ store, block: 100 });
    const [closed, other] = [1, 2].map((spi) => reservations.open(of(spi), 'k', AEAD, 0));
    sealMany(closed, 30);
    reservations.close(closed);
    sealMany(other, 101);
    assert.deepEqual(lowBySpi(store.kept), { 1: 30, 2: 200 });
    const again = ledgerOf({ store }, 2).open(of(1), 'k', AEAD, 0);
    assert.deepEqual(whereIs(again), { mask: maskOf(closed), high: 0, low: 30 });
  });

  test('a block may cross the halves of extended sequence numbers, but not their end', () => {
    const esn = association({ spi: 8, esn: true, replayWindow: 64 });
    const store = new MemoryStore([recordOf(esn, 'k', { high: 4, low: LAST - 2 })]);
    const sa = ledgerOf({ store, block: 10 }).open(esn, 'k', AEAD, 0);
    sealMany(sa, 1);
    assert.deepEqual(store.kept[0].sequence, { high: 5, low: 7 });
    assert.deepEqual(sealMany(sa, 9), Array(9).fill(EspDrop.None));
    assert.equal(store.saves.length, 1);
  });

  test('open SAs are kept, and closed SAs whose keys are not gone', () => {
    const store = new MemoryStore();
    const reservations = ledgerOf({ store });
    const open = reservations.open(of(1), 'gone', AEAD, 0);
    const sas = [reservations.open(of(2), 'gone', AEAD, 0), reservations.open(of(3), 'stays', AEAD, 0)];
    for (const sa of [open, ...sas]) sealMany(sa, 3);
    for (const sa of sas) reservations.close(sa);
    reservations.forget((key) => key === 'gone');
    assert.equal(reservations.open(of(2), 'gone', AEAD, 0).sequenceLow, 0);
    assert.equal(reservations.open(of(3), 'stays', AEAD, 0).sequenceLow, 3);
    reservations.close(open);
    assert.equal(reservations.open(of(1), 'gone', AEAD, 0).sequenceLow, 3);
    reservations.closeAll();
    assert.deepEqual(lowBySpi(store.kept), { 1: 3, 2: 0, 3: 3 });
  });
});
