/** Floods, exhaustion and garbage at a balancer: the right answer, bounded memory, and every frame accounted for. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Compatibility } from '../../../src/overlay/index.js';
import { SeededRandom } from '../../../src/replay/random.js';
import { BalanceDrop, LoadBalancer } from '../../../src/service/index.js';
import { checksum } from '../../../src/wire/index.js';
import { framesOf } from '../../cli/frames.js';
import { fixture } from '../../repository.js';
import { ACK, accounts, answerTo, balancerOf, connect, frameOf, LOCAL, RST, SYN, through, UDP } from './frames.js';
import { put } from './recording.js';

describe('a SYN flood', () => {
  for (const compatibility of [Compatibility.Docker, Compatibility.Improved]) {
    test(`${compatibility}: of 100,000 clients evicts the oldest half-open connections only, and is counted`, () => {
      const { balancer } = balancerOf(3, 1000, { compatibility });
      const arrived = Array.from({ length: 100 }, (_, i) => connect(balancer, { ports: [i + 1, 80] }));
      for (let i = 0; i < 100_000; i++) {
        through(balancer, frameOf({ from: [11, i >>> 16, (i >>> 8) & 0xff, i & 0xff], ports: [5000, 80] }), 1);
      }
      assert.deepEqual(
        [balancer.table.size, balancer.table.halfOpen, balancer.table.evicted],
        [1000, 900, 100_000 - 900],
      );
      arrived.forEach((frame, i) => {
        through(balancer, answerTo(frame, ACK), 2);
        const segment = through(balancer, frameOf({ ports: [i + 1, 80], flags: ACK }), 2);
        assert.equal(segment[33], frame[33]);
      });
      // The flood's connections expire 60 s after their SYN.
      assert.equal(balancer.expire(63), 900);
      accounts(balancer);
      assert.deepEqual(balancer.accounting(), {
        received: 300 + 100_000 + 200,
        made: 0,
        sent: 300 + 100_000 + 200,
        dropped: {},
        held: 0,
      });
    });
  }
});

describe('exhaustion', () => {
  test('without a free source port a SYN is dropped and counted, and a freed port serves the next', () => {
    const { balancer, web } = balancerOf(1, 2000);
    let exhausted = 0;
    // All want a port of the class below 512, of which there are 511.
    for (let i = 0; i < 1000; i++) {
      const result = put(balancer, frameOf({ from: [10, 1, i >>> 8, i & 0xff], ports: [80, 80] }), 0);
      if (result === BalanceDrop.NoSourcePort) exhausted++;
    }
    assert.equal(balancer.table.size, 1000 - exhausted);
    assert.ok(balancer.table.size <= 511);
    assert.deepEqual(balancer.accounting().dropped, { NF_NAT_NO_PORT: exhausted });
    assert.equal(balancer.ports.exhausted, exhausted);
    balancer.addBackend(web, { address: '10.0.9.101' });
    // The newest backend is next: its ports are free.
    through(balancer, frameOf({ from: [10, 2, 0, 0], ports: [80, 80] }));
    balancer.expire(61);
    through(balancer, frameOf({ from: [10, 2, 0, 1], ports: [80, 80] }), 61);
    accounts(balancer);
  });

  test('a table of one connection serves one after another', () => {
    const { balancer } = balancerOf(2, 1);
    for (let i = 0; i < 50; i++) through(balancer, frameOf({ ports: [i + 1, 80] }));
    assert.deepEqual([balancer.table.size, balancer.table.evicted], [1, 49]);
    accounts(balancer);
  });
});

describe('a service whose tasks all vanish in the middle of connections', () => {
  for (const compatibility of [Compatibility.Docker, Compatibility.Improved]) {
    test(`${compatibility}: new flows get "port unreachable", known ones are reset, and the table empties`, () => {
      const { balancer, web } = balancerOf(3, 1000, { compatibility });
      for (let port = 1; port <= 30; port++) connect(balancer, { ports: [port, 80] });
      through(balancer, frameOf({ ports: [99, 53], protocol: UDP }));
      for (let i = 0; i < 3; i++) balancer.removeBackend(web, `10.0.9.${100 + i}`);
      const dropped = compatibility === Compatibility.Docker ? 30 : 0;
      for (let port = 1; port <= 30; port++) {
        const segment = frameOf({ ports: [port, 80], flags: ACK });
        if (dropped > 0) assert.equal(put(balancer, segment, 1), BalanceDrop.BackendRemoved);
        assert.equal(through(balancer, segment, 1)[47], RST);
      }
      for (const packet of [{ ports: [500, 80] }, { ports: [501, 53], protocol: UDP }] as const) {
        const error = through(balancer, frameOf(packet), 1);
        assert.deepEqual([error[23], error[34], error[35]], [1, 3, 3]);
      }
      const [{ refused, backends, opened }] = balancer.counts();
      assert.deepEqual([refused, backends.length, opened], [2, 0, 31]);
      assert.equal(balancer.expire(302), 1);
      assert.equal(balancer.table.size, 0);
      assert.deepEqual(balancer.accounting().dropped, dropped > 0 ? { IPVS_NO_DESTINATION: dropped } : {});
      accounts(balancer);
    });
  }
});

describe('overlapping VIPs', () => {
  test("a VIP of two services is refused with the other's name, and changes nothing", () => {
    const { balancer } = balancerOf(1);
    assert.throws(() => balancer.addService({ name: 'other', vip: '10.0.9.2' }), {
      code: 'SERVICE_EXISTS',
      message: /10\.0\.9\.2 already is the VIP of web/,
    });
    const published = [{ protocol: 'tcp', port: 8080 }] as const;
    balancer.addService({ name: 'first', published });
    assert.throws(() => balancer.addService({ name: 'second', vip: '10.0.9.3', published }), {
      code: 'SERVICE_EXISTS',
      message: /8080\/tcp is already published by first/,
    });
    assert.deepEqual(
      balancer.counts().map(({ name }) => name),
      ['web', 'first'],
    );
    through(balancer, frameOf({}));
    // The second service's VIP isn't taken: nobody answers for it.
    assert.equal(put(balancer, frameOf({ to: [10, 0, 9, 3] }), 0), BalanceDrop.OtherHost);
  });

  test("two services may share backends, and each keeps its own connections' addresses", () => {
    const { balancer } = balancerOf(1);
    const other = balancer.addService({ name: 'other', vip: '10.0.9.3' });
    balancer.addBackend(other, { address: '10.0.9.100' });
    const vips = [
      [10, 0, 9, 2],
      [10, 0, 9, 3],
    ];
    const arrived = vips.map((to) => through(balancer, frameOf({ to })));
    // The same client's port through both VIPs: the second is masqueraded with another.
    assert.notDeepEqual(arrived[0].subarray(34, 36), arrived[1].subarray(34, 36));
    vips.forEach((vip, i) => {
      const back = through(balancer, answerTo(arrived[i], SYN | ACK));
      assert.deepEqual([...back.subarray(26, 38)], [...vip, 10, 0, 9, 10, 0, 80, 78, 32]);
    });
    accounts(balancer);
  });
});

describe('garbage', () => {
  const RECORDINGS = [
    'ipvs-1b-rr-tcp',
    'ipvs-6-icmp-portunreach',
    'ipvs-6d-fragneeded',
    'ipvs-7-frag',
    'ipvs-12-nonsyn',
  ];

  for (const compatibility of [Compatibility.Docker, Compatibility.Improved]) {
    test(`${compatibility}: 60,000 truncated and mutated recorded frames, seeded: none throws, all are accounted for`, async () => {
      const recorded = (
        await Promise.all(RECORDINGS.map((name) => framesOf(fixture(`services/${name}.pcap`))))
      ).flatMap((frames) => frames.map(({ hex }) => Buffer.from(hex, 'hex')));
      const balancer = new LoadBalancer({ back: { address: '10.0.9.7' }, maxConnections: 64, compatibility, seed: 5 });
      const web = balancer.addService({ name: 'my-web', vip: '10.0.9.2' });
      for (const host of [3, 4, 5]) balancer.addBackend(web, { address: `10.0.9.${host}` });
      const random = new SeededRandom(11);
      let now = 0;
      for (let i = 0; i < 60_000; i++) {
        const frame = Uint8Array.from(recorded[random.below(recorded.length)]);
        for (let edits = random.below(4); edits > 0; edits--) frame[random.below(frame.length)] = random.below(256);
        // Mostly to the balancer, with a valid header checksum, so that the garbage gets beyond the first checks.
        if (random.below(8) > 0) frame.set([2, 0x42, ...LOCAL]);
        const header = (frame[14] & 15) * 4;
        if (random.below(8) > 0 && frame[12] === 8 && frame[13] === 0 && 14 + header <= frame.length) {
          frame.set([0, 0], 24);
          new DataView(frame.buffer).setUint16(24, checksum(frame, 14, 14 + header));
        }
        const length = random.below(4) === 0 ? random.below(frame.length + 1) : frame.length;
        now += random.below(100) / 100;
        if (i % 5000 === 0) balancer.removeBackend(web, '10.0.9.3');
        if (i % 5000 === 2500) balancer.addBackend(web, { address: '10.0.9.3' });
        put(balancer, frame.subarray(0, length), now);
        accounts(balancer);
        assert.ok(balancer.table.size <= 64);
      }
      const { received, sent, dropped } = balancer.accounting();
      // Neither everything nor nothing got through.
      assert.equal(received, 60_000);
      assert.ok(sent > 6000 && Object.keys(dropped).length >= 8, JSON.stringify({ sent, dropped }));
      const counts = balancer.counts()[0];
      balancer.expire(now + 1e6);
      assert.equal(balancer.table.size - balancer.table.idle, 0);
      assert.equal(balancer.accounting().held, 0);
      assert.equal(balancer.counts()[0].opened, counts.opened);
      accounts(balancer);
    });
  }
});
