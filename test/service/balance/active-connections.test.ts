/** Which connections count as active: those that removing their backend would cut off. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { BalanceDrop, type LoadBalancer } from '../../../src/service/index.js';
import {
  ACK,
  answerTo,
  balancerOf,
  connect,
  FIN,
  frameOf,
  type Packet,
  RST,
  SCTP,
  SYN,
  through,
  UDP,
} from './frames.js';
import { put } from './recording.js';

/** States in which at least one side may still send. */
const ACTIVE = new Set(['SYN_SENT', 'SYN_RECV', 'ESTABLISHED', 'FIN_WAIT', 'CLOSE_WAIT', 'SYNACK']);

/** Connections in the table and active ones, over all backends. */
function countsOf(balancer: LoadBalancer): [connections: number, active: number] {
  const backends = balancer.counts().flatMap((service) => service.backends);
  const sum = (key: 'connections' | 'active'): number => backends.reduce((total, one) => total + one[key], 0);
  return [sum('connections'), sum('active')];
}

/** An SCTP packet whose first chunk has a type. */
function chunk(type: number): Packet {
  const payload = new Uint8Array(20);
  payload.set([type, 0, 0, 20]);
  return { protocol: SCTP, payload };
}

describe('active connections of a backend', () => {
  for (const first of ['client', 'backend'] as const) {
    test(`a TCP connection is active from its SYN until both sides have sent a FIN, the ${first} first`, () => {
      const { balancer } = balancerOf();
      const arrived = through(balancer, frameOf({}));
      assert.deepEqual(countsOf(balancer), [1, 1]);
      through(balancer, answerTo(arrived, SYN | ACK));
      through(balancer, frameOf({ flags: ACK }));
      const closes = {
        client: () => through(balancer, frameOf({ flags: FIN | ACK })),
        backend: () => through(balancer, answerTo(arrived, FIN | ACK)),
      };
      closes[first]();
      assert.deepEqual(countsOf(balancer), [1, 1], 'the other side may still send');
      closes[first === 'client' ? 'backend' : 'client']();
      assert.deepEqual(countsOf(balancer), [1, 0], 'in the table for another 120 s');
      // The client's port again.
      connect(balancer, {});
      assert.deepEqual(countsOf(balancer), [1, 1]);
      through(balancer, frameOf({ flags: RST }));
      assert.deepEqual(countsOf(balancer), [1, 0]);
    });
  }

  test('one that is picked up in the middle is active', () => {
    const { balancer } = balancerOf(1, 1000, { compatibility: 'improved' });
    through(balancer, frameOf({ flags: ACK }));
    assert.deepEqual(countsOf(balancer), [1, 1]);
  });

  test('an SCTP association is active from its INIT on, a UDP flow never', () => {
    const { balancer } = balancerOf();
    through(balancer, frameOf({ protocol: UDP }));
    assert.deepEqual(countsOf(balancer), [1, 0]);
    through(balancer, frameOf(chunk(1)));
    assert.deepEqual(countsOf(balancer), [2, 1]);
  });

  test('while a drained backend has active connections, its requests go on; without any, removing it resets none', () => {
    const { balancer, web } = balancerOf(1);
    const first = connect(balancer, {});
    balancer.setWeight(web, '10.0.9.100', 0);
    balancer.addBackend(web, { address: '10.0.9.101' });
    assert.equal(through(balancer, frameOf({ ports: [20_001, 80] }))[33], 101, 'a new connection goes elsewhere');
    assert.deepEqual([...through(balancer, frameOf({ flags: ACK })).subarray(30, 34)], [...first.subarray(30, 34)]);
    // The answer and the backend's FIN, which may get lost on their way: the client hasn't closed yet.
    through(balancer, answerTo(first, FIN | ACK));
    const drained = balancer.counts()[0].backends.find(({ weight }) => weight === 0);
    assert.equal(drained?.active, 1);
    through(balancer, frameOf({ flags: FIN | ACK }));
    assert.deepEqual(countsOf(balancer), [2, 1]);
    balancer.removeBackend(web, '10.0.9.100');
    assert.deepEqual(countsOf(balancer), [1, 1]);
    assert.equal(put(balancer, frameOf({ flags: ACK }), 0), BalanceDrop.BackendRemoved);
    assert.equal(balancer.table.size, 1);
  });

  test('they are those of the table in an active state, whatever comes', () => {
    const segment = fc.record({
      port: fc.integer({ min: 0, max: 5 }),
      flags: fc.constantFrom(SYN, ACK, SYN | ACK, FIN | ACK, RST, 0),
      answers: fc.boolean(),
      later: fc.constantFrom(0, 0, 0, 5, 70, 130),
      change: fc.constantFrom('none', 'none', 'none', 'drain', 'remove'),
    });
    const property = fc.property(
      fc.array(segment, { maxLength: 60 }),
      fc.constantFrom('docker', 'improved'),
      (segments, compatibility) => {
        const { balancer, web } = balancerOf(2, 4, { compatibility: compatibility as 'docker' | 'improved' });
        const arrived = new Map<number, Uint8Array>();
        let now = 0;
        let next = 102;
        for (const { port, flags, answers, later, change } of segments) {
          now += later;
          const sent = arrived.get(port);
          const frame =
            answers && sent !== undefined ? answerTo(sent, flags) : frameOf({ ports: [20_000 + port, 80], flags });
          const result = put(balancer, frame, now);
          if (!answers && typeof result !== 'number') arrived.set(port, Buffer.from(result[0], 'hex'));
          const [backend] = balancer.counts()[0].backends;
          if (change === 'drain') balancer.setWeight(web, backend.address, 0);
          if (change === 'remove') {
            balancer.removeBackend(web, backend.address);
            balancer.addBackend(web, { address: `10.0.9.${next++}` });
          }
          balancer.expire(now);
          const known = new Map(balancer.counts()[0].backends.map((one) => [one.address, one.active]));
          const listed = new Map([...known.keys()].map((address) => [address, 0]));
          for (const { backend: address, state } of balancer.connections(now)) {
            const count = listed.get(address);
            if (count !== undefined && ACTIVE.has(state)) listed.set(address, count + 1);
          }
          assert.deepEqual(known, listed);
        }
      },
    );
    fc.assert(property, { numRuns: 100 });
  });
});
