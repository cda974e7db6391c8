import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { FlowTable, type Conversation } from '../../../src/inspect/index.js';
import { IpProtocol, Layers } from '../../../src/wire/index.js';
import { ethernet, ip, join } from '../../dataplane/build.js';
import { ipv4Packet, ipv6Packet, split } from '../../fragment/split.js';
import { tcpFrame } from './tcp-frame.js';

const layers = new Layers({ fromCapture: true });

interface Added {
  readonly vni?: number;
  /** NaN for none. */
  readonly seconds?: number;
  readonly nanoseconds?: number;
  /** Bytes captured. Default: all. */
  readonly captured?: number;
}

function add(
  table: FlowTable,
  frame: Uint8Array,
  { vni = 4097, seconds = 0, nanoseconds = 0, ...how }: Added = {},
): void {
  const end = how.captured ?? frame.length;
  layers.walkEthernet(frame, 0, end, frame.length);
  table.add(vni, frame, layers, end, frame.length, seconds, nanoseconds);
}

/** UDP, or another protocol that begins with two ports. */
function ported(
  from: string,
  to: string,
  ports: [number, number],
  payload = 10,
  protocol: number = IpProtocol.Udp,
): Uint8Array {
  const header = new Uint8Array(8 + payload);
  const view = new DataView(header.buffer);
  view.setUint16(0, ports[0]);
  view.setUint16(2, ports[1]);
  view.setUint16(4, header.length);
  const family = from.includes(':') ? 6 : 4;
  return ethernet(ip(family, protocol, header, from, to), family === 4 ? 0x0800 : 0x86dd);
}

const sides = ({ a, b }: Conversation): unknown[] => [a.address, a.port, a.packets, b.address, b.port, b.packets];

