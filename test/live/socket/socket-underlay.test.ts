import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { hkdfSha256, nodeBackend } from '../../../src/aead/index.js';
import { IngressChain, Oversize } from '../../../src/dataplane/index.js';
import { SocketUnderlay, type UnderlayPort } from '../../../src/live/index.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { NodeSas, NodeTables } from '../../../src/overlay/index.js';
import { FragmentError, Fragmenter } from '../../../src/fragment/index.js';
import { ETHERNET_HEADER_LEN, IpProtocol, writeIpv4Checksum } from '../../../src/wire/index.js';
import { esp, ip, udpIp } from '../../dataplane/build.js';
import { C1, C2, between, fromHex, recorded, TestNode, topologyOf } from '../../dataplane/topology.js';
import { noise } from '../../fragment/split.js';
import { HERE, LOOPBACK6, portOf, THERE, untilTaken, withoutRawSockets } from '../loopback.js';
import { refused } from '../refused.js';

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

/** IP packets as they are in a batch of an arena. */
function wireBatch(arena: Arena, packets: readonly Uint8Array[], peer: number): PacketBatch {
  const batch = new PacketBatch(arena);
  for (const bytes of packets) batch.copyIn(bytes, 0, bytes.length, -1, peer);
  return batch;
}

/** What an underlay gave. */
class Taken {
  readonly packets: PacketBatch;
  readonly datagrams: PacketBatch;

  constructor(arena: Arena) {
    this.packets = new PacketBatch(arena);
    this.datagrams = new PacketBatch(arena);
  }

  get count(): number {
    return this.packets.count + this.datagrams.count;
  }

  /** Receives until so many came. */
  take(underlay: UnderlayPort, count: number): void {
    untilTaken(count, underlay.descriptors, () => underlay.receive(this.packets, this.datagrams));
  }

  clear(): void {
    this.packets.clear();
    this.datagrams.clear();
  }
}

/** The bytes of a batch's packets. */
function bytesOf({ arena, count, start, end }: PacketBatch): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => arena.bytes.slice(start[i], end[i]));
}

/** Rewrites a topology's VTEPs. */
function onLoopback(setup: Parameters<typeof topologyOf>[0], port: number): ReturnType<typeof topologyOf> {
  const topology = topologyOf(setup);
  return { ...topology, port, nodes: topology.nodes.map((node, i) => ({ ...node, vtep: VTEPS[i] })) };
}

