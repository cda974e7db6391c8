import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { after, describe, test } from 'node:test';
import { sourcePortOf } from '../../../src/dataplane/index.js';
import { Segmenter } from '../../../src/fragment/index.js';
import { DatagramSender } from '../../../src/live/socket/datagram-sender.js';
import { ReceiveVector } from '../../../src/live/socket/receive-vector.js';
import { openSourcePorts, segmentsDatagrams } from '../../../src/live/socket/source-ports.js';
import { SocketOption, SocketType, SystemSocket } from '../../../src/live/socket/system-socket.js';
import { Transmission } from '../../../src/live/socket/transmission.js';
import { Errno, linux, type Linux } from '../../../src/live/system/linux.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { join } from '../../dataplane/build.js';
import { noise } from '../../fragment/split.js';
import { tcpFrame } from '../../fragment/tcp-frame.js';
import { HERE, LOOPBACK6, portOf, THERE, untilTaken, withoutSockets } from '../loopback.js';

const PORTS = 4;
const open: SystemSocket[] = [];

/** A packet to send. */
interface Packet {
  readonly bytes: Uint8Array;
  /** Index of a source port. */
  readonly port?: number;
  readonly tos?: number;
  readonly node?: number;
  readonly segment?: number;
}

/** A flow of each source port. */
const FLOWS = Array.from({ length: PORTS }, (_, port) => {
  for (let flow = 1; ; flow++) {
    const hash = Math.imul(flow, 0x9e3779b1);
    if (sourcePortOf(hash, { lowest: 0, highest: PORTS }) === port) return hash;
  }
});

function setErrno(value: number): void {
  (createRequire(import.meta.url)('koffi') as { errno(value: number): number }).errno(value);
}

/** A datagram: the index of its source port, its traffic class and its bytes. */
type Datagram = readonly [number, number, Uint8Array];

/**
 * Sends packets over loopback.
 * @param segments whether the system is known to segment
 * @param failure error of calls whose first message the kernel would segment
 */
function send(packets: readonly Packet[], expected: number, family: 4 | 6 = 4, segments = true, failure = 0) {
  const [here, there] = family === 4 ? [HERE, THERE] : [LOOPBACK6, LOOPBACK6];
  const to = new SystemSocket(family, SocketType.Datagram, 0, 'a test');
  const sockets = openSourcePorts(here, PORTS);
  open.push(to, ...sockets);
  const port = portOf(family);
  to.setBuffers(4 << 20);
  to.bind(there, port, 'loopback');
  assert.ok(to.set(family === 4 ? SocketOption.ReceiveTos : SocketOption.ReceiveTrafficClass, 1));
  const { sendmmsg, poll } = linux();
  const calls: number[] = [];
  let isSingle = segments ? 0 : 1;
  const system: Pick<Linux, 'sendmmsg' | 'poll'> = {
    poll,
    sendmmsg: (socket, messages, count, flags) => {
      calls.push(count);
      if (failure === 0 || isSingle++ > 0) return sendmmsg(socket, messages, count, flags);
      setErrno(failure);
      return -1;
    },
  };
  const arena = new Arena({ slots: 600, frameBytes: 66_000, debug: true });
  const batch = new PacketBatch(arena, 512);
  for (const { bytes, port: index = 0, tos = 0, node = 1, segment = 0 } of packets) {
    const at = batch.copyIn(bytes, 0, bytes.length, 0, node);
    [batch.flow[at], batch.tos[at], batch.segment[at]] = [FLOWS[index], tos, segment];
  }
  const transmission = new Transmission(system);
  const descriptors = sockets.map(({ descriptor }) => descriptor);
  const sender = new DatagramSender(descriptors, family, transmission, segments);
  sender.setAddresses([undefined, there], port);
  sender.send(batch);
  batch.clear();
  const received = new ReceiveVector(arena, 64);
  const came: Datagram[] = [];
  const ports: number[] = [];
  untilTaken(expected, [to.descriptor], () => {
    const count = received.receive(to.descriptor, 64);
    for (let i = 0; i < count; i++) {
      const name = received.nameOf(i);
      ports.push((received.names[name + 2] << 8) | received.names[name + 3]);
      const slot = received.take(i);
      const start = arena.frameOffsetOf(slot);
      const bytes = arena.bytes.slice(start, start + received.length(i));
      came.push([ports.at(-1) ?? 0, received.trafficClass(i), bytes]);
      arena.free(slot);
    }
    return count;
  });
  received.close();
  for (const socket of [to, ...sockets]) socket.close();
  assert.deepEqual(arena.holders(), []);
  return { came, calls, sent: transmission.sent, refused: Object.fromEntries(transmission.refused) };
}