describe('a flow table', () => {
  test('has both directions in one conversation, the first sender as side A', () => {
    const table = new FlowTable();
    add(table, ported('10.0.9.4', '10.0.9.3', [53, 4000]));
    add(table, ported('10.0.9.3', '10.0.9.4', [4000, 53], 20));
    add(table, ported('fd00::1', 'fd00::2', [1, 2]));
    add(table, ported('fd00::2', 'fd00::1', [2, 1]));
    assert.deepEqual(table.conversations().map(sides), [
      ['10.0.9.4', 53, 1, '10.0.9.3', 4000, 1],
      ['fd00::1', 1, 1, 'fd00::2', 2, 1],
    ]);
    const [first] = table.conversations();
    assert.deepEqual([first.a.bytes, first.b.bytes, first.bytes], [52, 62, 114]);
    assert.deepEqual([first.a.payloadBytes, first.b.payloadBytes], [10, 20]);
  });

  test('keeps networks, ports, protocols and addresses apart', () => {
    const table = new FlowTable();
    const [one, other] = ['10.0.9.3', '10.0.9.4'];
    add(table, ported(one, other, [1, 2]));
    add(table, ported(one, other, [1, 2]), { vni: 4098 });
    add(table, ported(one, other, [1, 2]), { vni: -1 });
    add(table, ported(one, other, [2, 1]));
    add(table, ported(one, other, [1, 2], 10, IpProtocol.Sctp));
    add(table, ported(one, '10.0.9.5', [1, 2]));
    add(table, ported(one, other, [1, 2], 10, IpProtocol.Icmp));
    add(table, ported(one, other, [1, 2], 10, 89));
    assert.deepEqual(
      table.conversations().map(({ vni, protocol, protocolNumber, a }) => [vni, protocol, protocolNumber, a.port]),
      [
        [4097, 'UDP', 17, 1],
        [4098, 'UDP', 17, 1],
        [null, 'UDP', 17, 1],
        [4097, 'UDP', 17, 2],
        [4097, 'SCTP', 132, 1],
        [4097, 'UDP', 17, 1],
        [4097, 'ICMP', 1, null],
        [4097, 'other', 89, null],
      ],
    );
  });

  test('has packets of a host to itself in one conversation, by port', () => {
    const table = new FlowTable();
    add(table, ported('10.0.9.3', '10.0.9.3', [9, 5]));
    add(table, ported('10.0.9.3', '10.0.9.3', [5, 9]));
    assert.deepEqual(table.conversations().map(sides), [['10.0.9.3', 9, 1, '10.0.9.3', 5, 1]]);
  });

  test('counts packets beyond its limit, and goes on with the conversations that it has', () => {
    const table = new FlowTable({ maxConversations: 2 });
    for (let port = 1; port <= 4; port++) add(table, ported('10.0.9.3', '10.0.9.4', [port, 53]));
    add(table, ported('fd00::1', 'fd00::2', [1, 2]));
    add(table, ported('10.0.9.4', '10.0.9.3', [53, 1]));
    assert.deepEqual(
      table.conversations().map(({ packets }) => packets),
      [2, 1],
    );
    assert.deepEqual(table.accounting, {
      packets: 6,
      inConversations: 3,
      withoutIp: 0,
      unreadable: 0,
      strayFragments: 0,
      unlisted: 3,
    });
    assert.equal(table.size, 2);
  });

  test('refuses a limit that is no positive integer', () => {
    for (const maxConversations of [0, -1, 1.5, Number.NaN, 2 ** 25]) {
      assert.throws(() => new FlowTable({ maxConversations }), { code: 'BAD_INDEX' });
    }
  });

  test('tells the start, duration and rate to the nanosecond, whatever the order of the packets', () => {
    const table = new FlowTable();
    const frame = ported('10.0.9.3', '10.0.9.4', [1, 2], 958);
    add(table, frame, { seconds: 1_700_000_002, nanoseconds: 5 });
    add(table, frame, { seconds: 1_700_000_000, nanoseconds: 999_999_999 });
    add(table, frame, { seconds: 1_700_000_001, nanoseconds: 0 });
    const [row] = table.conversations();
    assert.equal(row.startNanoseconds, 1_700_000_000_999_999_999n);
    assert.equal(row.durationSeconds, 1.000000006);
    assert.equal(row.bytes, 3000);
    assert.ok(Math.abs((row.bitsPerSecond ?? 0) - 24_000 / 1.000000006) < 1e-3);
  });

  test('has no times, and no rate, without times in the capture', () => {
    const table = new FlowTable();
    add(table, ported('10.0.9.3', '10.0.9.4', [1, 2]), { seconds: Number.NaN });
    const [row] = table.conversations();
    assert.deepEqual([row.startNanoseconds, row.durationSeconds, row.bitsPerSecond], [null, 0, null]);
    add(table, ported('10.0.9.3', '10.0.9.4', [1, 2]), { seconds: 7 });
    assert.equal(table.conversations()[0].startNanoseconds, 7_000_000_000n);
  });

  test('counts frames without IP and packets that are too short for their ports', () => {
    const table = new FlowTable();
    add(table, ethernet(new Uint8Array(28), 0x0806));
    add(table, ported('10.0.9.3', '10.0.9.4', [1, 2]), { captured: 36 });
    add(table, ported('10.0.9.3', '10.0.9.4', [1, 2], 10, IpProtocol.Sctp), { captured: 36 });
    // What follows a packet of two bytes is padding, not ports.
    const padded = join(ip(4, IpProtocol.Sctp, Uint8Array.of(0, 7)), new Uint8Array(24));
    add(table, ethernet(padded, 0x0800));
    const { withoutIp, unreadable, inConversations } = table.accounting;
    assert.deepEqual([withoutIp, unreadable, inConversations], [1, 3, 0]);
  });

  test('counts bytes by the lengths on the wire, also where the capture is truncated', () => {
    const table = new FlowTable();
    add(table, tcpFrame({ flags: 'AP', sequence: 1, length: 500, at: 0 }), { captured: 60 });
    const [row] = table.conversations();
    assert.deepEqual([row.a.payloadBytes, row.a.bytes], [500, 554]);
  });
});

