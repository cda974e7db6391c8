/**
 * The cases of FD.io VPP's test/template_ipsec.py, verify_tra_anti_replay and verify_tra_anti_replay_esn, with real
 * packets through EspSealer and EspOpener. "Case A": the window is within one subspace of 2^32 sequence numbers; "case
 * B": it reaches back into the previous subspace (RFC 4303 appendix A2.1).
 */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Aead, nodeBackend } from '../../src/aead/index.js';
import { EspDrop, EspOpener, EspSealer, InboundSa, OutboundSa } from '../../src/ipsec/index.js';
import { association, ciphers, MASK, open, openBatch, seal, sealByHand, withTrailer } from './build.js';

const WINDOW = 64;
const RUN = 2n ** 32n;
const PAYLOAD = new Uint8Array(40).fill(0x61);
const { None, Replayed, OutsideWindow, WrongIcv, TooShort, SequenceExhausted } = EspDrop;

interface Setup {
  readonly esn?: boolean;
  readonly window?: number;
  readonly icvLength?: number;
}

/** Both ends of an SA. The sender is set to each packet's number, as in VPP's test. */
class Ends {
  readonly inbound: InboundSa;
  readonly opener: EspOpener;
  readonly #sealer: EspSealer;
  readonly #esn: boolean;
  readonly #icvLength: number;
  readonly #aead: Aead;

  constructor({ esn = false, window = WINDOW, icvLength = 16 }: Setup = {}, aead: Aead = nodeBackend.create()) {
    this.#aead = aead;
    this.#esn = esn;
    this.#icvLength = icvLength;
    this.inbound = new InboundSa(association({ esn, icvLength, replayWindow: window }), aead);
    this.opener = new EspOpener(aead);
    this.#sealer = new EspSealer(aead);
  }

