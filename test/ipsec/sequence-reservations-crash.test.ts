import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EspDrop, EspSealer, type OutboundSa, SequenceReservations } from '../../src/ipsec/index.js';
import { SeededRandom } from '../../src/replay/random.js';
import { aesKey, association, keymat, seal, unhex } from './build.js';
import { type Health, maskOf, MemoryStore, recordOf, watcher } from './memory-store.js';

const SEED = 20261122;
const PAYLOAD = new Uint8Array(20);
const LAST = 0xffffffff;

describe('SequenceReservations under any sequence of events and crashes', () => {
  /** Like Swarm's, with the SPI as salt. */
  const esn = { esn: true, replayWindow: 64 };
  const SAS = [
    { key: 'k', sa: association({ spi: 1, keymat: keymat(aesKey(), unhex('00000001')) }) },
    { key: 'k', sa: association({ spi: 2, keymat: keymat(aesKey(), unhex('00000002')) }) },
    { key: 'k', sa: association({ spi: 3, keymat: keymat(aesKey(), unhex('00000003')), ...esn }) },
    { key: 'l', sa: association({ spi: 3, keymat: keymat(aesKey(32), unhex('00000003')), ...esn }) },
  ];
  type Move =
    | { readonly move: 'open' | 'close'; readonly sa: number }
    | { readonly move: 'seal'; readonly sa: number; readonly packets: number }
    | { readonly move: 'store'; readonly health: Health }
    | { readonly move: 'topUp' | 'crash' | 'end' }
    | { readonly move: 'retain'; readonly keys: readonly string[] };

  const saOf = fc.integer({ min: 0, max: SAS.length - 1 });
  const move: fc.Arbitrary<Move> = fc.oneof(
    { weight: 3, arbitrary: fc.record({ move: fc.constantFrom('open' as const, 'close' as const), sa: saOf }) },
    {
      weight: 6,
      arbitrary: fc.record({ move: fc.constant('seal' as const), sa: saOf, packets: fc.integer({ min: 1, max: 25 }) }),
    },
    { weight: 2, arbitrary: fc.record({ move: fc.constantFrom('topUp' as const, 'crash' as const, 'end' as const) }) },
    {
      weight: 1,
      arbitrary: fc.record({
        move: fc.constant('store' as const),
        health: fc.constantFrom<Health>('well', 'well', 'full', 'late'),
      }),
    },
    { weight: 1, arbitrary: fc.record({ move: fc.constant('retain' as const), keys: fc.subarray(['k', 'l']) }) },
  );
  /** Numbers before which something happens, and slightly earlier ones. */
  const start = fc.record({
    at: fc.constantFrom([0, 0], [0, LAST], [4, LAST], [LAST, LAST]),
    before: fc.integer({ min: 0, max: 40 }),
  });

  test('no sequence number is reused under one key and mask, or used before it was persisted', () => {
    let sealedInAll = 0;
    fc.assert(
      fc.property(
        fc.array(move, { maxLength: 60, size: 'max' }),
        fc.integer({ min: 1, max: 10 }),
        fc.array(start, { minLength: SAS.length, maxLength: SAS.length }),
        (moves, block, starts) => {
          const store = new MemoryStore(
            starts.map(({ at: [high, low], before }, i) =>
              recordOf(SAS[i].sa, SAS[i].key, { high, low: Math.max(0, low - before) }),
            ),
          );
          const nonces = new Set<string>();
          const aead = watcher((name) => {
            assert.ok(!nonces.has(name), `${name} was reused`);
            nonces.add(name);
          });
          const sealer = new EspSealer(aead);
          const random = new SeededRandom(SEED);
          const begin = (): SequenceReservations =>
            new SequenceReservations({ random: (bytes) => random.fill(bytes), store, block });
          let reservations = begin();
          let open = new Map<number, OutboundSa>();
          /** From the first failure of the store until the next top-up. */
          let failing = false;

          const sealOne = (sa: OutboundSa, i: number): void => {
            const { drop } = seal(sealer, sa, PAYLOAD);
            if (drop !== EspDrop.None) {
              const reasons: EspDrop[] = [EspDrop.SequenceExhausted, EspDrop.SequenceNotReserved];
              assert.ok(reasons.includes(drop));
              assert.equal(drop === EspDrop.SequenceExhausted, sa.exhausted);
              assert.ok(drop === EspDrop.SequenceExhausted || failing);
              return;
            }
            sealedInAll++;
            const mask = maskOf(sa);
            const record = store.kept.find(
              ({ key, spi, ivMask }) =>
                key === SAS[i].key && spi === sa.spi && ivMask.high === mask.high && ivMask.low === mask.low,
            );
            assert.ok(record !== undefined, 'an SA that was never persisted');
            const { high, low } = record.sequence;
            assert.ok(
              high > sa.sequenceHigh || (high === sa.sequenceHigh && low >= sa.sequenceLow),
              'a number that was not persisted',
            );
          };

          for (const what of moves) {
            switch (what.move) {
              case 'open':
                if (open.has(what.sa)) break;
                open.set(what.sa, reservations.open(SAS[what.sa].sa, SAS[what.sa].key, aead, 0));
                break;
              case 'close': {
                const sa = open.get(what.sa);
                if (sa !== undefined) reservations.close(sa);
                open.delete(what.sa);
                break;
              }
              case 'seal': {
                const sa = open.get(what.sa);
                for (let n = 0; sa !== undefined && n < what.packets; n++) sealOne(sa, what.sa);
                break;
              }
              case 'topUp':
                failing = store.health !== 'well';
                assert.ok(reservations.topUp() || failing);
                break;
              case 'retain':
                reservations.forget((key) => !what.keys.includes(key));
                break;
              case 'store':
                store.health = what.health;
                failing ||= store.health !== 'well';
                break;
              case 'end':
                reservations.closeAll();
                reservations = begin();
                open = new Map();
                break;
              case 'crash':
                reservations = begin();
                open = new Map();
                break;
            }
          }
        },
      ),
      { seed: SEED, numRuns: 1000 },
    );
    assert.ok(sealedInAll > 10_000, `only ${sealedInAll} packets were sealed`);
  });
});
