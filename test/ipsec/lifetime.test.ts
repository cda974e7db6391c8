import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { nodeBackend } from '../../src/aead/index.js';
import {
  EspDrop,
  EspOpener,
  EspSealer,
  InboundSa,
  IpsecError,
  Lifetime,
  LifetimeState,
  OutboundSa,
  type SaLimits,
} from '../../src/ipsec/index.js';
import { association, MASK, NO_MASK, open, openBatch, seal, sealByHand, withTrailer } from './build.js';

const { Valid, Soft, Hard } = LifetimeState;
const PAYLOAD = new Uint8Array(100).fill(0x42);

/** One end of an SA without a replay window, driven packet by packet. */
interface End {
  readonly lifetime: Lifetime;
  readonly carry: (seconds: number) => EspDrop;
}

function ends(limits: SaLimits, created = 0): readonly (readonly [string, End])[] {
  const aead = nodeBackend.create();
  const sa = association({ limits });
  const outbound = new OutboundSa(sa, aead, { ivMask: MASK, created });
  const inbound = new InboundSa(sa, aead, { created });
  const sealer = new EspSealer(aead);
  const opener = new EspOpener(aead);
  const packet = sealByHand({ sequence: 1n }, withTrailer(PAYLOAD, 17));
  return [
    ['out', { lifetime: outbound.lifetime, carry: (seconds) => seal(sealer, outbound, PAYLOAD, 17, seconds).drop }],
    ['in', { lifetime: inbound.lifetime, carry: (seconds) => open(opener, inbound, packet, seconds) }],
  ];
}

