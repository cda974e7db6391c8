import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { nodeBackend } from '../../../src/aead/index.js';
import { OutboundSa } from '../../../src/ipsec/index.js';
import { ClusterKey, StepKind } from '../../../src/overlay/index.js';
import type { InboundClaim } from '../../../src/overlay/keys/inbound-claims.js';
import { PeerSas, type SaMaker, type WantedKeys } from '../../../src/overlay/keys/peer-sas.js';
import { association, MASK, unhex } from '../../ipsec/build.js';

const SEED = 20261123;
const PEER = 5;
const ADDRESS = unhex('c0a83202');

/** Keys by tag: one object each. */
const KEYS = Array.from({ length: 40 }, (_, tag) => new ClusterKey(tag, new Uint8Array(16).fill(tag)));

function ringOf(...tags: readonly number[]): WantedKeys {
  const keys = tags.map((tag) => KEYS[tag]);
  return { keys, transmit: keys[(keys.length - 1) >> 1] };
}

/** The ring at the given number of rotations from {0, 1, 2}. */
const at = (rotations: number, size = 3): WantedKeys =>
  ringOf(...Array.from({ length: size }, (_, i) => rotations + i));

/** Creates SAs, and keeps the tags of open ones. */
class Maker implements SaMaker {
  readonly inbound = new Map<InboundClaim, number>();
  readonly outbound = new Map<OutboundSa, number>();
  /** Tags whose SPI is 0. */
  readonly none = new Set<number>();
  readonly #aead = nodeBackend.create();

  addInbound(peer: number, address: Uint8Array, { tag }: ClusterKey): InboundClaim | undefined {
    assert.deepEqual([peer, address], [PEER, ADDRESS]);
    if (this.none.has(tag)) return undefined;
    const claim = { spi: 1000 + tag, peer, tag, make: () => undefined };
    this.inbound.set(claim, tag);
    return claim;
  }

  deleteInbound(claim: InboundClaim): void {
    assert.ok(this.inbound.delete(claim), 'unmade twice');
  }

