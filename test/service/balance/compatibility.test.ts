/** Faults of Docker's load balancing that its users report: as Docker has them, and without. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Compatibility } from '../../../src/overlay/index.js';
import { BalanceDrop, type LoadBalancer } from '../../../src/service/index.js';
import {
  ACK,
  accounts,
  answerTo,
  balancerOf,
  connect,
  FIN,
  frameOf,
  LOCAL,
  type Packet,
  RST,
  SYN,
  through,
  UDP,
  VIP,
} from './frames.js';
import { put } from './recording.js';

const HOUR = 3600;

function docker(backends: number, limit?: number): { balancer: LoadBalancer; web: number } {
  return balancerOf(backends, limit, { compatibility: Compatibility.Docker });
}

function improved(backends: number, limit?: number): { balancer: LoadBalancer; web: number } {
  return balancerOf(backends, limit, { compatibility: Compatibility.Improved });
}

/** Last byte of the address that a frame goes to. */
const hostOf = (frame: Uint8Array): number => frame[33];
const backendOf = (balancer: LoadBalancer, packet: Packet, now = 0): number =>
  hostOf(through(balancer, frameOf(packet), now));
const flagsOf = (frame: Uint8Array): number => frame[47];

/** Closes a connection in both directions: it is in TIME_WAIT. */
function close(balancer: LoadBalancer, packet: Packet, arrived: Uint8Array): void {
  through(balancer, frameOf({ ...packet, flags: FIN | ACK }));
  through(balancer, answerTo(arrived, FIN | ACK));
}

test("Docker's behaviour is the default", () => {
  const { balancer } = balancerOf(1);
  connect(balancer, {});
  assert.equal(flagsOf(through(balancer, frameOf({ flags: ACK }), 901)), RST);
});

describe('an idle connection', () => {
  test('docker: is cut after 900 s', () => {
    const { balancer } = docker(2);
    const host = hostOf(connect(balancer, {}));
    assert.equal(backendOf(balancer, { flags: ACK }, 899), host);
    assert.equal(flagsOf(through(balancer, frameOf({ flags: ACK }), 1800)), RST);
    accounts(balancer);
  });

  test('improved: is never cut, whichever side speaks next', () => {
    const { balancer } = improved(2);
    const arrived = connect(balancer, {});
    for (const hours of [1, 24, 24 * 60]) {
      balancer.expire(hours * HOUR);
      assert.deepEqual([balancer.table.size, balancer.table.idle], [1, 1]);
      assert.equal(balancer.connections(hours * HOUR)[0].expiresIn, undefined);
      through(balancer, answerTo(arrived, ACK), hours * HOUR);
      assert.equal(balancer.table.idle, 0);
      assert.equal(backendOf(balancer, { flags: ACK }, hours * HOUR + 1), hostOf(arrived));
    }
    accounts(balancer);
  });

  test('improved: half-open and closed connections and UDP flows still expire', () => {
    const { balancer } = improved(2);
    through(balancer, frameOf({ ports: [1, 80] }));
    close(balancer, { ports: [2, 80] }, connect(balancer, { ports: [2, 80] }));
    through(balancer, frameOf({ ports: [3, 53], protocol: UDP }));
    assert.equal(balancer.expire(HOUR), 3);
    assert.equal(balancer.table.size, 0);
  });

  test('improved: a full table evicts the one that has been idle longest, and refuses once all are in use', () => {
    const { balancer } = improved(1, 3);
    const arrived = [1, 2, 3].map((port) => connect(balancer, { ports: [port, 80] }, port));
    balancer.expire(HOUR);
    through(balancer, answerTo(arrived[0], ACK), HOUR);
    connect(balancer, { ports: [4, 80] }, HOUR);
    assert.deepEqual(
      balancer.connections(HOUR).map(({ clientPort }) => clientPort),
      [1, 4, 3],
    );
    connect(balancer, { ports: [5, 80] }, HOUR);
    assert.equal(put(balancer, frameOf({ ports: [6, 80] }), HOUR), BalanceDrop.TableFull);
    assert.equal(balancer.table.evicted, 2);
    accounts(balancer);
  });
});

