import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { IngressChain, Oversize } from '../../src/dataplane/index.js';
import { SocketUnderlay, type UnderlayPort } from '../../src/live/index.js';
import { DatagramHeaders } from '../../src/live/datagram-headers.js';
import { putSocketAddress, SOCKADDR_BYTES } from '../../src/live/socket-address.js';
import { Arena, PacketBatch } from '../../src/memory/index.js';
import { NodeTables } from '../../src/overlay/index.js';
import { FragmentFault, Fragmenter } from '../../src/fragment/index.js';
import { IpProtocol, writeIpv4Checksum } from '../../src/wire/index.js';
import { join, udpIp } from '../dataplane/build.js';
import { C1, C2, between, fromHex, recorded, TestNode, topologyOf } from '../dataplane/topology.js';
import { noise } from '../fragment/split.js';
import { HERE, LOOPBACK6, portOf, THERE, untilTaken, withoutRawSockets } from './loopback.js';
import { refused } from './refused.js';

const VTEPS = [HERE, THERE];

/** Underlays of both nodes, with an arena each. */
class Ends {
  readonly arenas = [0, 1].map(() => new Arena({ slots: 512, frameBytes: 2000, debug: true }));
  readonly underlays: SocketUnderlay[];

  constructor(port: number, vteps: readonly Uint8Array[] = VTEPS) {
    this.underlays = this.arenas.map(
      (arena, node) => new SocketUnderlay({ vteps, node: node % vteps.length, port, arena, esp: true }),
    );
  }

  close(): void {
    for (const underlay of this.underlays) underlay.close();
    for (const arena of this.arenas) assert.deepEqual(arena.holders(), []);
  }
}

/** Packets of a node's chain, as they stand in a batch of an arena: Ethernet first. */
function wireBatch(arena: Arena, packets: readonly Uint8Array[], peer: number): PacketBatch {
  const batch = new PacketBatch(arena);
  for (const bytes of packets) batch.copyIn(bytes, 0, bytes.length, -1, peer);
  return batch;
}

/** Receives until so many packets came. */
function takeAll(underlay: UnderlayPort, batch: PacketBatch, count: number): void {
  untilTaken(count, underlay.descriptors, () => underlay.receive(batch));
}

/** Rewrites a topology's VTEPs. */
function onLoopback(setup: Parameters<typeof topologyOf>[0], port: number): ReturnType<typeof topologyOf> {
  const topology = topologyOf(setup);
  return { ...topology, port, nodes: topology.nodes.map((node, i) => ({ ...node, vtep: VTEPS[i] })) };
}

