/** A packet's result and drop reason don't depend on the rest of its batch. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { EspDrop, EspOpener, InboundSa, type SecurityAssociation } from '../../src/ipsec/index.js';
import { association, ciphers, hex, openBatch, sealByHand, withTrailer } from './build.js';

const SEED = 20261129;
const UDP = 17;

type Kind = 'sealed' | 'forged' | 'padding' | 'dummy' | 'short';

interface Step {
  readonly sequence: bigint;
  readonly kind: Kind;
}

/** Numbers that repeat, are before the window, at its edge, or far ahead; also around 2^32. */
function stepsFrom(base: bigint, esn: boolean): fc.Arbitrary<Step[]> {
  const near = fc.integer({ min: 1, max: 12 });
  const any = fc.oneof(near, near, near, fc.constantFrom(31, 32, 33, 40, 64, 65, 100, 5000));
  const kind = fc.constantFrom<Kind>('sealed', 'sealed', 'sealed', 'forged', 'padding', 'dummy', 'short');
  const step = fc.record({
    sequence: any.map((number) => (esn ? base + BigInt(number) : BigInt(number))),
    kind,
  });
  return fc.array(step, { minLength: 1, maxLength: 24 });
}

function packetOf({ sequence, kind }: Step, esn: boolean): Uint8Array {
  const plain = withTrailer(new Uint8Array(20), kind === 'dummy' ? 59 : UDP);
  if (kind === 'padding') plain[plain.length - 2] = 200;
  const packet = sealByHand({ sequence, esn }, plain);
  if (kind === 'forged') packet[20] ^= 1;
  return kind === 'short' ? packet.subarray(0, 20) : packet;
}

interface Outcome {
  readonly drops: string[];
  readonly counted: number[];
  readonly verified: number;
  readonly window: number[];
}

for (const aead of ciphers()) {
  describe(`EspOpener, ${aead.name}`, () => {
    /** Opens packets in batches of a size. */
    function opened(
      packets: readonly Uint8Array[],
      size: number,
      sa: SecurityAssociation,
      midStream: boolean,
    ): Outcome {
      const opener = new EspOpener(aead);
      const inbound = new InboundSa(sa, aead, { midStream });
      const drops: string[] = [];
      for (let at = 0; at < packets.length; at += size) {
        for (const { drop, payload } of openBatch(opener, inbound, packets.slice(at, at + size))) {
          drops.push(`${drop} ${hex(payload)}`);
        }
      }
      inbound.close();
      const { window, verified } = inbound;
      return {
        drops,
        counted: [...inbound.drops],
        verified,
        window: [window.high, window.low, window.accepted],
      };
    }

    for (const esn of [false, true]) {
      for (const midStream of [false, true]) {
        test(`a batch${esn ? ' with ESN' : ''}${midStream ? ', mid-stream,' : ''} gives the same results as packets one by one, including counters`, () => {
          const base = esn ? 2n ** 32n - 8n : 0n;
          fc.assert(
            fc.property(
              stepsFrom(midStream ? base : 0n, esn),
              fc.constantFrom(...(esn ? [32, 64] : [0, 32, 64])),
              fc.constantFrom(undefined, 3),
              (steps, replayWindow, packets) => {
                const sequence = { high: 0, low: Number(base % 2n ** 32n) };
                const sa = association({
                  esn,
                  replayWindow,
                  ...(midStream ? { sequence } : {}),
                  ...(packets === undefined ? {} : { limits: { hard: { packets } } }),
                });
                const wire = steps.map((step) => packetOf(step, esn));
                const single = opened(wire, 1, sa, midStream);
                for (const size of [2, 7, 24]) assert.deepEqual(opened(wire, size, sa, midStream), single);
              },
            ),
            { seed: SEED, numRuns: 250 },
          );
        });
      }
    }

    test('a replay within a batch is Replayed, whether its ICV is correct or wrong', () => {
      const good = packetOf({ sequence: 5n, kind: 'sealed' }, false);
      const forged = packetOf({ sequence: 5n, kind: 'forged' }, false);
      const sa = new InboundSa(association({ replayWindow: 64 }), aead);
      const results = openBatch(new EspOpener(aead), sa, [forged, good, forged, good]);
      const { WrongIcv, None, Replayed } = EspDrop;
      assert.deepEqual(
        results.map(({ drop }) => drop),
        [WrongIcv, None, Replayed, Replayed],
      );
    });

    test('packets pushed before their SA was closed are still opened', () => {
      const opener = new EspOpener(aead);
      const sa = new InboundSa(association(), aead);
      const packet = packetOf({ sequence: 1n, kind: 'sealed' }, false);
      assert.equal(opener.push(sa, packet, 0, packet.length, 0), EspDrop.None);
      sa.close();
      assert.equal(opener.push(sa, packet, 0, packet.length, 0), EspDrop.Expired);
      opener.flush();
      assert.deepEqual([opener.count, opener.drop[0], sa.verified], [1, EspDrop.None, 1]);
    });

    test('if the cipher fails, no packet of the batch counts as opened', () => {
      const opener = new EspOpener(aead);
      const sa = new InboundSa(association(), aead);
      const packet = packetOf({ sequence: 1n, kind: 'sealed' }, false);
      opener.push(sa, packet, 0, packet.length, 0);
      // Without the SA noticing.
      aead.removeKey(sa.key);
      assert.throws(() => {
        opener.flush();
      });
      assert.deepEqual([opener.drop[0], sa.verified], [EspDrop.WrongIcv, 0]);
    });
  });
}