describe('a segment in the middle of a connection that the balancer does not know', () => {
  test('docker: is reset', () => {
    assert.equal(flagsOf(through(docker(5).balancer, frameOf({ flags: ACK }))), RST);
  });

  test('improved: finds its backend after a restart, though the backends come in another order', () => {
    const { balancer: before } = improved(5);
    const { balancer: after, web } = improved(0);
    for (const i of [3, 0, 4, 2, 1]) after.addBackend(web, { address: `10.0.9.${100 + i}` });
    for (let port = 1; port <= 300; port++) {
      const arrived = connect(before, { ports: [port, 80] });
      const segment = through(after, frameOf({ ports: [port, 80], flags: ACK }));
      // The whole frame is the one that the backend knows: its source port too.
      assert.deepEqual(segment, through(before, frameOf({ ports: [port, 80], flags: ACK })));
      assert.equal(hostOf(segment), hostOf(arrived));
    }
    assert.deepEqual(
      after.connections(0, 1).map(({ state, halfOpen }) => [state, halfOpen]),
      [['ESTABLISHED', true]],
    );
  });

  test('improved: a flood of them evicts itself, not what backends have answered', () => {
    const { balancer } = improved(1, 10);
    connect(balancer, { ports: [1, 80] });
    through(balancer, frameOf({ ports: [2, 80], flags: ACK }));
    through(balancer, frameOf({ from: [10, 0, 9, 100], to: LOCAL, ports: [80, 2], flags: ACK }));
    for (let port = 1000; port < 3000; port++) through(balancer, frameOf({ ports: [port, 80], flags: ACK }));
    const known = balancer.connections(0, 2).map(({ clientPort, halfOpen }) => [clientPort, halfOpen]);
    assert.deepEqual(known, [
      [1, false],
      [2, false],
    ]);
    assert.equal(balancer.table.evicted, 1992);
    accounts(balancer);
  });

  test('improved: resets and SYN ACKs open nothing, and without a backend the segment is reset', () => {
    const { balancer, web } = improved(1);
    assert.equal(put(balancer, frameOf({ flags: RST }), 0), BalanceDrop.NoSocket);
    assert.equal(balancer.table.size, 0);
    balancer.setWeight(web, '10.0.9.100', 0);
    assert.equal(flagsOf(through(balancer, frameOf({ flags: ACK }))), RST);
  });
});

describe('moving one of ten backends', () => {
  for (const [name, make] of [
    ['docker', docker],
    ['improved', improved],
  ] as const) {
    test(`${name}: ends only its own connections`, () => {
      const { balancer, web } = make(10);
      const hosts = Array.from({ length: 500 }, (_, i) => hostOf(connect(balancer, { ports: [1000 + i, 80] })));
      balancer.removeBackend(web, '10.0.9.104');
      balancer.addBackend(web, { address: '10.0.9.200' });
      hosts.forEach((host, i) => {
        const result = put(balancer, frameOf({ ports: [1000 + i, 80], flags: ACK }), 1);
        if (host !== 104) assert.equal(hostOf(Buffer.from((result as string[])[0], 'hex')), host);
        else if (name === 'docker') assert.equal(result, BalanceDrop.BackendRemoved);
        else assert.equal(flagsOf(Buffer.from((result as string[])[0], 'hex')), RST);
      });
      accounts(balancer);
    });
  }

  test('docker: a balancer that has lost its table resets all', () => {
    const { balancer } = docker(10);
    for (let port = 1; port <= 100; port++) {
      assert.equal(flagsOf(through(balancer, frameOf({ ports: [port, 80], flags: ACK }))), RST);
    }
  });

  test('improved: a balancer that has lost its table finds the others, except for the tenth that the newcomer takes', () => {
    const { balancer: before } = improved(10, 2000);
    const { balancer: after, web } = improved(10, 2000);
    after.removeBackend(web, '10.0.9.104');
    after.addBackend(web, { address: '10.0.9.200' });
    let others = 0;
    let found = 0;
    for (let port = 1; port <= 1000; port++) {
      const host = backendOf(before, { ports: [port, 80] });
      if (host === 104) continue;
      others++;
      if (backendOf(after, { ports: [port, 80], flags: ACK }) === host) found++;
    }
    assert.ok(others > 850 && found > 0.88 * others, `${found} of ${others}`);
  });
});