/** The datagrams of each source port, in order. */
function byPort(datagrams: readonly Datagram[]): string[] {
  const flows = new Map<number, string[]>();
  for (const [port, tos, bytes] of datagrams) {
    const text = `${tos} ${Buffer.from(bytes).toString('hex')}`;
    flows.set(port, [...(flows.get(port) ?? []), text]);
  }
  return [...flows.values()].map((texts) => texts.join('\n')).sort();
}

function expectedOf(packets: readonly Packet[]): Datagram[] {
  return packets.flatMap(({ bytes, port = 0, tos = 0, segment = 0 }) => {
    if (segment === 0) return [[port, tos, bytes] as const];
    const segmenter = new Segmenter();
    assert.ok(segmenter.begin(bytes, 8, bytes.length, segment));
    return Array.from({ length: segmenter.count }, () => {
      const target = new Uint8Array(segmenter.frameBytes);
      return [port, tos, join(bytes.subarray(0, 8), target.subarray(0, segmenter.next(target, 0)))] as const;
    });
  });
}

const VXLAN = Uint8Array.of(8, 0, 0, 0, 0, 0x10, 1, 0);

function frame(bytes: number, segment: number, what: Partial<Packet> & { readonly family?: 4 | 6 } = {}): Packet {
  const { family = 4, ...rest } = what;
  return {
    bytes: join(VXLAN, tcpFrame(noise(bytes, bytes), { family, partial: true, identification: 7 })),
    segment,
    ...rest,
  };
}

const sized = (size: number, i = size, rest: Partial<Packet> = {}): Packet => ({ bytes: noise(size, i), ...rest });
const CASES: readonly (readonly [string, readonly Packet[]])[] = [
  ['of one size', Array.from({ length: 20 }, (_, i) => sized(1400, i))],
  ['the last of which is shorter', [...Array.from({ length: 20 }, (_, i) => sized(1400, i)), sized(33)]],
  ['of mixed sizes', [1, 1400, 1400, 9, 9, 9, 1400, 700, 1400, 1000, 1000, 1, 1].map((size, i) => sized(size, i))],
  ['more than a message takes', Array.from({ length: 200 }, (_, i) => sized(100, i))],
  ['more bytes than a message takes', Array.from({ length: 12 }, (_, i) => sized(9000, i))],
  [
    'of interleaved flows',
    Array.from({ length: 200 }, (_, i) => sized(i % 7 === 0 ? 50 : 800, i, { port: i % PORTS })),
  ],
  ['of several traffic classes', Array.from({ length: 40 }, (_, i) => sized(500, i, { tos: [0, 1, 1, 2][i % 4] }))],
  ['as large as a datagram can be', [sized(65_507), sized(10), sized(65_000)]],
  ['without payload', [sized(0), sized(0), sized(5), sized(0)]],
  ['that are yet to be segmented', [frame(64_000, 1348), frame(64_000, 1348, { port: 2, tos: 1 }), frame(1000, 1348)]],
  ['of both kinds', [frame(5000, 1000), sized(1062), frame(5001, 1000), sized(1062), sized(1062), frame(4000, 500)]],
  ['of hundreds of small segments', [frame(12_000, 48), frame(4000, 60, { port: 1 })]],
  ['with IPv6 inside, yet to be segmented', [frame(64_000, 1328, { family: 6 }), frame(10_000, 1328, { family: 6 })]],
];

