/** The rules in a task's namespace beyond the recordings: filters, direct connections, errors, fragments, bad frames. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { PortDrop, PortVerdict, TaskPorts, type TaskPortsOptions } from '../../../src/service/index.js';
import { checksum, pseudoHeaderSum } from '../../../src/wire/index.js';
import {
  ACK,
  CLIENT,
  FIN,
  fragmentsOf,
  frameOf,
  type PacketContents,
  portsOf,
  RST,
  SCTP,
  SYN,
  TASK,
  TCP,
  TRANSPORT,
  UDP,
} from './packet.js';

const PUBLISHED = [
  { protocol: 'tcp', published: 8080, target: 80 },
  { protocol: 'tcp', published: 8081, target: 80 },
  { protocol: 'udp', published: 30_000, target: 53 },
  { protocol: 'sctp', published: 9000, target: 9 },
] as const;
const INIT = Uint8Array.of(1, 0, 0, 4);

function task(options: Partial<TaskPortsOptions> = {}): TaskPorts {
  return new TaskPorts({ address: TASK.join('.'), ports: PUBLISHED, maxConnections: 64, ...options });
}

function accounts(ports: TaskPorts): void {
  const { received, made, sent, dropped, held } = ports.accounting();
  assert.equal(received + made, sent + held + Object.values(dropped).reduce((sum, count) => sum + count, 0));
}

/** The frame as the task receives it, or the name of what became of it. */
function arrive(ports: TaskPorts, frame: Buffer, now = 0): Buffer | string {
  const bytes = Buffer.from(frame);
  const verdict = ports.toTask(bytes, 0, bytes.length, now);
  accounts(ports);
  return verdict === PortVerdict.Passed ? bytes : reasonOf(ports, verdict);
}

/** The frame as it leaves the task, or the name of what became of it. */
function leave(ports: TaskPorts, frame: Buffer, now = 0): Buffer | string {
  const bytes = Buffer.from(frame);
  const verdict = ports.fromTask(bytes, 0, bytes.length, now);
  accounts(ports);
  return verdict === PortVerdict.Passed ? bytes : reasonOf(ports, verdict);
}

function reasonOf(ports: TaskPorts, verdict: PortVerdict): string {
  if (verdict !== PortVerdict.Dropped) return ['', 'passed', 'held', 'fragments'][verdict];
  return Object.entries(PortDrop).find(([, value]) => value === ports.drop)?.[0] ?? '';
}

function passed(result: Buffer | string): Buffer {
  if (typeof result === 'string') assert.fail(result);
  return result;
}

/** A frame of the task to a client's port. */
function answer(ports: readonly [number, number], contents: PacketContents = {}): Buffer {
  return frameOf({ from: TASK, to: CLIENT, ports, flags: SYN | ACK, ...contents });
}

function isValid(frame: Buffer): boolean {
  const pseudo = pseudoHeaderSum(4, frame, 26, frame[23], frame.length - TRANSPORT);
  return checksum(frame, 14, TRANSPORT) === 0 && checksum(frame, TRANSPORT, frame.length, pseudo) === 0;
}

/** An ICMP port unreachable that quotes a frame's packet. */
function errorAbout(frame: Buffer, contents: PacketContents, quoted = frame.length - 14): Buffer {
  const payload = Buffer.concat([Buffer.from([3, 3, 0, 0, 0, 0, 0, 0]), frame.subarray(14, 14 + quoted)]);
  payload.writeUInt16BE(checksum(payload, 0, payload.length), 2);
  return frameOf({ protocol: 1, payload, ...contents });
}