describe('the first SYN of a reused port', () => {
  test('docker: goes to the backend that it had, though its weight is 0 now', () => {
    const { balancer, web } = docker(3);
    const arrived = connect(balancer, {});
    close(balancer, {}, arrived);
    balancer.setWeight(web, `10.0.9.${hostOf(arrived)}`, 0);
    assert.equal(backendOf(balancer, {}), hostOf(arrived));
  });

  test('docker: is dropped if that was removed, and its retransmission opens a connection', () => {
    const { balancer, web } = docker(3);
    const arrived = connect(balancer, {});
    close(balancer, {}, arrived);
    balancer.removeBackend(web, `10.0.9.${hostOf(arrived)}`);
    assert.equal(put(balancer, frameOf({}), 1), BalanceDrop.BackendRemoved);
    assert.notEqual(backendOf(balancer, {}, 2), hostOf(arrived));
    accounts(balancer);
  });

  for (const change of ['setWeight', 'removeBackend'] as const) {
    test(`improved: gets another backend at once (${change})`, () => {
      const { balancer, web } = improved(3);
      const arrived = connect(balancer, {});
      close(balancer, {}, arrived);
      balancer[change](web, `10.0.9.${hostOf(arrived)}`, 0);
      assert.notEqual(backendOf(balancer, {}, 1), hostOf(arrived));
      assert.equal(balancer.table.size, 1);
      accounts(balancer);
    });
  }

  test('improved: a SYN again of a handshake that is going on stays where it was', () => {
    const { balancer, web } = improved(3);
    const host = backendOf(balancer, {});
    balancer.setWeight(web, `10.0.9.${host}`, 0);
    assert.equal(backendOf(balancer, {}, 1), host);
  });

  test('improved: a UDP flow whose backend was removed goes on to another at once', () => {
    const { balancer, web } = improved(3);
    const host = backendOf(balancer, { protocol: UDP });
    balancer.removeBackend(web, `10.0.9.${host}`);
    assert.notEqual(backendOf(balancer, { protocol: UDP }), host);
  });
});

describe('an endpoint whose address is a VIP too', () => {
  const OTHER_VIP = [10, 0, 9, 50];
  const request = frameOf({ from: OTHER_VIP });
  const arp = Buffer.from(
    'ffffffffffff02420a00093208060001080006040001' + '02420a000932' + '0a000932' + '000000000000' + '0a000902',
    'hex',
  );

  test('docker: is cut off: its packets look like the own ones', () => {
    const { balancer } = docker(1);
    balancer.addService({ name: 'other', vip: OTHER_VIP.join('.') });
    assert.equal(put(balancer, request, 0), BalanceDrop.LocalSource);
    assert.equal(put(balancer, arp, 0), BalanceDrop.ArpIgnored);
    assert.deepEqual(balancer.accounting().dropped, { IP_LOCAL_SOURCE: 1, ARP_IGNORED: 1 });
    accounts(balancer);
  });

  test('improved: is a client like any other', () => {
    const { balancer } = improved(1);
    balancer.addService({ name: 'other', vip: OTHER_VIP.join('.') });
    assert.equal((put(balancer, arp, 0) as string[]).length, 1);
    const arrived = through(balancer, request);
    assert.deepEqual([...arrived.subarray(26, 34)], [...LOCAL, 10, 0, 9, 100]);
    const back = through(balancer, answerTo(arrived, SYN | ACK));
    assert.deepEqual([...back.subarray(26, 34)], [...VIP, ...OTHER_VIP]);
    accounts(balancer);
  });
});

describe('a UDP answer that comes late', () => {
  const answered = (make: typeof docker, first: number, late: number): Uint8Array => {
    const { balancer } = make(1);
    const arrived = through(balancer, frameOf({ protocol: UDP, payload: Uint8Array.of(1) }));
    if (first > 0) through(balancer, answerTo(arrived, 0), first);
    const result = through(balancer, answerTo(arrived, 0), late);
    accounts(balancer);
    return result;
  };
  const isUnreachable = (frame: Uint8Array): boolean => frame[23] === 1 && frame[34] === 3 && frame[35] === 3;

  test('docker: finds no flow in conntrack after 30 s, or after 120 s once there was an answer', () => {
    assert.equal(answered(docker, 0, 30)[23], UDP);
    assert.ok(isUnreachable(answered(docker, 0, 31)));
    assert.equal(answered(docker, 1, 121)[23], UDP);
    assert.ok(isUnreachable(answered(docker, 1, 122)));
  });

  test('improved: reaches the client for as long as the flow is known', () => {
    assert.equal(answered(improved, 0, 299)[23], UDP);
    assert.equal(answered(improved, 1, 300)[23], UDP);
  });
});
