/** The load balancer's rules beyond the recordings: identity there and back, floods, expiry, hostile frames. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BalanceDrop, LoadBalancer, SctpState } from '../../../src/service/index.js';
import { nextSctpState, writeSctpChecksum } from '../../../src/service/balance/sctp-state.js';
import { checksum, pseudoHeaderSum } from '../../../src/wire/index.js';
import { put } from './recording.js';

const CLIENT = [10, 0, 9, 10];
const VIP = [10, 0, 9, 2];
const LOCAL = [10, 0, 9, 7];
const TCP = 6;
const UDP = 17;
const SCTP = 132;
const FIN = 1;
const SYN = 2;
const RST = 4;
const ACK = 16;

interface Packet {
  readonly from?: readonly number[];
  readonly to?: readonly number[];
  readonly ports?: readonly [number, number];
  readonly protocol?: number;
  readonly flags?: number;
  readonly payload?: Uint8Array;
  readonly ttl?: number;
}

/** A frame to the balancer, with valid checksums. */
function frameOf(packet: Packet): Uint8Array {
  const { from = CLIENT, to = VIP, ports = [20_000, 80], protocol = TCP, flags = SYN, ttl = 64 } = packet;
  const { payload = new Uint8Array(0) } = packet;
  const header = protocol === TCP ? 20 : protocol === UDP ? 8 : 12;
  const bytes = new Uint8Array(34 + header + payload.length);
  const view = new DataView(bytes.buffer);
  bytes.set([2, 0x42, ...LOCAL, 2, 0x42, ...from, 8, 0, 0x45, 0]);
  view.setUint16(16, 20 + header + payload.length);
  bytes.set([0, 1, 0x40, 0, ttl, protocol, 0, 0, ...from, ...to], 18);
  view.setUint16(24, checksum(bytes, 14, 34));
  view.setUint16(34, ports[0]);
  view.setUint16(36, ports[1]);
  bytes.set(payload, 34 + header);
  if (protocol === TCP) bytes.set([0x50, flags, 1, 0], 46);
  if (protocol === UDP) view.setUint16(38, 8 + payload.length);
  if (protocol === SCTP) writeSctpChecksum(bytes, 34, bytes.length);
  else {
    const pseudo = pseudoHeaderSum(4, bytes, 26, protocol, header + payload.length);
    view.setUint16(protocol === TCP ? 50 : 40, checksum(bytes, 34, bytes.length, pseudo) || 0xffff);
  }
  return bytes;
}

function balancerOf(backends = 1, maxConnections = 1000): { balancer: LoadBalancer; web: number } {
  const balancer = new LoadBalancer({ back: { address: '10.0.9.7' }, maxConnections });
  const web = balancer.addService({ name: 'web', vip: '10.0.9.2' });
  for (let i = 0; i < backends; i++) balancer.addBackend(web, { address: `10.0.9.${100 + i}` });
  return { balancer, web };
}

/** The frame that comes out; fails if it was dropped. */
function through(balancer: LoadBalancer, frame: Uint8Array, now = 0): Uint8Array {
  const result = put(balancer, frame, now);
  if (typeof result === 'number') assert.fail(`dropped: ${result}`);
  return Buffer.from(result[0], 'hex');
}

/** The answer that the receiver of a frame sends, with the same payload. */
function answerTo(frame: Uint8Array, flags: number): Uint8Array {
  const view = new DataView(frame.buffer, frame.byteOffset);
  const header = frame[23] === TCP ? 20 : frame[23] === UDP ? 8 : 12;
  return frameOf({
    from: [...frame.subarray(30, 34)],
    to: [...frame.subarray(26, 30)],
    ports: [view.getUint16(36), view.getUint16(34)],
    protocol: frame[23],
    payload: frame.subarray(34 + header),
    flags,
  });
}

function accounts(balancer: LoadBalancer): void {
  const { received, made, sent, dropped, held } = balancer.accounting();
  assert.equal(received + made, sent + held + Object.values(dropped).reduce((sum, count) => sum + count, 0));
}

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