  openOutbound(peer: number, address: Uint8Array, { tag }: ClusterKey): OutboundSa | undefined {
    assert.deepEqual([peer, address], [PEER, ADDRESS]);
    if (this.none.has(tag)) return undefined;
    const sa = new OutboundSa(association({ spi: 1000 + tag }), this.#aead, { ivMask: MASK });
    this.outbound.set(sa, tag);
    return sa;
  }

  closeOutbound(sa: OutboundSa): void {
    assert.ok(this.outbound.delete(sa), 'closed twice');
    sa.close();
  }

  get rx(): number[] {
    return [...this.inbound.values()].sort((a, b) => a - b);
  }

  get tx(): number[] {
    return [...this.outbound.values()];
  }
}

function stepsTo(sas: PeerSas, wanted: WantedKeys): string[] {
  const steps: string[] = [];
  for (let step = sas.step(wanted); step !== undefined; step = sas.step(wanted)) {
    assert.equal(step.peer, PEER);
    steps.push(`${step.kind} ${step.tag}`);
    assert.ok(steps.length < 200, 'the steps have no end');
  }
  return steps;
}

function tagsOf({ keys }: WantedKeys): number[] {
  return keys.map(({ tag }) => tag);
}

function begin(wanted = at(0)): { maker: Maker; sas: PeerSas } {
  const maker = new Maker();
  const sas = new PeerSas(PEER, ADDRESS, maker);
  stepsTo(sas, wanted);
  return { maker, sas };
}

function assertSettled(maker: Maker, sas: PeerSas, wanted: WantedKeys): void {
  assert.deepEqual([maker.rx, maker.tx], [tagsOf(wanted), [wanted.transmit.tag]]);
  assert.deepEqual(sas.counts, { rx: wanted.keys.length, tx: 1 });
  assert.equal(sas.current?.key, wanted.transmit);
  assert.equal(maker.outbound.get(sas.current.sa ?? assert.fail('there is no SA')), wanted.transmit.tag);
}

describe("the steps of a peer's SAs", () => {
  test('of a new peer: receive with all keys, then send', () => {
    const maker = new Maker();
    const sas = new PeerSas(PEER, ADDRESS, maker);
    assert.deepEqual(sas.counts, { rx: 0, tx: 0 });
    assert.deepEqual(stepsTo(sas, at(0)), ['rx-add 0', 'rx-add 1', 'rx-add 2', 'tx-add 1', 'tx-switch 1']);
    assertSettled(maker, sas, at(0));
  });

  test("of a rotation are Docker's, in Docker's order", () => {
    const { maker, sas } = begin();
    const wanted = at(1);
    const seen: unknown[] = [];
    for (let step = sas.step(wanted); step !== undefined; step = sas.step(wanted)) {
      seen.push([step.kind, step.tag, maker.rx, maker.tx, sas.current?.key.tag]);
    }
    assert.deepEqual(seen, [
      [StepKind.RxDelete, 0, [1, 2], [1], 1],
      [StepKind.RxAdd, 3, [1, 2, 3], [1], 1],
      [StepKind.TxAdd, 2, [1, 2, 3], [1, 2], 1],
      [StepKind.TxSwitch, 2, [1, 2, 3], [1, 2], 2],
      [StepKind.TxDelete, 1, [1, 2, 3], [2], 2],
    ]);
    assertSettled(maker, sas, wanted);
  });

  test('are none if everything is as wanted', () => {
    const { maker, sas } = begin();
    assert.deepEqual(stepsTo(sas, at(0)), []);
    assert.deepEqual(stepsTo(sas, ringOf(0, 1, 2)), []);
    assertSettled(maker, sas, at(0));
  });

  test('of a ring several rotations ahead repeat rx-delete and rx-add, and switch once', () => {
    const { sas } = begin();
    assert.deepEqual(stepsTo(sas, at(2)), [
      ...['rx-delete 0', 'rx-add 3', 'rx-delete 1', 'rx-add 4'],
      ...['tx-add 3', 'tx-switch 3', 'tx-delete 1'],
    ]);
    const far = begin();
    assert.deepEqual(stepsTo(far.sas, at(10)), [
      ...['rx-delete 0', 'rx-add 10', 'rx-delete 1', 'rx-add 11', 'rx-delete 2', 'rx-add 12'],
      ...['tx-add 11', 'tx-switch 11', 'tx-delete 1'],
    ]);
    assertSettled(far.maker, far.sas, at(10));
  });

  test('of a ring that replaces the transmit key under its tag: the old one is used until the switch', () => {
    const { maker, sas } = begin();
    const other = new ClusterKey(1, new Uint8Array(16).fill(99));
    const wanted = { keys: [KEYS[0], other, KEYS[2]], transmit: other };
    assert.deepEqual(stepsTo(sas, wanted), ['rx-delete 1', 'rx-add 1', 'tx-add 1', 'tx-switch 1', 'tx-delete 1']);
    assertSettled(maker, sas, wanted);
  });

  for (const from of [1, 2, 3, 5]) {
    for (const to of [1, 2, 3, 5]) {
      for (const ahead of [0, 1, 3]) {
        test(`lead from a ring of ${from} to one of ${to} that is ${ahead} ahead`, () => {
          const { maker, sas } = begin(at(0, from));
          const wanted = at(ahead, to);
          const most = Math.max(from, to);
          for (let step = sas.step(wanted); step !== undefined; step = sas.step(wanted)) {
            assert.ok(maker.rx.length <= most && maker.tx.length <= 2);
            assert.ok(maker.tx.includes(sas.current?.key.tag ?? -1), 'nothing to send with');
          }
          assertSettled(maker, sas, wanted);
        });
      }
    }
  }

  for (let steps = 0; steps <= 5; steps++) {
    for (const ahead of [0, 1, 2, 10]) {
      test(`can be interrupted after ${steps} by a ring ${ahead} from the first`, () => {
        const { maker, sas } = begin();
        for (let i = 0; i < steps; i++) assert.ok(sas.step(at(1)) !== undefined);
        stepsTo(sas, at(ahead));
        assertSettled(maker, sas, at(ahead));
      });
    }

    test(`can be interrupted after ${steps} by removing the peer: nothing of it stays`, () => {
      const { maker, sas } = begin();
      const current = sas.current?.sa;
      for (let i = 0; i < steps; i++) sas.step(at(1));
      sas.close();
      assert.deepEqual([maker.rx, maker.tx, sas.counts, sas.current], [[], [], { rx: 0, tx: 0 }, undefined]);
      assert.equal(current?.key, -1);
      sas.close();
    });
  }

  test("are also taken if a key's SPI is 0: nothing is received or sent with it", () => {
    const maker = new Maker();
    maker.none.add(2);
    const sas = new PeerSas(PEER, ADDRESS, maker);
    stepsTo(sas, at(0));
    assert.deepEqual([maker.rx, maker.tx], [[0, 1], [1]]);
    stepsTo(sas, at(1));
    assert.deepEqual([maker.rx, maker.tx], [[1, 3], []]);
    assert.equal(sas.current?.sa, undefined);
    stepsTo(sas, at(2));
    assert.deepEqual([maker.rx, maker.tx], [[3, 4], [3]]);
    sas.close();
    assert.deepEqual([maker.rx, maker.tx], [[], []]);
  });

  test('use a copy of the address', () => {
    const maker = new Maker();
    const address = ADDRESS.slice();
    const sas = new PeerSas(PEER, address, maker);
    address.fill(0);
    stepsTo(sas, at(0));
    assertSettled(maker, sas, at(0));
  });

  test('for any rings at any time: no more SAs than keys, at most two outbound ones, and all as wanted in the end', () => {
    const ring = fc
      .uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 5 })
      .map((tags) => ringOf(...tags.sort((a, b) => a - b)));
    fc.assert(
      fc.property(
        fc.array(fc.record({ ring, steps: fc.integer({ min: 0, max: 8 }) }), { minLength: 1, maxLength: 20 }),
        (rings) => {
          const maker = new Maker();
          const sas = new PeerSas(PEER, ADDRESS, maker);
          let most = 0;
          let sending = false;
          for (const { ring: wanted, steps } of rings) {
            most = Math.max(most, wanted.keys.length);
            for (let i = 0; i < steps; i++) {
              sas.step(wanted);
              sending ||= sas.current !== undefined;
              assert.ok(maker.rx.length <= most && maker.tx.length <= 2);
              assert.deepEqual(sas.counts, { rx: maker.rx.length, tx: maker.tx.length });
              const sa = sas.current?.sa;
              assert.equal(sa !== undefined && maker.outbound.has(sa), sending);
            }
          }
          const { ring: wanted } = rings[rings.length - 1];
          stepsTo(sas, wanted);
          assertSettled(maker, sas, wanted);
        },
      ),
      { seed: SEED, numRuns: 500 },
    );
  });
});