describe('fragments', () => {
  const udp = (ports: [number, number], payload: number): Uint8Array =>
    ported('10.0.9.3', '10.0.9.4', ports, payload).subarray(34);

  for (const [family, packetOf, type] of [
    [4, ipv4Packet, 0x0800],
    [6, ipv6Packet, 0x86dd],
  ] as const) {
    test(`of IPv${family} are in the conversation of their first one, in any order after it`, () => {
      const table = new FlowTable();
      const parts = split(packetOf(udp([7, 8], 3000)), [100, 200]).map((part) => ethernet(part, type));
      assert.equal(parts.length, 3);
      for (const part of [parts[0], parts[2], parts[1]]) add(table, part);
      const [row, ...others] = table.conversations();
      assert.equal(others.length, 0);
      assert.deepEqual([row.a.port, row.b.port, row.protocol], [7, 8, 'UDP']);
      assert.deepEqual([row.a.packets, row.a.laterFragments, row.a.payloadBytes], [3, 2, 3000]);
      assert.equal(
        row.a.bytes,
        parts.reduce((sum, part) => sum + part.length, 0),
      );
    });
  }

  test('without their first one are strays, and so are those that come before it or 30 s after it', () => {
    const table = new FlowTable();
    const parts = split(ipv4Packet(udp([7, 8], 3000)), [100, 200]).map((part) => ethernet(part, 0x0800));
    add(table, parts[1], { seconds: 0 });
    add(table, parts[0], { seconds: 0 });
    add(table, parts[1], { seconds: 30 });
    add(table, parts[2], { seconds: 31 });
    add(table, parts[2], { seconds: 1, vni: 4098 });
    assert.deepEqual([table.accounting.strayFragments, table.accounting.inConversations], [3, 2]);
  });

  test('of ICMP need no first one: its conversations have no ports', () => {
    const table = new FlowTable();
    const parts = split(ipv4Packet(new Uint8Array(3000), { protocol: IpProtocol.Icmp }), [100, 200]);
    for (const part of parts.reverse()) add(table, ethernet(part, 0x0800));
    const [row] = table.conversations();
    assert.deepEqual([row.packets, row.a.laterFragments, row.a.payloadBytes], [3, 2, 3000]);
  });

  test('of more packets than are remembered: the oldest is forgotten', () => {
    const table = new FlowTable();
    const fragments = (identification: number): Uint8Array[] =>
      split(ipv4Packet(udp([7, 8], 30), { id: identification }), [2]).map((part) => ethernet(part, 0x0800));
    for (let id = 0; id <= 4096; id++) add(table, fragments(id)[0]);
    add(table, fragments(0)[1]);
    add(table, fragments(1)[1]);
    add(table, fragments(4096)[1]);
    assert.deepEqual([table.accounting.strayFragments, table.conversations()[0].a.laterFragments], [1, 2]);
  });
});

describe('any packets', () => {
  const end = fc.record({
    address: fc.integer({ min: 1, max: 4 }),
    port: fc.integer({ min: 0, max: 3 }),
    six: fc.boolean(),
  });
  const address = (index: number, six: boolean): string =>
    six ? `fd00::${index}` : `10.${200 * (index % 2)}.9.${index}`;

  test('are counted like in a map with keys of text, whichever side sends', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ from: end, to: end, vni: fc.integer({ min: -1, max: 1 }) })), (packets) => {
        const table = new FlowTable();
        const expected = new Map<string, number>();
        for (const { from, to, vni } of packets) {
          const { six } = from;
          add(table, ported(address(from.address, six), address(to.address, six), [from.port, to.port]), { vni });
          const ends = [from, to].map((one) => `${address(one.address, six)} ${one.port}`);
          const key = `${vni} ${ends.sort().join(' ')}`;
          expected.set(key, (expected.get(key) ?? 0) + 1);
        }
        const got = new Map<string, number>();
        for (const row of table.conversations()) {
          const ends = [row.a, row.b].map((one) => `${one.address} ${one.port}`);
          got.set(`${row.vni ?? -1} ${ends.sort().join(' ')}`, row.packets);
        }
        assert.deepEqual(new Map([...got].sort()), new Map([...expected].sort()));
      }),
    );
  });

  test('of any bytes are accounted for', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 80 })), (payloads) => {
        const table = new FlowTable({ maxConversations: 3 });
        for (const [i, payload] of payloads.entries()) {
          const frame =
            i % 2 === 0
              ? ethernet(payload, 0x0800)
              : ethernet(ip(4, payload.length === 0 ? 0 : payload[0], join(payload)), 0x0800);
          add(table, frame, { seconds: i % 3 === 0 ? Number.NaN : i });
        }
        const { packets, inConversations, ...outside } = table.accounting;
        assert.equal(packets, payloads.length);
        assert.equal(packets, inConversations + Object.values(outside).reduce((sum, count) => sum + count, 0));
        assert.equal(
          table.conversations().reduce((sum, row) => sum + row.packets, 0),
          inConversations,
        );
      }),
    );
  });
});