describe('an underlay over system sockets', { skip: withoutRawSockets() }, () => {
  for (const encrypted of [false, true]) {
    test(`carries ${encrypted ? 'ESP' : 'VXLAN'} from one address to the other, byte for byte, and counts it`, async () => {
      const port = portOf(encrypted ? 1 : 0);
      const topology = onLoopback({ encrypted }, port);
      const ends = new Ends(port);
      try {
        const [here, there] = ends.underlays;
        const n1 = new TestNode(topology, 'n1');
        const frames = between(await recorded('vxlan/01-icmp.c1.pcap'), C1, C2).filter((hex) => hex.length < 2800);
        n1.send(frames.map(fromHex));
        assert.equal(n1.wire.length, frames.length);
        const packets = n1.wire.map(({ bytes }) => bytes.subarray(ETHERNET_HEADER_LEN));
        const sent = wireBatch(ends.arenas[0], packets, 1);
        here.send(sent);
        sent.clear();
        const taken = new Taken(ends.arenas[1]);
        taken.take(there, frames.length);
        // The kernel has taken IP and UDP off what is VXLAN; ESP comes with its IP header.
        const [packetCount, datagramCount] = encrypted ? [frames.length, 0] : [0, frames.length];
        assert.deepEqual([taken.packets.count, taken.datagrams.count], [packetCount, datagramCount]);
        const delivered: string[] = [];
        const aead = nodeBackend.create();
        const sas = NodeSas.ofTopology(topology, 1, aead, { hkdf: hkdfSha256, random: (bytes) => void bytes.fill(1) });
        const chain = new IngressChain(
          new NodeTables(topology, 'n2'),
          ends.arenas[1],
          (batch) => delivered.push(...bytesOf(batch).map((bytes) => Buffer.from(bytes).toString('hex'))),
          encrypted ? { aead, sas, ipVerified: true } : {},
        );
        chain.run(taken.packets, 0);
        chain.runDatagrams(taken.datagrams, 0);
        assert.deepEqual(delivered, frames);
        assert.equal(chain.open.opened, packetCount);
        assert.deepEqual(chain.drops.byName(), {});
        assert.deepEqual(here.counters, { received: 0, sent: frames.length, refused: {}, overrun: 0 });
        assert.deepEqual(there.counters, { received: frames.length, sent: 0, refused: {}, overrun: 0 });
        assert.equal(there.name, 'UDP and raw sockets');
        assert.equal(there.descriptors.length, 3);
      } finally {
        ends.close();
      }
    });
  }

  test('receives UDP over IPv6 as payload and sender, and ESP as the packet that was sent', () => {
    const port = portOf(2);
    const arena = new Arena({ slots: 256, frameBytes: 2000, debug: true });
    const underlay = new SocketUnderlay({ vteps: [LOOPBACK6], node: 0, port, arena, esp: true });
    try {
      const payload = noise(77, 3);
      const packets = [udpIp(6, port, payload, 'right', '::1', '::1'), ip(6, IpProtocol.Esp, esp(1, 2), '::1', '::1')];
      // Traffic class 0xb8.
      for (const packet of packets) packet.set([0x6b, 0x80]);
      const sent = wireBatch(arena, packets, 0);
      underlay.send(sent);
      const taken = new Taken(arena);
      taken.take(underlay, 2);
      assert.deepEqual(underlay.counters, { received: 2, sent: 2, refused: {}, overrun: 0 });
      // The kernel doesn't report the hop limit; everything else is as it was sent.
      assert.deepEqual(bytesOf(taken.packets), [packets[1]]);
      const { datagrams } = taken;
      assert.deepEqual(bytesOf(datagrams), [payload]);
      assert.equal(datagrams.tos[0], 0xb8);
      assert.deepEqual(arena.bytes.slice(datagrams.sender[0], datagrams.sender[0] + 16), LOOPBACK6);
      taken.clear();
      sent.clear();
    } finally {
      underlay.close();
    }
    assert.deepEqual(arena.holders(), []);
  });

  test('counts a packet longer than a slot as overrun, not as received', () => {
    const port = portOf(3);
    const ends = new Ends(port);
    try {
      const arena = new Arena({ slots: 4, frameBytes: 9000 });
      const topology = onLoopback({ mtu: 9000 }, port);
      const n1 = new TestNode(topology, 'n1', { egress: { oversize: Oversize.Outside } });
      n1.send([fromHex(`${C2}${C1}0800`.padEnd(2 * 4000, '0')), fromHex(`${C2}${C1}0800`.padEnd(2 * 100, '0'))]);
      const packets = n1.wire.map(({ bytes }) => bytes.subarray(ETHERNET_HEADER_LEN));
      const sent = wireBatch(arena, packets, 1);
      ends.underlays[0].send(sent);
      const taken = new Taken(ends.arenas[1]);
      const there = ends.underlays[1];
      untilTaken(packets.length, there.descriptors, () => {
        const before = there.counters.overrun;
        return there.receive(taken.packets, taken.datagrams) + there.counters.overrun - before;
      });
      const { counters } = there;
      assert.equal(counters.received, taken.count);
      assert.equal(counters.received + counters.overrun, packets.length);
      assert.equal(counters.overrun, packets.filter(({ length }) => length > 2100).length);
      taken.clear();
      ends.underlays[1].close();
      assert.deepEqual(ends.underlays[1].counters, counters);
    } finally {
      ends.close();
    }
  });

  test('leaves no descriptor open if opening fails, and reports why', () => {
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

  test('fragments of a datagram with IPv4 ID 0 can be reassembled (raw(7) would replace each zero ID)', () => {
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
        assert.equal(fragmenter.begin(datagram, 0, datagram.length, 1000), FragmentError.None);
        const fragments = Array.from({ length: fragmenter.count }, () => {
          const fragment = new Uint8Array(1000);
          return fragment.subarray(0, fragmenter.next(fragment, 0));
        });
        assert.equal(fragments.length, 2);
        const sent = wireBatch(arena, fragments, 1);
        ends.underlays[0].send(sent);
        sent.clear();
      }
      assert.deepEqual([ends.underlays[0].counters.sent, ends.underlays[0].counters.refused], [10, {}]);
      const taken = new Taken(ends.arenas[1]);
      taken.take(ends.underlays[1], 5);
      const came = bytesOf(taken.datagrams);
      taken.clear();
      assert.deepEqual(
        came.map(({ length }) => length),
        payloads.map(({ length }) => length),
      );
      assert.deepEqual(came, payloads);
    } finally {
      ends.close();
    }
  });

  test('does not change the ID of an unfragmented packet, nor a packet too short for an IP header', () => {
    const ends = new Ends(portOf(7));
    try {
      const [arena] = ends.arenas;
      const whole = udpIp(4, portOf(7), noise(50, 1), 0, '127.0.0.2', '127.0.0.3');
      whole.set([0, 0, 0x40, 0], 4);
      const packets = [whole, new Uint8Array(19), new Uint8Array(1), new Uint8Array(0)];
      // Fragments, judging by what follows them if it were read.
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

  test('survives arbitrary UDP payloads and ESP', () => {
    const port = portOf(5);
    const ends = new Ends(port);
    try {
      const topology = onLoopback({ encrypted: true }, port);
      const [here, there]: readonly UnderlayPort[] = ends.underlays;
      const seen: number[] = [];
      const chain = new IngressChain(new NodeTables(topology, 'n2'), ends.arenas[1], (batch) => seen.push(batch.count));
      const arena = new Arena({ slots: 64, frameBytes: 2000 });
      const packets = Array.from({ length: 40 }, (_, i) => {
        const span = 20 + 3 * i;
        const bytes = new Uint8Array(span).fill(i);
        // IPv4 whose lengths and checksum the kernel writes; ESP or UDP.
        bytes.set([0x45, 0, 0, 0, 0, 0, 0, 0, 64, i % 2 === 0 ? 50 : 17, 0, 0, ...HERE, ...THERE]);
        if (i % 2 === 1) bytes.set([1, 1, port >>> 8, port & 255, 0, span - 20, 0, 0].slice(0, span - 20), 20);
        return bytes;
      });
      const sent = wireBatch(arena, packets, 1);
      here.send(sent);
      const taken = new Taken(ends.arenas[1]);
      // ESP that is more than an IP header, and UDP that has a header of its own.
      taken.take(there, 39);
      assert.equal(taken.count, 39);
      chain.run(taken.packets, 0);
      chain.runDatagrams(taken.datagrams, 0);
      const { packets: came, delivered, dropped, held } = chain.accounting;
      assert.equal(came, delivered + dropped + held);
      assert.deepEqual([delivered, held, seen], [0, 0, []]);
    } finally {
      ends.close();
    }
  });
});