describe('an underlay of sockets', { skip: withoutRawSockets() }, () => {
  for (const encrypted of [false, true]) {
    test(`takes ${encrypted ? 'ESP' : 'VXLAN'} from one address to the other, byte for byte, and counts it`, async () => {
      const port = portOf(encrypted ? 1 : 0);
      const topology = onLoopback({ encrypted }, port);
      const ends = new Ends(port);
      try {
        const [here, there] = ends.underlays;
        const [n1, n2] = ['n1', 'n2'].map((name) => new TestNode(topology, name));
        const frames = between(await recorded('vxlan/01-icmp.c1.pcap'), C1, C2).filter((hex) => hex.length < 2800);
        n1.send(frames.map(fromHex));
        assert.equal(n1.wire.length, frames.length);
        const sent = wireBatch(
          ends.arenas[0],
          n1.wire.map(({ bytes }) => bytes),
          1,
        );
        here.send(sent);
        sent.clear();
        const batch = new PacketBatch(ends.arenas[1]);
        takeAll(there, batch, frames.length);
        assert.equal(batch.count, frames.length);
        const got = Array.from({ length: batch.count }, (_, i) =>
          batch.arena.bytes.slice(batch.start[i], batch.end[i]),
        );
        n2.receive(got);
        assert.deepEqual(
          n2.delivered.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
          frames,
        );
        assert.equal(n2.ingress.open.opened, encrypted ? frames.length : 0);
        batch.clear();
        assert.deepEqual(here.counters, { received: 0, sent: frames.length, refused: {}, overrun: 0 });
        assert.deepEqual(there.counters, { received: frames.length, sent: 0, refused: {}, overrun: 0 });
        assert.equal(there.name, 'UDP and raw sockets');
        assert.equal(there.descriptors.length, 3);
      } finally {
        ends.close();
      }
    });
  }

  test('takes UDP and ESP over IPv6, with their headers put back as they were sent', () => {
    const port = portOf(2);
    const arena = new Arena({ slots: 256, frameBytes: 2000, debug: true });
    const underlay = new SocketUnderlay({ vteps: [LOOPBACK6], node: 0, port, arena, esp: true });
    try {
      const headers = new DatagramHeaders(LOOPBACK6, port);
      const name = new Uint8Array(SOCKADDR_BYTES);
      putSocketAddress(name, 0, LOOPBACK6, 50_001);
      const sent = new PacketBatch(arena);
      for (const esp of [false, true]) {
        const slot = arena.take();
        const from = arena.frameOffsetOf(slot);
        const to = from + 77;
        arena.bytes.fill(7, from, to);
        const start = esp
          ? headers.putIpv6(arena.bytes, from, to, name, 0, 0xb8, IpProtocol.Esp)
          : headers.putUdp(arena.bytes, from, to, name, 0, 0xb8);
        sent.push(slot, start, to, -1, 0);
      }
      underlay.send(sent);
      const batch = new PacketBatch(arena);
      takeAll(underlay, batch, 2);
      assert.deepEqual(underlay.counters, { received: 2, sent: 2, refused: {}, overrun: 0 });
      for (const i of [0, 1]) {
        const got = arena.bytes.slice(batch.start[i], batch.end[i]);
        // The kernel tells no hop limit; all else is as it was sent.
        assert.deepEqual(got, arena.bytes.slice(sent.start[i], sent.end[i]));
      }
      batch.clear();
      sent.clear();
    } finally {
      underlay.close();
    }
    assert.deepEqual(arena.holders(), []);
  });

  test('counts a packet that is longer than a slot as without room, and not as received', () => {
    const port = portOf(3);
    const ends = new Ends(port);
    try {
      const arena = new Arena({ slots: 4, frameBytes: 9000 });
      const topology = onLoopback({ mtu: 9000 }, port);
      const n1 = new TestNode(topology, 'n1', { egress: { oversize: Oversize.Outside } });
      n1.send([fromHex(`${C2}${C1}0800`.padEnd(2 * 4000, '0')), fromHex(`${C2}${C1}0800`.padEnd(2 * 100, '0'))]);
      const packets = n1.wire.map(({ bytes }) => bytes);
      const sent = wireBatch(arena, packets, 1);
      ends.underlays[0].send(sent);
      const batch = new PacketBatch(ends.arenas[1]);
      const there = ends.underlays[1];
      untilTaken(packets.length, there.descriptors, () => {
        const before = there.counters.overrun;
        return there.receive(batch) + there.counters.overrun - before;
      });
      const { counters } = there;
      assert.equal(counters.received, batch.count);
      assert.equal(counters.received + counters.overrun, packets.length);
      assert.equal(counters.overrun, packets.filter(({ length }) => length > 2100).length);
      batch.clear();
      ends.underlays[1].close();
      assert.deepEqual(ends.underlays[1].counters, counters);
    } finally {
      ends.close();
    }
  });

  test('leaves no descriptor open where it can’t be opened, and says why', () => {
    const before = readdirSync('/proc/self/fd').length;
    const port = portOf(4);
    const arena = new Arena({ slots: 512, frameBytes: 2000, debug: true });
    const first = new SocketUnderlay({ vteps: VTEPS, node: 0, port, arena, esp: true });
    const text = new RegExp(`^UDP port ${port} is in use: .*stop it first$`);
    refused(() => new SocketUnderlay({ vteps: VTEPS, node: 0, port, arena, esp: true }), 'PORT_IN_USE', text);
    first.close();
    const away = Uint8Array.of(192, 0, 2, 1);
    refused(() => new SocketUnderlay({ vteps: [away], node: 0, port, arena, esp: true }), 'NOT_THERE', /192\.0\.2\.1/);
    assert.equal(readdirSync('/proc/self/fd').length, before);
    assert.deepEqual(arena.holders(), []);
  });

  test('sends the fragments of a datagram whose IPv4 ID is 0 so that they are reassembled (raw(7): a zero ID is replaced)', () => {
    const port = portOf(6);
    const ends = new Ends(port);
    try {
      const [arena] = ends.arenas;
      const ids = [0, 1, 0x8000, 0xffff, 0];
      const payloads = ids.map((id, i) => noise(1800 + i, id));
      for (const [i, id] of ids.entries()) {
        const datagram = udpIp(4, port, payloads[i], 0, '127.0.0.2', '127.0.0.3');
        new DataView(datagram.buffer).setUint16(4, id);
        writeIpv4Checksum(datagram, 0);
        const fragmenter = new Fragmenter();
        assert.equal(fragmenter.begin(datagram, 0, datagram.length, 1000), FragmentFault.None);
        const fragments = Array.from({ length: fragmenter.count }, () => {
          const fragment = new Uint8Array(1014);
          return fragment.subarray(0, 14 + fragmenter.next(fragment, 14));
        });
        assert.equal(fragments.length, 2);
        const sent = wireBatch(arena, fragments, 1);
        ends.underlays[0].send(sent);
        sent.clear();
      }
      assert.deepEqual([ends.underlays[0].counters.sent, ends.underlays[0].counters.refused], [10, {}]);
      const batch = new PacketBatch(ends.arenas[1]);
      takeAll(ends.underlays[1], batch, 5);
      const came = Array.from({ length: batch.count }, (_, i) =>
        batch.arena.bytes.slice(batch.start[i] + 42, batch.end[i]),
      );
      batch.clear();
      assert.deepEqual(
        came.map(({ length }) => length),
        payloads.map(({ length }) => length),
      );
      assert.deepEqual(came, payloads);
    } finally {
      ends.close();
    }
  });

  test('leaves the ID of a packet that is no fragment, and what is too short for an IP header, alone', () => {
    const ends = new Ends(portOf(7));
    try {
      const [arena] = ends.arenas;
      const whole = udpIp(4, portOf(7), noise(50, 1), 0, '127.0.0.2', '127.0.0.3');
      whole.set([0, 0, 0x40, 0], 4);
      const packets = [join(new Uint8Array(14), whole), new Uint8Array(33), new Uint8Array(14), new Uint8Array(0)];
      // Fragments by what stands behind them, were it read.
      for (const packet of packets.slice(1)) packet.fill(0x20);
      const sent = wireBatch(arena, packets, 1);
      const before = arena.bytes.slice();
      ends.underlays[0].send(sent);
      assert.deepEqual(arena.bytes, before);
      sent.clear();
    } finally {
      ends.close();
    }
  });

  test('survives what is no packet of the overlay: any UDP payload, any ESP', () => {
    const port = portOf(5);
    const ends = new Ends(port);
    try {
      const topology = onLoopback({ encrypted: true }, port);
      const [here, there]: readonly UnderlayPort[] = ends.underlays;
      const seen: number[] = [];
      const chain = new IngressChain(new NodeTables(topology, 'n2'), ends.arenas[1], (batch) => seen.push(batch.count));
      const arena = new Arena({ slots: 64, frameBytes: 2000 });
      const packets = Array.from({ length: 40 }, (_, i) => {
        const span = 34 + 3 * i;
        const bytes = new Uint8Array(span).fill(i);
        // Ethernet, then IPv4 whose lengths and checksum the kernel writes; ESP or UDP.
        bytes.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, i % 2 === 0 ? 50 : 17, 0, 0, ...HERE, ...THERE], 14);
        if (i % 2 === 1) bytes.set([1, 1, port >>> 8, port & 255, 0, span - 34, 0, 0].slice(0, span - 34), 34);
        return bytes;
      });
      const sent = wireBatch(arena, packets, 1);
      here.send(sent);
      const batch = new PacketBatch(ends.arenas[1]);
      // ESP that is more than an IP header, and UDP that has a header of its own.
      takeAll(there, batch, 39);
      assert.equal(batch.count, 39);
      chain.run(batch, 0);
      const { packets: came, delivered, dropped, held } = chain.accounting;
      assert.equal(came, delivered + dropped + held);
      assert.deepEqual([delivered, held, seen], [0, 0, []]);
    } finally {
      ends.close();
    }
  });
});
