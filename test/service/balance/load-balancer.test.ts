/** The load balancer's rules beyond the recordings: identity there and back, floods, expiry, hostile frames. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { SeededRandom } from '../../../src/replay/random.js';
import { nextSctpState, writeSctpChecksum } from '../../../src/service/balance/state/sctp-state.js';
import { BALANCE_HEADROOM, BalanceDrop, BalanceVerdict, SctpState } from '../../../src/service/index.js';
import { checksum, pseudoHeaderSum } from '../../../src/wire/index.js';
import {
  ACK,
  accounts,
  answerTo,
  balancerOf,
  connect,
  FIN,
  fragmentsOf,
  frameOf,
  LOCAL,
  RST,
  SCTP,
  SYN,
  TCP,
  through,
  UDP,
} from './frames.js';
import { hexOf, put } from './recording.js';

describe('a load balancer', () => {
  test('translating there and back is the identity, with valid checksums on the way', () => {
    const property = fc.property(
      fc.constantFrom(TCP, UDP),
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 1, max: 65_535 }),
      fc.integer({ min: 1, max: 65_535 }),
      fc.integer({ min: 11, max: 250 }),
      (protocol, payload, port, vport, host) => {
        const { balancer } = balancerOf(3);
        const from = [10, 0, 9, host === 100 ? 11 : host];
        // Another client takes the port at each backend, so that it has to change.
        for (let i = 0; i < 3; i++) {
          through(balancer, frameOf({ from: [10, 0, 8, i], ports: [port, vport], protocol }));
        }
        const sent = frameOf({ from, ports: [port, vport], protocol, payload });
        const arrived = through(balancer, sent);
        const length = arrived.length - 34;
        assert.equal(checksum(arrived, 14, 34), 0);
        assert.equal(checksum(arrived, 34, arrived.length, pseudoHeaderSum(4, arrived, 26, protocol, length)), 0);
        assert.deepEqual([...arrived.subarray(26, 30)], LOCAL);
        const back = through(balancer, answerTo(arrived, SYN | ACK));
        // Except for the hop's TTL it is what the VIP itself would have answered.
        const expected = answerTo(sent, SYN | ACK);
        expected.set([...sent.subarray(6, 12), ...sent.subarray(0, 6)]);
        expected[22]--;
        expected.set([0, 0], 24);
        new DataView(expected.buffer).setUint16(24, checksum(expected, 14, 34));
        assert.deepEqual([...back], [...expected]);
        accounts(balancer);
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  test('prefetching changes no result, whatever the offsets', () => {
    const { balancer } = balancerOf(2);
    const frame = frameOf({});
    balancer.prefetch(frame, [0, -1, frame.length - 1, frame.length, 1 << 30, 0], 6);
    balancer.prefetch(new Uint8Array(3), [0], 1);
    const first = through(balancer, frame);
    balancer.prefetch(frame, new Array<number>(1000).fill(0), 1000);
    assert.deepEqual(through(balancer, frame), first);
    assert.deepEqual([balancer.table.size, balancer.accounting().received], [1, 2]);
  });

  test('prefetching 5,000 connections changes no byte, also where connections end or rows are reused in between', () => {
    const [plain, batched] = [balancerOf(3, 5000, { seed: 1 }).balancer, balancerOf(3, 5000, { seed: 2 }).balancer];
    const ports = Array.from({ length: 5000 }, (_, i) => 1024 + i * 12);
    for (const balancer of [plain, batched]) for (const port of ports) connect(balancer, { ports: [port, 80] });
    const slot = 128;
    const random = new SeededRandom(3);
    for (let batch = 0; batch < 40; batch++) {
      const frames = Array.from({ length: 32 }, (_, i) => {
        // Some close, and come again as a new connection; two are garbage, which the prefetched order has to survive.
        const flags = [ACK, ACK, ACK, RST, SYN, FIN | ACK][random.below(6)];
        const frame = frameOf({ ports: [ports[random.below(500)], 80], flags });
        return i % 16 === 5 ? frame.slice(0, 20) : frame;
      });
      const bytes = new Uint8Array(33 * slot);
      const starts = frames.map((frame, i) => {
        bytes.set(frame, i * slot + BALANCE_HEADROOM);
        return i * slot + BALANCE_HEADROOM;
      });
      batched.prefetch(bytes, starts, starts.length);
      // Time passes, so that some end between one batch and the next: 10 s after a reset.
      const now = 1 + batch;
      frames.forEach((frame, i) => {
        const verdict = batched.translate(bytes, starts[i], starts[i] + frame.length, now);
        const expected = put(plain, frame, now);
        if (verdict === BalanceVerdict.Dropped) assert.equal(batched.drop, expected);
        else assert.deepEqual([hexOf(bytes.subarray(batched.start, batched.end))], expected);
      });
    }
    assert.deepEqual(batched.accounting(), plain.accounting());
    assert.ok(batched.table.size >= 4096 && batched.table.expired > 0);
  });

  test('lists its connections, up to a limit, with the seconds that they have left', () => {
    const { balancer } = balancerOf(1);
    connect(balancer, { ports: [4001, 80] }, 10);
    through(balancer, frameOf({ ports: [4002, 53], protocol: UDP }), 20);
    const common = { client: '10.0.9.10', vip: '10.0.9.2', backend: '10.0.9.100', local: '10.0.9.7' };
    const tcp = { protocol: 'tcp', clientPort: 4001, vipPort: 80, backendPort: 80, localPort: 4001 };
    const udp = { protocol: 'udp', clientPort: 4002, vipPort: 53, backendPort: 53, localPort: 4002 };
    const expected = [
      { ...common, ...tcp, state: 'ESTABLISHED', halfOpen: false, expiresIn: 885 },
      { ...common, ...udp, state: 'UDP', halfOpen: true, expiresIn: 295 },
    ];
    assert.deepEqual(balancer.connections(25), expected);
    assert.deepEqual(balancer.connections(25, 1), expected.slice(0, 1));
    assert.deepEqual(balancer.connections(25, 0), []);
    assert.deepEqual(balancer.connections(10_000), []);
  });

  test('an idle balancer gives up connections and fragments without a packet', () => {
    const { balancer } = balancerOf(1);
    for (let port = 1; port <= 500; port++) through(balancer, frameOf({ ports: [port, 80] }));
    const [first] = fragmentsOf(frameOf({ protocol: UDP, payload: new Uint8Array(100) }), [64]);
    assert.deepEqual(put(balancer, first, 0), []);
    assert.equal(balancer.accounting().held, 1);
    assert.equal(balancer.expire(1), 0);
    assert.equal(balancer.expire(70), 500);
    assert.deepEqual([balancer.table.size, balancer.accounting().held], [0, 0]);
    accounts(balancer);
  });

  test("a backend's MAC may change under its connections", () => {
    const { balancer, web } = balancerOf(1);
    connect(balancer, {});
    balancer.setBackendMac(web, '10.0.9.100', '02:00:00:00:00:09');
    assert.equal(hexOf(through(balancer, frameOf({ flags: ACK })).subarray(0, 6)), '020000000009');
    balancer.setBackendMac(web, '10.0.9.100');
    assert.equal(hexOf(through(balancer, frameOf({ flags: ACK })).subarray(0, 6)), '02420a000964');
    assert.throws(() => balancer.setBackendMac(web, '10.0.9.1'), { code: 'UNKNOWN_BACKEND' });
    assert.throws(() => balancer.setBackendMac(web, '10.0.9.100', 'x'), { name: 'VtepError' });
  });

  test('UDP without a checksum stays without one', () => {
    const frame = frameOf({ protocol: UDP });
    frame.set([0, 0], 40);
    assert.deepEqual([...through(balancerOf().balancer, frame).subarray(40, 42)], [0, 0]);
  });

  test('SCTP keeps its CRC-32C if the port stays, and gets a new one if it changes', () => {
    const { balancer } = balancerOf();
    const payload = Uint8Array.of(1, 0, 0, 4);
    const first = through(balancer, frameOf({ protocol: SCTP, payload }));
    const second = through(balancer, frameOf({ protocol: SCTP, payload, from: [10, 0, 9, 11] }));
    assert.notDeepEqual(first.subarray(34, 36), second.subarray(34, 36));
    for (const frame of [first, second]) {
      const copy = frame.slice();
      writeSctpChecksum(copy, 34, copy.length);
      assert.deepEqual(frame.subarray(42, 46), copy.subarray(42, 46));
    }
    const data = frameOf({ protocol: SCTP, payload: Uint8Array.of(0, 0, 0, 4), ports: [1, 2] });
    assert.equal(put(balancer, data, 0), BalanceDrop.NoAssociation);
  });

  test('an SCTP association is established by its cookies and closed by an ABORT after one', () => {
    const steps = [
      [0, [1, 0, 0, 4], SctpState.Init1],
      [1, [2, 0, 0, 4], SctpState.CookieSent],
      [0, [10, 0, 0, 4], SctpState.CookieReplied],
      [1, [11, 0, 0, 4], SctpState.Established],
      [0, [11, 0, 0, 4, 6, 0, 0, 4], SctpState.Closed],
    ] as const;
    let state: number = SctpState.None;
    for (const [table, chunks, expected] of steps) {
      const bytes = Uint8Array.from([...new Uint8Array(12), ...chunks]);
      state = nextSctpState(table, bytes, 0, bytes.length, state);
      assert.equal(state, expected);
    }
  });

  test('a SYN flood evicts the oldest half-open connections, and established ones survive it', () => {
    const { balancer } = balancerOf(1, 100);
    const arrived = through(balancer, frameOf({ ports: [1111, 80] }));
    through(balancer, answerTo(arrived, SYN | ACK));
    through(balancer, frameOf({ ports: [1111, 80], flags: ACK }));
    for (let port = 2000; port < 12_000; port++) through(balancer, frameOf({ from: [10, 9, 9, 9], ports: [port, 80] }));
    assert.deepEqual([balancer.table.size, balancer.table.evicted], [100, 9901]);
    through(balancer, answerTo(arrived, ACK));
    // The newest half-open one is still there: its answer comes back.
    through(balancer, frameOf({ from: [10, 0, 9, 100], to: LOCAL, ports: [80, 11_999], flags: SYN | ACK }));
    accounts(balancer);
  });

  test('a table full of established connections refuses new ones and counts them', () => {
    const { balancer } = balancerOf(1, 2);
    for (const port of [1, 2]) {
      through(balancer, frameOf({ ports: [port, 80] }));
      through(balancer, frameOf({ ports: [port, 80], flags: ACK }));
    }
    assert.equal(put(balancer, frameOf({ ports: [3, 80] }), 0), BalanceDrop.TableFull);
    assert.deepEqual(balancer.accounting().dropped, { NOMEM: 1 });
  });

  test('without a free source port a new connection is dropped and counted', () => {
    const { balancer } = balancerOf(1, 2000);
    // The class below 512 has 511 ports.
    let dropped = 0;
    for (let host = 0; host < 600; host++) {
      const from = [10, 1, host >>> 8, host & 0xff];
      if (put(balancer, frameOf({ from, ports: [300, 80] }), 0) === BalanceDrop.NoSourcePort) dropped++;
    }
    assert.ok(dropped >= 89 && dropped < 300, `${dropped} dropped`);
    assert.equal(balancer.ports.exhausted, dropped);
    assert.equal(balancer.table.size, 600 - dropped);
  });

  test('an idle connection lasts 900 s; then its next segment is reset', () => {
    const { balancer } = balancerOf();
    const arrived = through(balancer, frameOf({}));
    through(balancer, answerTo(arrived, SYN | ACK), 0.1);
    through(balancer, frameOf({ flags: ACK }), 0.2);
    through(balancer, frameOf({ flags: ACK }), 900.1);
    const reset = through(balancer, frameOf({ flags: ACK }), 1800.2);
    assert.equal(reset[47], RST);
    assert.equal(balancer.table.size, 0);
  });

  test('UDP flows last 300 s after their last packet, then are scheduled anew', () => {
    const { balancer } = balancerOf(2);
    const backend = (now: number): number => through(balancer, frameOf({ protocol: UDP }), now)[33];
    assert.deepEqual([backend(0), backend(299), backend(598), backend(899)], [101, 101, 101, 100]);
  });

  test('a removed backend is forgotten with its last connection, and its counts stay with the service', () => {
    const { balancer, web } = balancerOf();
    through(balancer, frameOf({}));
    balancer.removeBackend(web, '10.0.9.100');
    assert.equal(put(balancer, frameOf({ flags: ACK }), 0), BalanceDrop.BackendRemoved);
    assert.equal(through(balancer, frameOf({ flags: ACK }))[47], RST);
    const [counts] = balancer.counts();
    assert.deepEqual([counts.opened, counts.packetsIn, counts.backends.length], [1, 1, 0]);
  });

  test('a service that is removed with connections takes none of its successor on the VIP along', () => {
    const { balancer, web } = balancerOf();
    through(balancer, frameOf({}));
    balancer.removeService(web);
    const next = balancer.addService({ name: 'next', vip: '10.0.9.2' });
    balancer.addBackend(next, { address: '10.0.9.200' });
    assert.equal(put(balancer, frameOf({ flags: FIN | ACK }), 0), BalanceDrop.BackendRemoved);
    assert.equal(through(balancer, frameOf({}))[33], 200);
    assert.equal(balancer.counts()[0].opened, 1);
  });

  test('a VIP, a port and a backend can be given once', () => {
    const { balancer, web } = balancerOf();
    assert.throws(() => balancer.addService({ name: 'b', vip: '10.0.9.2' }), { code: 'SERVICE_EXISTS' });
    assert.throws(() => balancer.addBackend(web, { address: '10.0.9.100' }), { code: 'BACKEND_EXISTS' });
    assert.throws(() => balancer.addBackend(99, { address: '10.0.9.1' }), { code: 'UNKNOWN_SERVICE' });
    assert.throws(() => balancer.setWeight(web, '10.0.9.1', 1), { code: 'UNKNOWN_BACKEND' });
    assert.throws(() => balancer.setWeight(web, '10.0.9.100', -1), { code: 'BAD_BALANCER' });
    assert.throws(() => balancer.addService({ name: 'c' }), { code: 'BAD_BALANCER' });
  });

  test('an ICMP error about nothing it knows, or with a wrong checksum, is dropped', () => {
    const { balancer } = balancerOf();
    const icmp = frameOf({ protocol: UDP, payload: new Uint8Array(40) });
    icmp[23] = 1;
    icmp.set([0, 0], 24);
    new DataView(icmp.buffer).setUint16(24, checksum(icmp, 14, 34));
    icmp.set([3, 3, 0, 0, 0, 0, 0, 0], 34);
    assert.equal(put(balancer, icmp, 0), BalanceDrop.IcmpChecksum);
    new DataView(icmp.buffer).setUint16(36, checksum(icmp, 34, icmp.length));
    assert.equal(put(balancer, icmp, 0), BalanceDrop.NoSocket);
  });

  test('ICMP errors are limited to 50 at once and 1000 a second', () => {
    const { balancer } = balancerOf(0);
    const results = Array.from({ length: 60 }, (_, i) => put(balancer, frameOf({ ports: [i + 1, 80] }), 5));
    assert.equal(results.filter((result) => result === BalanceDrop.IcmpRateLimited).length, 10);
    assert.equal(typeof put(balancer, frameOf({}), 5.001), 'object');
  });

  test('any bytes are dropped or answered, never thrown at, and every frame is accounted for', () => {
    const { balancer } = balancerOf(2, 50);
    const base = frameOf({ payload: new Uint8Array(60) });
    const property = fc.property(
      fc.uint8Array({ maxLength: 120 }),
      fc.array(fc.tuple(fc.integer({ min: 12, max: base.length - 1 }), fc.integer({ min: 0, max: 255 })), {
        maxLength: 6,
      }),
      fc.integer({ min: 0, max: base.length }),
      (bytes, edits, length) => {
        put(balancer, bytes, 1);
        const edited = base.slice();
        for (const [at, value] of edits) edited[at] = value;
        edited.set([0, 0], 24);
        new DataView(edited.buffer).setUint16(
          24,
          checksum(edited, 14, Math.min(14 + (edited[14] & 15) * 4, edited.length)),
        );
        put(balancer, edited.subarray(0, length), 1);
        put(balancer, edited, 1);
        accounts(balancer);
      },
    );
    fc.assert(property, { numRuns: 2000 });
  });
});