  sender(last: bigint): OutboundSa {
    const sequence = { high: Number(last >> 32n), low: Number(last & (RUN - 1n)) };
    const sa = association({ esn: this.#esn, icvLength: this.#icvLength, replayWindow: WINDOW });
    return new OutboundSa(sa, this.#aead, { ivMask: MASK, sequence });
  }

  packet(number: bigint): Uint8Array {
    const sa = this.sender(number - 1n);
    const { drop, packet } = seal(this.#sealer, sa, PAYLOAD);
    assert.equal(drop, None);
    sa.close();
    return packet;
  }

  /** A packet with this number and a wrong ICV. */
  forged(number: bigint): Uint8Array {
    const packet = this.packet(number);
    packet[packet.length - 1] ^= 1;
    return packet;
  }

  receive(number: bigint): EspDrop {
    return open(this.opener, this.inbound, this.packet(number));
  }

  receiveAll(from: bigint, to: bigint): void {
    for (let number = from; number <= to; number++) assert.equal(this.receive(number), None, `packet ${number}`);
  }

  get top(): bigint {
    return BigInt(this.inbound.window.high) * RUN + BigInt(this.inbound.window.low);
  }
}

/** With ESN, shortly before the first wrap: an empty window would take the end of a subspace for the previous one. */
function nearWrap(aead: Aead = nodeBackend.create()): Ends {
  const both = new Ends({ esn: true }, aead);
  assert.equal(both.receive(RUN - 1000n), None);
  return both;
}

const BOTH = [false, true] as const;
const name = (esn: boolean): string => (esn ? 'with ESN' : 'without ESN');

for (const aead of ciphers()) {
  for (const esn of BOTH) {
    describe(`anti-replay (VPP verify_tra_anti_replay) ${name(esn)}, ${aead.name}`, () => {
      const ends = (setup: Setup = {}): Ends => new Ends({ esn, ...setup }, aead);

      test('accepts packets 1 to 34: the window is in case B', () => {
        const both = ends();
        both.receiveAll(1n, 34n);
        const { inbound } = both;
        assert.equal(both.top, 34n);
        assert.deepEqual([inbound.verified, inbound.window.missing, inbound.window.lost], [34, 0, 0]);
      });

      test('packets 1 to 34 again are replays, each counted', () => {
        const both = ends();
        both.receiveAll(1n, 34n);
        for (let number = 1n; number <= 34n; number++) assert.equal(both.receive(number), Replayed);
        assert.deepEqual([both.inbound.verified, both.inbound.drops[Replayed]], [34, 34]);
      });

      test('only the first packet with a number passes within a batch', () => {
        const both = ends();
        both.receiveAll(1n, 34n);
        const packets = Array.from({ length: 5 }, () => both.packet(35n));
        const results = openBatch(both.opener, both.inbound, packets);
        assert.deepEqual(
          results.map(({ drop }) => drop),
          [None, Replayed, Replayed, Replayed, Replayed],
        );
        assert.deepEqual(results[0].payload, PAYLOAD);
        assert.deepEqual([both.inbound.verified, both.inbound.drops[Replayed]], [35, 4]);
      });

      test('the second packet with a number passes within a batch if the first is forged', () => {
        const both = ends();
        both.receiveAll(1n, 34n);
        const packets = [both.forged(35n), both.packet(35n), both.packet(35n)];
        const results = openBatch(both.opener, both.inbound, packets);
        assert.deepEqual(
          results.map(({ drop }) => drop),
          [WrongIcv, None, Replayed],
        );
      });

      test('a jump of 100 ahead moves the window to case A', () => {
        const both = ends();
        both.receiveAll(1n, 34n);
        assert.equal(both.receive(134n), None);
        assert.equal(both.top, 134n);
        assert.equal(both.receive(134n), Replayed);
        assert.equal(both.receive(34n), esn ? WrongIcv : OutsideWindow);
      });

      test('a jump of the window and 258 ahead, and the packets still within the window', () => {
        const both = ends();
        both.receiveAll(1n, 34n);
        const top = 34n + BigInt(WINDOW) + 258n;
        assert.equal(both.receive(top), None);
        assert.equal(both.receive(top - BigInt(WINDOW) + 1n), None);
        assert.equal(both.receive(top - BigInt(WINDOW) + 1n), Replayed);
        assert.equal(both.receive(top - 1n), None);
        assert.equal(both.top, top);
      });

      test('late packets within the window are accepted once, in any order', () => {
        const both = ends();
        assert.equal(both.receive(300n), None);
        for (let back = 1n; back < BigInt(WINDOW); back += 3n) assert.equal(both.receive(300n - back), None);
        for (let back = 1n; back < BigInt(WINDOW); back += 3n) assert.equal(both.receive(300n - back), Replayed);
        for (let back = 2n; back < BigInt(WINDOW); back += 3n) assert.equal(both.receive(300n - back), None);
      });

      test('RFC 4303 section 3.4.3: a packet that fails decryption does not move the window', () => {
        const both = ends();
        both.receiveAll(1n, 34n);
        for (const number of [35n, 34n + 100n, 34n + 5000n, 2n ** 31n, RUN - 64n]) {
          assert.equal(open(both.opener, both.inbound, both.forged(number)), WrongIcv);
          assert.equal(both.top, 34n);
        }
        assert.deepEqual([both.inbound.drops[WrongIcv], both.inbound.window.accepted], [5, 34]);
        both.receiveAll(35n, 40n);
      });

      test('a packet that fails decryption does not mark its number', () => {
        const both = ends();
        both.receiveAll(1n, 34n);
        assert.equal(both.receive(50n), None);
        assert.equal(open(both.opener, both.inbound, both.forged(45n)), WrongIcv);
        assert.equal(both.receive(45n), None);
      });

      test('a runt packet is too short, and does not move the window', () => {
        const both = ends();
        both.receiveAll(1n, 34n);
        const packet = both.packet(35n);
        for (let length = 0; length < 8 + 8 + 2 + 16; length++) {
          assert.equal(open(both.opener, both.inbound, packet.subarray(0, length)), TooShort, `${length} bytes`);
        }
        assert.equal(both.inbound.drops[TooShort], 34);
        assert.equal(both.top, 34n);
        assert.equal(open(both.opener, both.inbound, packet), None);
      });

      test('the lost-packet counter counts numbers that the window passed without a packet', () => {
        const both = ends();
        both.receiveAll(1n, 34n);
        const { window } = both.inbound;
        assert.equal(both.receive(134n), None);
        // 71 to 133 may still arrive, 35 to 70 can't.
        assert.deepEqual([window.missing, window.lost], [99, 36]);
        both.receiveAll(100n, 110n);
        assert.deepEqual([window.missing, window.lost], [88, 36]);
        assert.equal(both.receive(134n + BigInt(WINDOW)), None);
        // Of 71 to 134, 100 to 110 and 134 have arrived.
        assert.deepEqual([window.missing, window.lost], [88 + 63, 36 + 63 - 11]);
      });

      test('RFC 4303 section 3.3.3: sequence number 0 is never accepted', () => {
        const both = ends();
        const zero = sealByHand({ sequence: 0n, esn, icvLength: 16 }, withTrailer(PAYLOAD, 17));
        assert.equal(open(both.opener, both.inbound, zero), OutsideWindow);
      });
    });
  }
}

describe('anti-replay without ESN', () => {
  test('out of window: numbers before it, down to 1, are dropped before decryption', () => {
    const both = new Ends();
    assert.equal(both.receive(500n), None);
    for (const number of [500n - BigInt(WINDOW), 400n, 2n, 1n]) assert.equal(both.receive(number), OutsideWindow);
    assert.equal(open(both.opener, both.inbound, both.forged(10n)), OutsideWindow);
    assert.deepEqual([both.inbound.drops[OutsideWindow], both.inbound.drops[WrongIcv]], [5, 0]);
  });

  test('RFC 4303 section 3.3.3: TX wrap, nothing is sent after 2^32 - 1', () => {
    const aead = nodeBackend.create();
    const both = new Ends({}, aead);
    const sa = both.sender(RUN - 2n);
    const sealer = new EspSealer(aead);
    const last = seal(sealer, sa, PAYLOAD);
    assert.equal(last.drop, None);
    assert.equal(open(both.opener, both.inbound, last.packet), None);
    for (let i = 0; i < 3; i++) assert.equal(seal(sealer, sa, PAYLOAD).drop, SequenceExhausted);
    assert.deepEqual([sa.sequenceHigh, sa.sequenceLow], [0, 0xffffffff]);
  });

  test('RX wrap: after 2^32 - 1 no number is new', () => {
    const both = new Ends();
    both.receiveAll(RUN - 70n, RUN - 1n);
    for (const number of [1n, 2n, 1000n, 2n ** 31n]) assert.equal(both.receive(number), OutsideWindow);
    assert.equal(both.receive(RUN - 1n), Replayed);
  });

  test('window off: replays, old and distant numbers all pass (Linux: replay-window 0)', () => {
    for (const aead of ciphers()) {
      const both = new Ends({ window: 0 }, aead);
      for (const number of [1n, 1n, 1000n, 1n, RUN - 1n, 2n, 1000n]) assert.equal(both.receive(number), None);
      const packets = Array.from({ length: 5 }, () => both.packet(7n));
      for (const { drop } of openBatch(both.opener, both.inbound, packets)) assert.equal(drop, None);
      assert.equal(open(both.opener, both.inbound, both.forged(8n)), WrongIcv);
      assert.deepEqual([both.inbound.verified, both.inbound.drops[Replayed]], [12, 0]);
    }
  });
});

describe('anti-replay with ESN (VPP verify_tra_anti_replay_esn)', () => {
  test('TX wrap: the sender continues, and the receiver follows', () => {
    for (const aead of ciphers()) {
      const both = nearWrap(aead);
      const sa = both.sender(RUN - 4n);
      const sealer = new EspSealer(aead);
      for (let number = RUN - 3n; number < RUN + 4n; number++) {
        const { drop, packet } = seal(sealer, sa, PAYLOAD);
        assert.equal(drop, None);
        assert.equal(open(both.opener, both.inbound, packet), None);
        assert.equal(both.top, number);
      }
      assert.deepEqual([sa.sequenceHigh, sa.sequenceLow], [1, 3]);
    }
  });

  test('RFC 4303 A2.1, case B: before the first packet the end of the first subspace is outside the window', () => {
    const both = new Ends({ esn: true });
    assert.equal(both.receive(RUN - 5n), OutsideWindow);
    assert.equal(both.receive(RUN - BigInt(WINDOW)), None);
  });

  test('out of window: a number before it reads as one of the next subspace, and its ICV is wrong', () => {
    const both = new Ends({ esn: true });
    assert.equal(both.receive(500n), None);
    for (const number of [500n - BigInt(WINDOW), 400n, 1n]) assert.equal(both.receive(number), WrongIcv);
    assert.equal(both.top, 500n);
  });

  test('RX wrap from case A to case B: the window reaches back over the wrap', () => {
    const both = nearWrap();
    assert.equal(both.receive(RUN - 5n), None);
    assert.equal(both.receive(RUN + 5n), None);
    assert.equal(both.top, RUN + 5n);
    // Numbers of the previous subspace are still in the window, and accepted once.
    for (const number of [RUN - 1n, RUN - 4n, RUN + 5n - BigInt(WINDOW) + 1n]) {
      assert.equal(both.receive(number), None);
      assert.equal(both.receive(number), Replayed);
    }
    assert.equal(both.receive(RUN - 5n), Replayed);
    assert.equal(both.top, RUN + 5n);
    both.receiveAll(RUN, RUN + 4n);
    // One before the window: case B reads it as of this subspace, far ahead, and its ICV is wrong.
    assert.equal(both.receive(RUN + 5n - BigInt(WINDOW)), WrongIcv);
    assert.equal(both.top, RUN + 5n);
  });

  test('RX wrap from case B to case A: the previous subspace is out of reach', () => {
    const both = nearWrap();
    assert.equal(both.receive(RUN - 5n), None);
    assert.equal(both.receive(RUN + 5n), None);
    assert.equal(both.receive(RUN + 1000n), None);
    assert.equal(both.top, RUN + 1000n);
    assert.equal(both.receive(RUN - 1n), WrongIcv);
    assert.equal(both.receive(RUN + 999n), None);
    assert.equal(both.receive(RUN + 1000n - BigInt(WINDOW)), WrongIcv);
  });

  test('a second wrap is followed only after the window has moved to case B again', () => {
    const both = nearWrap();
    assert.equal(both.receive(RUN - 5n), None);
    assert.equal(both.receive(RUN + 5n), None);
    // In case B a number two subspaces ahead looks like one of this subspace.
    assert.equal(both.receive(2n * RUN + 5n + 1n), WrongIcv);
    assert.equal(both.top, RUN + 5n);
    assert.equal(both.receive(RUN + 2n ** 31n), None);
    assert.equal(both.receive(2n * RUN - 3n), None);
    assert.equal(both.receive(2n * RUN + 3n), None);
    assert.equal(both.receive(2n * RUN - 2n), None);
    assert.equal(both.top, 2n * RUN + 3n);
    both.receiveAll(2n * RUN + 4n, 2n * RUN + 80n);
    assert.equal(both.receive(2n * RUN + 4n), WrongIcv);
    assert.equal(both.receive(2n * RUN + 80n), Replayed);
  });

  test('a batch across the wrap gives the same results as packets one by one', () => {
    for (const aead of ciphers()) {
      const numbers = [RUN - 3n, RUN - 1n, RUN + 2n, RUN, RUN - 2n, RUN - 1n, RUN + 1n, RUN];
      const whole = nearWrap(aead);
      const single = nearWrap(aead);
      whole.receiveAll(RUN - 10n, RUN - 5n);
      single.receiveAll(RUN - 10n, RUN - 5n);
      const packets = numbers.map((number) => whole.packet(number));
      const expected = packets.map((packet) => open(single.opener, single.inbound, packet));
      assert.deepEqual(expected, [None, None, None, None, None, Replayed, None, Replayed]);
      const results = openBatch(whole.opener, whole.inbound, packets);
      assert.deepEqual(
        results.map(({ drop }) => drop),
        expected,
      );
      assert.equal(whole.top, single.top);
    }
  });

  test('a forged packet that would wrap the sequence number does not move the window', () => {
    const both = nearWrap();
    assert.equal(both.receive(RUN - 5n), None);
    assert.equal(open(both.opener, both.inbound, both.forged(RUN + 5n)), WrongIcv);
    assert.equal(both.top, RUN - 5n);
    assert.equal(both.receive(RUN - 4n), None);
  });

  test('RFC 4303 section 2.2.1: sequence numbers have 64 bits, high-order halves from 2^31 on work too', () => {
    for (const aead of ciphers()) {
      const start = 2n ** 63n - 2n;
      const sa = association({ esn: true, icvLength: 16, replayWindow: WINDOW });
      const sequence = { high: Number(start >> 32n), low: Number(start & (RUN - 1n)) };
      const inbound = new InboundSa({ ...sa, sequence }, aead, { midStream: true });
      const outbound = new OutboundSa(sa, aead, { ivMask: MASK, sequence });
      const sealer = new EspSealer(aead);
      const opener = new EspOpener(aead);
      for (let i = 0; i < 4; i++) {
        const { packet } = seal(sealer, outbound, PAYLOAD);
        assert.equal(open(opener, inbound, packet), None, `packet ${i}`);
        assert.equal(opener.sequenceHigh[0] >>> 0, outbound.sequenceHigh);
      }
    }
  });

  test('RFC 4303 section 3.3.3: the last 64-bit number is sent, and none after it', () => {
    const aead = nodeBackend.create();
    const sa = new OutboundSa(association({ esn: true, replayWindow: WINDOW }), aead, {
      ivMask: MASK,
      sequence: { high: 0xffffffff, low: 0xfffffffe },
    });
    const sealer = new EspSealer(aead);
    assert.equal(seal(sealer, sa, PAYLOAD).drop, None);
    assert.deepEqual([sa.sequenceHigh, sa.sequenceLow], [0xffffffff, 0xffffffff]);
    assert.equal(seal(sealer, sa, PAYLOAD).drop, SequenceExhausted);
  });
});