describe("a task's published ports", () => {
  test('there and back is the identity, with valid checksums at the task', () => {
    const property = fc.property(
      fc.constantFrom(TCP, UDP),
      fc.uint8Array({ maxLength: 200 }),
      fc.integer({ min: 0, max: 65_535 }),
      (protocol, payload, port) => {
        const ports = task();
        const [published, target] = protocol === TCP ? [8080, 80] : [30_000, 53];
        const arrived = passed(arrive(ports, frameOf({ ports: [port, published], protocol, payload })));
        assert.deepEqual(arrived, frameOf({ ports: [port, target], protocol, payload }));
        const left = passed(leave(ports, answer([target, port], { protocol, payload })));
        assert.deepEqual(left, answer([published, port], { protocol, payload }));
      },
    );
    fc.assert(property, { numRuns: 200 });
  });

  test('a direct connection to the target port keeps its ports, beside a redirected one of the same client', () => {
    const ports = task();
    assert.deepEqual(portsOf(passed(arrive(ports, frameOf({ ports: [20_000, 80] })))), [20_000, 80]);
    assert.deepEqual(portsOf(passed(leave(ports, answer([80, 20_000])))), [80, 20_000]);
    // The second would have the first one's tuple, so that its client gets another port.
    const [other, target] = portsOf(passed(arrive(ports, frameOf({ ports: [20_000, 8080] }))));
    assert.equal(target, 80);
    assert.notEqual(other, 20_000);
    assert.deepEqual(portsOf(passed(leave(ports, answer([80, other])))), [8080, 20_000]);
    assert.deepEqual(portsOf(passed(leave(ports, answer([80, 20_000])))), [80, 20_000]);
    assert.deepEqual([ports.redirected, ports.direct], [1, 1]);
  });

  test('two published ports of one target are told apart, though the client uses one port for both', () => {
    const ports = task();
    const seen = [8080, 8081].map((published) => {
      const [port] = portsOf(passed(arrive(ports, frameOf({ ports: [20_000, published] }))));
      assert.deepEqual(portsOf(passed(leave(ports, answer([80, port])))), [published, 20_000]);
      return port;
    });
    assert.equal(new Set(seen).size, 2);
  });

  test('other ports and protocols of the ingress address are dropped, in both directions', () => {
    const ports = task();
    for (const protocol of [TCP, UDP, SCTP]) {
      assert.equal(arrive(ports, frameOf({ ports: [20_000, 22], protocol, payload: INIT })), 'NotPublished');
      assert.equal(leave(ports, answer([40_000, 80], { protocol, flags: SYN, payload: INIT })), 'NotAnAnswer');
    }
    // Published for TCP only.
    assert.equal(arrive(ports, frameOf({ ports: [20_000, 8080], protocol: UDP })), 'NotPublished');
    // From the target port, but not an answer.
    assert.equal(leave(ports, answer([80, 20_000], { flags: SYN })), 'NotAnAnswer');
    assert.deepEqual(ports.accounting().dropped, { NETFILTER_DROP: 4, NETFILTER_DROP_OUTPUT: 4 });
  });

  test('what is not for the ingress address passes as it is, and so do ARP, IPv6 and ICMP', () => {
    const ports = task();
    const arp = Buffer.alloc(42);
    arp.set([8, 6], 12);
    const ipv6 = Buffer.alloc(60);
    ipv6.set([0x86, 0xdd, 0x60], 12);
    const ping = frameOf({ protocol: 1, payload: Buffer.from('0800f7ff00000000', 'hex') });
    const multicast = frameOf({ to: [224, 0, 0, 1], protocol: UDP, ports: [1, 22] });
    for (const frame of [arp, ipv6, ping, multicast]) {
      assert.deepEqual(arrive(ports, frame), frame);
    }
    assert.deepEqual(leave(ports, arp), arp);
    const other = frameOf({ from: [10, 0, 0, 99], to: CLIENT, ports: [1, 22] });
    assert.deepEqual(leave(ports, other), other);
  });

  test('a connection begins with a SYN or, if it was open before, with an ACK', () => {
    for (const [flags, expected] of [
      [SYN, 'SYN'],
      [ACK, 'ACK'],
      [SYN | ACK, 'Invalid'],
      [FIN | ACK, 'Invalid'],
      [RST, 'Invalid'],
      [SYN | FIN, 'Invalid'],
      [0, 'Invalid'],
    ] as const) {
      const result = arrive(task(), frameOf({ flags }));
      if (expected === 'Invalid') assert.equal(result, expected);
      else assert.deepEqual(portsOf(passed(result)), [20_000, 80]);
    }
    assert.equal(arrive(task(), frameOf({ protocol: SCTP, ports: [1, 9000], payload: Uint8Array.of(0) })), 'Invalid');
  });

  test('a closed connection ends after two minutes, and its ports begin another before that', () => {
    const ports = task();
    const exchange = (now: number): void => {
      passed(arrive(ports, frameOf({ flags: SYN }), now));
      passed(leave(ports, answer([80, 20_000]), now));
      for (const flags of [ACK, FIN | ACK]) passed(arrive(ports, frameOf({ flags }), now));
      for (const flags of [ACK, FIN | ACK]) passed(leave(ports, answer([80, 20_000], { flags }), now));
      passed(arrive(ports, frameOf({ flags: ACK }), now));
    };
    exchange(1);
    exchange(2);
    assert.deepEqual([ports.redirected, ports.connections.size], [2, 1]);
    passed(leave(ports, answer([80, 20_000], { flags: ACK }), 121));
    assert.equal(leave(ports, answer([80, 20_000], { flags: ACK }), 242), 'NotAnAnswer');
    assert.deepEqual([ports.connections.expired, ports.connections.size], [1, 0]);
  });

  test('an idle connection lasts for five days, and UDP for 30 seconds, or 120 after an answer', () => {
    const ports = task();
    passed(arrive(ports, frameOf({ flags: SYN })));
    passed(leave(ports, answer([80, 20_000])));
    passed(arrive(ports, frameOf({ flags: ACK })));
    for (let hour = 1; hour < 120; hour++) arrive(ports, frameOf({ ports: [1, 22] }), hour * 3600);
    passed(leave(ports, answer([80, 20_000], { flags: ACK }), 431_999));

    const query = frameOf({ ports: [5000, 30_000], protocol: UDP });
    const reply = answer([53, 5000], { protocol: UDP });
    passed(arrive(ports, query, 500_000));
    assert.equal(leave(ports, reply, 500_031), 'NotAnAnswer');
    passed(arrive(ports, query, 500_040));
    passed(leave(ports, reply, 500_041));
    passed(leave(ports, reply, 500_160));
    assert.equal(leave(ports, reply, 500_281), 'NotAnAnswer');
  });

  test('a flood of SYNs evicts the oldest half-open connections, and no established one', () => {
    const ports = task();
    passed(arrive(ports, frameOf({ flags: SYN })));
    passed(leave(ports, answer([80, 20_000])));
    passed(arrive(ports, frameOf({ flags: ACK })));
    for (let port = 1024; port < 11_024; port++)
      passed(arrive(ports, frameOf({ from: [10, 0, 0, 66], ports: [port, 8080] })));
    passed(leave(ports, answer([80, 20_000], { flags: ACK })));
    assert.deepEqual([ports.connections.size, ports.connections.evicted], [64, 10_001 - 64]);
  });

  test('a table full of established connections refuses new ones, and closing ones make room', () => {
    const ports = task({ maxConnections: 2 });
    for (const port of [1, 2]) {
      passed(arrive(ports, frameOf({ ports: [port, 8080] })));
      passed(leave(ports, answer([80, port])));
      passed(arrive(ports, frameOf({ ports: [port, 8080], flags: ACK })));
    }
    assert.equal(arrive(ports, frameOf({ ports: [3, 8080] })), 'TableFull');
    passed(arrive(ports, frameOf({ ports: [2, 8080], flags: FIN | ACK })));
    passed(arrive(ports, frameOf({ ports: [3, 8080] })));
    assert.equal(leave(ports, answer([80, 2], { flags: ACK })), 'NotAnAnswer');
    passed(leave(ports, answer([80, 1], { flags: ACK })));
  });

  test("partial checksums stay the pseudo-header's sum, and UDP without a checksum stays without one", () => {
    const partial = frameOf({});
    partial.writeUInt16BE(pseudoHeaderSum(4, partial, 26, TCP, 20), TRANSPORT + 16);
    const arrived = passed(arrive(task(), partial));
    assert.deepEqual(arrived.subarray(TRANSPORT + 4), partial.subarray(TRANSPORT + 4));
    const unsummed = frameOf({ protocol: UDP, ports: [1, 30_000] });
    unsummed.writeUInt16BE(0, TRANSPORT + 6);
    assert.equal(passed(arrive(task(), unsummed)).readUInt16BE(TRANSPORT + 6), 0);
  });

  test('SCTP gets a new CRC-32C with the port', () => {
    const sent = frameOf({ protocol: SCTP, ports: [5000, 9000], payload: INIT });
    assert.deepEqual(arrive(task(), sent), frameOf({ protocol: SCTP, ports: [5000, 9], payload: INIT }));
  });

  test('ICMP errors quote the ports that their receiver used, with valid checksums', () => {
    for (const protocol of [TCP, UDP]) {
      const [published, target] = protocol === TCP ? [8080, 80] : [30_000, 53];
      const ports = task();
      const sent = frameOf({ ports: [20_000, published], protocol });
      const arrived = passed(arrive(ports, sent));
      // The task rejects it.
      const back = { from: TASK, to: CLIENT };
      assert.deepEqual(leave(ports, errorAbout(arrived, back)), errorAbout(sent, back));
      // A router reports the task's answer.
      const reply = answer([target, 20_000], { protocol });
      const left = passed(leave(ports, reply));
      const router = { from: [10, 0, 0, 1], to: TASK };
      assert.deepEqual(arrive(ports, errorAbout(left, router)), errorAbout(reply, router));
      // Eight bytes of the transport header are the least.
      assert.deepEqual(arrive(ports, errorAbout(left, router, 28)), errorAbout(reply, router, 28));
      // About a connection that isn't known.
      const stray = errorAbout(answer([published, 3], { protocol }), router);
      assert.deepEqual(arrive(ports, stray), stray);
    }
  });

  test('a fragmented datagram is translated once, in both directions, and leaves in fragments', () => {
    const payload = Uint8Array.from({ length: 3000 }, (_, i) => i);
    const ports = task();
    const directions = [
      { whole: frameOf({ ports: [7, 30_000], protocol: UDP, payload }), out: [7, 53], toTask: true },
      { whole: answer([53, 7], { protocol: UDP, payload }), out: [30_000, 7], toTask: false },
    ];
    for (const { whole, out, toTask } of directions) {
      const [first, second, third] = fragmentsOf(whole, 1424);
      const collected: Buffer[] = [];
      for (const fragment of [third, first, second]) {
        const verdict = toTask
          ? ports.toTask(fragment, 0, fragment.length, 1)
          : ports.fromTask(fragment, 0, fragment.length, 1);
        assert.equal(verdict, fragment === second ? PortVerdict.Fragments : PortVerdict.Held);
        accounts(ports);
      }
      const target = Buffer.alloc(1464);
      for (let size = ports.nextFragment(target, 0); size > 0; size = ports.nextFragment(target, 0)) {
        assert.deepEqual(target.subarray(0, 14), whole.subarray(0, 14));
        collected.push(Buffer.from(target.subarray(TRANSPORT, size)));
      }
      const datagram = Buffer.concat([whole.subarray(0, TRANSPORT), ...collected]);
      assert.deepEqual(portsOf(datagram), out);
      assert.ok(isValid(datagram));
      assert.deepEqual(datagram.subarray(TRANSPORT + 8), Buffer.from(payload));
    }
    const stray = fragmentsOf(frameOf({ ports: [7, 22], protocol: UDP, payload, id: 2 }), 1424);
    assert.deepEqual(
      stray.map((fragment) => arrive(ports, fragment)),
      ['held', 'held', 'NotPublished'],
    );
    assert.deepEqual(ports.accounting().dropped, { NETFILTER_DROP: 3 });
  });

  test('bad headers have their reasons', () => {
    const ports = task();
    const changed = (offset: number, value: number): Buffer => {
      const frame = frameOf({});
      frame[offset] = value;
      return frame;
    };
    const headerSummed = (frame: Buffer): Buffer => {
      frame.writeUInt16BE(0, 24);
      frame.writeUInt16BE(checksum(frame, 14, TRANSPORT), 24);
      return frame;
    };
    const datagram = frameOf({ protocol: UDP, ports: [1, 30_000] });
    datagram.writeUInt16BE(9, TRANSPORT + 4);
    assert.equal(arrive(ports, Buffer.alloc(13)), 'PacketTooSmall');
    assert.equal(arrive(ports, frameOf({}).subarray(0, 30)), 'IpHeader');
    assert.equal(arrive(ports, changed(14, 0x44)), 'IpHeader');
    assert.equal(arrive(ports, changed(22, 1)), 'IpChecksum');
    assert.equal(arrive(ports, headerSummed(changed(17, 30))), 'TransportHeader');
    assert.equal(arrive(ports, changed(TRANSPORT + 12, 0x40)), 'TransportHeader');
    assert.equal(arrive(ports, datagram), 'TransportHeader');
    assert.equal(arrive(ports, frameOf({ from: TASK })), 'OwnSource');
    assert.deepEqual(ports.accounting().dropped, {
      PKT_TOO_SMALL: 1,
      IP_INHDR: 2,
      IP_CSUM: 1,
      L4_HDR: 3,
      IP_INVALID_SOURCE: 1,
    });
  });

  test('any bytes give a verdict, exact accounting, and nothing written outside of the frame', () => {
    const MARGIN = 32;
    const ports = task();
    const seeds = [frameOf({}), frameOf({ protocol: UDP, ports: [1, 30_000] }), errorAbout(frameOf({}), {})];
    const property = fc.property(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(89), fc.nat(255)), { maxLength: 6 }),
      fc.nat(90),
      fc.boolean(),
      fc.nat(1000),
      (seed, changes, length, toTask, now) => {
        const frame = Buffer.alloc(MARGIN * 2 + length, 0x77);
        seed.copy(frame, MARGIN, 0, length);
        for (const [at, value] of changes) if (at < length) frame[MARGIN + at] = value;
        if (toTask) ports.toTask(frame, MARGIN, MARGIN + length, now);
        else ports.fromTask(frame, MARGIN, MARGIN + length, now);
        const edges = [...frame.subarray(0, MARGIN), ...frame.subarray(MARGIN + length)];
        assert.ok(edges.every((byte) => byte === 0x77));
        accounts(ports);
      },
    );
    fc.assert(property, { numRuns: 3000 });
  });

  test('ports out of range, unknown protocols and duplicates are errors', () => {
    const withPort = (port: object) => (): TaskPorts => task({ ports: [PUBLISHED[0], port as (typeof PUBLISHED)[0]] });
    assert.throws(withPort({ protocol: 'tcp', published: 0, target: 80 }), { code: 'BAD_BALANCER' });
    assert.throws(withPort({ protocol: 'tcp', published: 80, target: 65_536 }), { code: 'BAD_BALANCER' });
    assert.throws(withPort({ protocol: 'icmp', published: 80, target: 80 }), { code: 'BAD_BALANCER' });
    assert.throws(withPort(PUBLISHED[0]), { code: 'SERVICE_EXISTS' });
    assert.throws(() => task({ mtu: 67 }), { code: 'BAD_BALANCER' });
    assert.throws(() => task({ maxConnections: 0 }), { code: 'BAD_BALANCER' });
  });

  test('open connections stay when the ports are replaced', () => {
    const ports = task();
    passed(arrive(ports, frameOf({})));
    ports.setPorts([]);
    assert.deepEqual(portsOf(passed(leave(ports, answer([80, 20_000])))), [8080, 20_000]);
    assert.equal(arrive(ports, frameOf({ ports: [3, 8080] })), 'NotPublished');
  });
});