describe('a sender of datagrams', { skip: withoutSockets() }, () => {
  after(() => open.forEach((socket) => socket.close()));

  for (const family of [4, 6] as const) {
    for (const [name, packets] of CASES) {
      for (const [how, segments, failure] of [
        ['', true, 0],
        [', one by one without UDP_SEGMENT', false, 0],
        [', one by one once UDP_SEGMENT failed', true, Errno.Io],
      ] as const) {
        test(`sends packets ${name} byte for byte, in the order of each flow, over IPv${family}${how}`, () => {
          // The call that fails is for several packets.
          const all = [...(failure === 0 ? [] : [sized(10, 1), sized(10, 2)]), ...packets];
          const expected = expectedOf(all);
          const { came, sent, refused } = send(all, expected.length, family, segments, failure);
          assert.deepEqual(byPort(came), byPort(expected));
          assert.deepEqual([sent, refused], [expected.length, {}]);
        });
      }
    }
  }

  test('passes packets of one size and flow with one call', () => {
    const packets = Array.from({ length: 44 }, (_, i) => sized(1472, i));
    assert.deepEqual(send(packets, 44).calls, [1]);
    assert.deepEqual(send(packets, 44, 4, false).calls, [44]);
  });

  test('a message that the system doesn’t segment is sent packet by packet, before those after it', () => {
    const packets = [...Array.from({ length: 10 }, (_, i) => sized(1000, i)), sized(1001), sized(1000)];
    const { calls, sent } = send(packets, packets.length, 4, true, Errno.Invalid);
    assert.deepEqual([calls, sent], [[2, 10, 1], 12]);
  });

  test('asks the system to segment again after 4,096 packets, since the route may have changed', () => {
    const counts: number[] = [];
    const system: Pick<Linux, 'sendmmsg' | 'poll'> = {
      poll: () => 0,
      sendmmsg: (_socket, _messages, count) => {
        counts.push(count);
        if (counts.length > 1) return count;
        setErrno(Errno.MessageSize);
        return -1;
      },
    };
    const transmission = new Transmission(system);
    const sender = new DatagramSender([0], 4, transmission, true);
    sender.setAddresses([undefined, THERE], 4789);
    const batch = new PacketBatch(new Arena({ slots: 64, frameBytes: 1500 }), 64);
    for (let i = 0; i < 64; i++) batch.copyIn(noise(1000, i), 0, 1000, 0, 1);
    for (let round = 0; round < 67; round++) sender.send(batch);
    // One message that fails and its packets, 64 times packets one by one, and one message each again.
    assert.deepEqual(counts, [1, 64, ...Array.from({ length: 63 }, () => 64), ...counts.slice(65)]);
    assert.equal(counts.at(-1), 1);
    assert.equal(transmission.sent >= 67 * 64 - 1, true);
  });

  test('waits once for full queues while it sends a batch, whatever the number of sockets', () => {
    let waits = 0;
    const full: Pick<Linux, 'sendmmsg' | 'poll'> = {
      poll: () => ((waits += 1), 0),
      sendmmsg: () => (setErrno(Errno.Again), -1),
    };
    const sender = new DatagramSender([0, 1, 2, 3], 4, new Transmission(full), true);
    sender.setAddresses([undefined, THERE], 4789);
    const batch = new PacketBatch(new Arena({ slots: 64, frameBytes: 1500 }));
    for (const flow of FLOWS) batch.flow[batch.copyIn(noise(1000, 1), 0, 1000, 0, 1)] = flow;
    sender.send(batch);
    assert.equal(waits, 1);
    sender.send(batch);
    assert.equal(waits, 2);
  });

  test('refuses packets for a removed node, and sends the others', () => {
    const packets = [
      sized(100, 1, { node: 0 }),
      sized(100, 2, { node: 0 }),
      sized(100, 3),
      frame(3000, 500, { node: 0 }),
    ];
    const { came, sent, refused } = send(packets, 1);
    assert.deepEqual([came.length, sent, refused], [1, 1, { EDESTADDRREQ: 8 }]);
  });

  test('counts every packet of the messages that a full queue refuses', () => {
    const packets = [...Array.from({ length: 30 }, (_, i) => sized(1000, i)), frame(5000, 1000)];
    const full: Pick<Linux, 'sendmmsg' | 'poll'> = { poll: () => 0, sendmmsg: () => (setErrno(Errno.NoBuffers), -1) };
    const transmission = new Transmission(full);
    const sender = new DatagramSender([0], 4, transmission, true);
    sender.setAddresses([undefined, THERE], 4789);
    const batch = new PacketBatch(new Arena({ slots: 64, frameBytes: 6000 }));
    for (const { bytes, segment = 0 } of packets) batch.segment[batch.copyIn(bytes, 0, bytes.length, 0, 1)] = segment;
    sender.send(batch);
    assert.deepEqual([transmission.sent, Object.fromEntries(transmission.refused)], [0, { ENOBUFS: 35 }]);
  });

  test('Linux segments datagrams since 4.18', () => {
    const [socket] = openSourcePorts(HERE, 1);
    assert.equal(segmentsDatagrams(socket), true);
    socket.close();
  });
});