describe('Lifetime (RFC 4301 section 4.4.2.1)', () => {
  for (const direction of [0, 1]) {
    const name = direction === 0 ? 'out' : 'in';
    const end = (limits: SaLimits, created = 0): End => ends(limits, created)[direction][1];

    test(`${name}: without limits an SA stays valid and counts packets and payload bytes`, () => {
      const { lifetime, carry } = end({});
      for (let i = 1; i <= 20; i++) {
        assert.equal(carry(i * 1e9), EspDrop.None);
        assert.deepEqual([lifetime.packets, lifetime.bytes, lifetime.state], [i, i * PAYLOAD.length, Valid]);
      }
    });

    test(`${name}: the packet that reaches the soft packet limit sets the state, and packets still pass`, () => {
      const { lifetime, carry } = end({ soft: { packets: 3 } });
      const states = Array.from({ length: 5 }, () => [carry(0), lifetime.state]);
      assert.deepEqual(
        states,
        [Valid, Valid, Soft, Soft, Soft].map((state) => [EspDrop.None, state]),
      );
    });

    test(`${name}: exactly as many packets pass as the hard limit allows`, () => {
      const { lifetime, carry } = end({ soft: { packets: 2 }, hard: { packets: 4 } });
      const states = Array.from({ length: 6 }, () => [carry(0), lifetime.state]);
      assert.deepEqual(states, [
        [EspDrop.None, Valid],
        [EspDrop.None, Soft],
        [EspDrop.None, Soft],
        [EspDrop.None, Soft],
        [EspDrop.Expired, Hard],
        [EspDrop.Expired, Hard],
      ]);
      assert.deepEqual([lifetime.packets, lifetime.bytes], [4, 400]);
    });

    test(`${name}: byte limits count payload, not padding, trailer or ICV`, () => {
      const { lifetime, carry } = end({ soft: { bytes: 200 }, hard: { bytes: 301 } });
      const states = Array.from({ length: 5 }, () => [carry(0), lifetime.state]);
      assert.deepEqual(states, [
        [EspDrop.None, Valid],
        [EspDrop.None, Soft],
        [EspDrop.None, Soft],
        // 300 bytes are below 301: one more passes, as in the kernel's xfrm_state_check_expire.
        [EspDrop.None, Soft],
        [EspDrop.Expired, Hard],
      ]);
    });

    test(`${name}: a hard byte limit reached exactly ends the SA`, () => {
      const { carry } = end({ hard: { bytes: 300 } });
      assert.deepEqual(
        Array.from({ length: 4 }, () => carry(0)),
        [EspDrop.None, EspDrop.None, EspDrop.None, EspDrop.Expired],
      );
    });

    test(`${name}: limits in seconds run from the SA’s creation`, () => {
      const { lifetime, carry } = end({ soft: { seconds: 10 }, hard: { seconds: 20 } }, 1000);
      const at = (seconds: number): readonly [EspDrop, LifetimeState] => [carry(seconds), lifetime.state];
      assert.deepEqual(at(1000), [EspDrop.None, Valid]);
      assert.deepEqual(at(1009.9), [EspDrop.None, Valid]);
      assert.deepEqual(at(1010), [EspDrop.None, Soft]);
      assert.deepEqual(at(1019.9), [EspDrop.None, Soft]);
      assert.deepEqual(at(1020), [EspDrop.Expired, Hard]);
      assert.deepEqual(at(5000), [EspDrop.Expired, Hard]);
    });

    test(`${name}: a hard limit without a soft one works, and the first of several`, () => {
      const { lifetime, carry } = end({ hard: { packets: 2, bytes: 10_000, seconds: 100 } });
      assert.deepEqual([carry(0), carry(0), lifetime.state], [EspDrop.None, EspDrop.None, Valid]);
      assert.deepEqual([carry(0), lifetime.state], [EspDrop.Expired, Hard]);
    });
  }

  test('out: an expired packet uses no sequence number', () => {
    const aead = nodeBackend.create();
    const sa = new OutboundSa(association({ limits: { hard: { packets: 2 } } }), aead, { ivMask: MASK });
    const sealer = new EspSealer(aead);
    for (let i = 0; i < 5; i++) seal(sealer, sa, PAYLOAD);
    assert.equal(sa.sequenceLow, 2);
  });

  test('out: a packet without room is not counted', () => {
    const aead = nodeBackend.create();
    const sa = new OutboundSa(association(), aead, { ivMask: MASK });
    assert.equal(new EspSealer(aead).push(sa, new Uint8Array(20), 15, 20, 17, 0), EspDrop.NoRoom);
    assert.deepEqual([sa.lifetime.packets, sa.lifetime.bytes, sa.sequenceLow], [0, 0, 0]);
  });

  test('in: a packet with a wrong ICV counts towards no limit', () => {
    const aead = nodeBackend.create();
    const sa = new InboundSa(association({ limits: { hard: { packets: 1 } } }), aead);
    const opener = new EspOpener(aead);
    const packet = sealByHand({ sequence: 1n }, withTrailer(PAYLOAD, 17));
    const forged = packet.slice();
    forged[20] ^= 1;
    for (let i = 0; i < 3; i++) assert.equal(open(opener, sa, forged), EspDrop.WrongIcv);
    assert.equal(open(opener, sa, packet), EspDrop.None);
    assert.equal(open(opener, sa, packet), EspDrop.Expired);
    assert.deepEqual([sa.verified, sa.drops[EspDrop.Expired], sa.drops[EspDrop.WrongIcv]], [1, 1, 3]);
  });

  test('a hard limit ends an SA at the same packet in a batch as one by one, in both directions', () => {
    const aead = nodeBackend.create();
    const sa = association({ limits: { hard: { packets: 3 } } });
    const outbound = new OutboundSa(association(), aead, { ivMask: NO_MASK });
    const sealer = new EspSealer(aead);
    const packets = Array.from({ length: 6 }, () => seal(sealer, outbound, PAYLOAD).packet);
    const expected = [0, 0, 0, 1, 1, 1].map((midStream) => (midStream === 0 ? EspDrop.None : EspDrop.Expired));

    const limited = new OutboundSa(sa, aead, { ivMask: NO_MASK });
    const bytes = new Uint8Array(6 * 200);
    const pushed = packets.map((_, i) => sealer.push(limited, bytes, i * 200 + 16, i * 200 + 116, 17, 0));
    sealer.flush();
    assert.deepEqual(pushed, expected, 'out');

    const results = openBatch(new EspOpener(aead), new InboundSa(sa, aead), packets);
    assert.deepEqual(
      results.map(({ drop }) => drop),
      expected,
      'in',
    );
  });

  test('a limit that is not more than 0 is BAD_LIMIT', () => {
    for (const wrong of [0, -1, Number.NaN]) {
      for (const kind of ['soft', 'hard'] as const) {
        for (const what of ['packets', 'bytes', 'seconds'] as const) {
          assert.throws(
            () => new Lifetime({ [kind]: { [what]: wrong } }),
            (error) => error instanceof IpsecError && error.code === 'BAD_LIMIT' && error.message.includes(what),
          );
        }
      }
    }
  });
});
