/** What the exam collects, and its bounds. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MemoryReader, openCapture, openCaptureFile } from '../../../src/capture/index.js';
import { matchCaptures, TraceKind } from '../../../src/doctor/capture/index.js';
import { AddressPairs } from '../../../src/doctor/capture/address-pairs.js';
import { EventTable } from '../../../src/doctor/capture/event-table.js';
import { OccurrenceColumns } from '../../../src/doctor/capture/occurrence-columns.js';
import type { PacketStamp } from '../../../src/doctor/capture/packet-stamp.js';
import { Survey } from '../../../src/inspect/index.js';
import { parseIpv4, parseIpv6 } from '../../../src/wire/index.js';
import { udpIp } from '../../dataplane/build.js';
import { fixture } from '../../repository.js';
import {
  A,
  B,
  back,
  captured,
  echo,
  every,
  examined,
  inner,
  ONE,
  onWire,
  pcapOf,
  recorded,
  sealed,
  START,
  tcp,
  there,
  tunnelled,
  TWO,
  VNI,
} from './packets.js';

function at(number: number, seconds: number): PacketStamp {
  return { number, seconds, elapsed: seconds };
}

describe('occurrences', () => {
  test('show the first five packets, the earliest and the latest time', () => {
    const columns = new OccurrenceColumns();
    [5, 3, 9, 4, 7, 8].forEach((seconds, i) => columns.add(40, at(i + 1, seconds)));
    assert.deepEqual(columns.occurrence(40), { count: 6, packets: [1, 2, 3, 4, 5], firstSeconds: 3, lastSeconds: 9 });
    assert.equal(columns.occurrence(39).count, 0);
    assert.equal(columns.occurrence(4000).count, 0);
  });

  test('packets without a time count, and change no time', () => {
    const columns = new OccurrenceColumns();
    columns.add(0, at(1, Number.NaN));
    assert.deepEqual(columns.occurrence(0), {
      count: 1,
      packets: [1],
      firstSeconds: undefined,
      lastSeconds: undefined,
    });
    columns.add(0, at(2, 8));
    columns.add(0, at(3, Number.NaN));
    assert.deepEqual(columns.occurrence(0), { count: 3, packets: [1, 2, 3], firstSeconds: 8, lastSeconds: 8 });
  });

  test('a table that is full counts what it does not list', () => {
    const table = new EventTable(2);
    const rows = [1, 2, 3, 1, 3].map((key) => table.add(at(1, 0), key));
    assert.deepEqual(rows, [0, 1, -1, 0, -1]);
    assert.equal(table.unlisted, 2);
    assert.equal(table.of(1).count, 2);
    assert.equal(table.of(3).count, 0);
  });
});

describe('address pairs', () => {
  const v4 = (a: string, b: string): Uint8Array => Uint8Array.of(...parseIpv4(a), ...parseIpv4(b));
  const v6 = (a: string, b: string): Uint8Array => Uint8Array.of(...parseIpv6(a), ...parseIpv6(b));

  test('the two directions of a pair differ in the last bit, and have their addresses', () => {
    const pairs = new AddressPairs(8);
    for (const [family, bytesOf, a, b] of [
      [4, v4, '10.0.0.1', '200.0.0.2'],
      [6, v6, 'fd00::1', '2001:db8::2'],
    ] as const) {
      const one = pairs.of(7, family, bytesOf(a, b), 0);
      const other = pairs.of(7, family, bytesOf(b, a), 0);
      assert.equal(one ^ 1, other);
      assert.deepEqual([pairs.source(one), pairs.destination(one), pairs.scope(one)], [a, b, 7]);
      assert.deepEqual([pairs.source(other), pairs.destination(other)], [b, a]);
      assert.notEqual(pairs.of(8, family, bytesOf(a, b), 0), one);
    }
  });

  test('no more than the limit, both families together', () => {
    const pairs = new AddressPairs(2);
    assert.equal(pairs.of(0, 4, v4('10.0.0.1', '10.0.0.2'), 0) >> 1, 0);
    assert.equal(pairs.of(0, 6, v6('fd00::1', 'fd00::2'), 0) >> 1, 1);
    assert.equal(pairs.of(0, 4, v4('10.0.0.1', '10.0.0.3'), 0), -1);
    assert.equal(pairs.of(0, 4, v4('10.0.0.2', '10.0.0.1'), 0) >> 1, 0);
    assert.equal(pairs.unlisted, 1);
  });
});

describe('the exam', () => {
  test('has the same survey as inspect', async () => {
    for (const path of ['vxlan/03-http-200k.underlay.pcap', 'esp/08-esp-key-rotation.underlay.pcap']) {
      const source = await openCaptureFile(fixture(path));
      const survey = new Survey();
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) survey.addBatch(batch);
      await source.close();
      assert.deepEqual((await recorded(path)).survey, survey.report(source));
    }
  });

  test('counts frames by direction and network, and traffic by endpoints', async () => {
    const packets = [there(echo()), back(echo(B, A, true)), there(tcp({})), tunnelled(inner(echo()), { vni: 9 })];
    const { frames, pairs, firstSeconds, lastSeconds } = await captured(every(0.5, packets));
    assert.deepEqual([firstSeconds, lastSeconds], [START, START + 1.5]);
    assert.deepEqual(
      frames.map(({ source, vni, count, transports }) => [source, vni, count, transports.tcp, transports.icmp]),
      [
        [ONE, VNI, 2, 1, 1],
        [TWO, VNI, 1, 0, 1],
        [ONE, 9, 1, 0, 1],
      ],
    );
    const forward = pairs.find(({ vni, innerSource }) => vni === VNI && innerSource === A);
    assert.deepEqual(
      [forward?.count, forward?.answers, forward?.answeredFrom, forward?.echoRequests, forward?.packets],
      [2, 1, TWO, 1, [1, 3]],
    );
  });

  test('a node with thousands of clients outside still shows its networks', async () => {
    const packet = onWire(udpIp(4, 443, new Uint8Array(1), 0, '100.64.0.0', ONE));
    const outside = Array.from({ length: 20_000 }, (_, i) => {
      const copy = packet.slice();
      copy.set([i >> 8, i & 255], 14 + 14);
      return copy;
    });
    const capture = await captured(every(0.001, [...outside, there(echo()), back(echo(B, A, true))]));
    assert.equal(capture.frames.length, 2);
    assert.equal(capture.pairs.length, 2);
    assert.ok(capture.unlisted > 0);
  });

  test('the evidence of every recording is plain data, without the trace', async () => {
    for (const file of readdirSync(fixture('esp')).filter((name) => name.endsWith('.pcap'))) {
      const capture = await recorded(`esp/${file}`);
      const { trace, damage, ...rest } = capture;
      assert.ok(trace !== undefined);
      assert.equal(damage, undefined);
      assert.deepEqual(JSON.parse(JSON.stringify(capture)), JSON.parse(JSON.stringify(rest)));
      assert.deepEqual(JSON.parse(JSON.stringify(rest.survey)), rest.survey);
    }
  });

  test('any bytes are survived', async () => {
    const base = pcapOf(
      every(0.1, [there(tcp({ length: 50 })), sealed(1), back(echo()), tunnelled(inner(tcp({ flags: 'S' })))]),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { minLength: 1, maxLength: 12 }),
        async (changes) => {
          const bytes = base.slice();
          // Not the file header.
          for (const [at, value] of changes) if (at >= 24) bytes[at] = value;
          const { survey } = await examined(await openCapture(new MemoryReader(bytes)));
          assert.ok(survey.packets >= 0);
        },
      ),
      { numRuns: 150 },
    );
  });

  test('a truncated packet at any length is survived', async () => {
    const packets = [there(tcp({ length: 50 })), sealed(1), back(echo()), tunnelled(inner(echo()), { flags: 0x88 })];
    for (let snaplen = 0; snaplen < 140; snaplen++) {
      const { survey } = await examined(await openCapture(new MemoryReader(pcapOf(every(0.1, packets), snaplen))));
      assert.equal(survey.packets, 4);
    }
  });
});

describe('matching', () => {
  test('finds each packet, its kind, and the difference of the clocks from both directions', async () => {
    const packets = Array.from({ length: 10 }, (_, i) => [
      { at: i, packet: sealed(i + 1) },
      { at: i + 0.3, packet: there(echo(A, B, false, 40, i)) },
      { at: i + 0.6, packet: back(echo(B, A, true, 40, i)) },
    ]).flat();
    // The path takes 10 ms each way, and the second clock is 2 s ahead.
    const first = await captured(packets);
    const second = await captured(
      packets.map(({ at, packet }, i) => ({ at: at + 2 + (i % 3 === 2 ? -0.01 : 0.01), packet })),
    );
    const match = matchCaptures(first, second);
    assert.ok(match !== undefined);
    assert.equal(match.matched, 30);
    assert.ok(Math.abs((match.clockOffset ?? 0) - 2) < 1e-3);
    assert.deepEqual(
      match.flows.map(({ kind, matched, onlyFirst, onlySecond }) => [kind, matched, onlyFirst.count, onlySecond.count]),
      [
        [TraceKind.Esp, 10, 0, 0],
        [TraceKind.Vxlan, 10, 0, 0],
        [TraceKind.Vxlan, 10, 0, 0],
      ],
    );
  });

  test('a trace that is full says so, and nothing after its end is taken for lost', async () => {
    const packets = every(
      0.1,
      Array.from({ length: 100 }, (_, i) => sealed(i + 1)),
    );
    const first = await captured(packets, { maxTracePackets: 40 });
    assert.deepEqual([first.trace?.size, first.trace?.unlisted], [40, 60]);
    const match = matchCaptures(first, await captured(packets));
    assert.deepEqual([match?.matched, match?.flows[0].onlyFirst.count, match?.flows[0].onlySecond.count], [40, 0, 0]);
  });

  test('checksums that a card fills in make no difference', async () => {
    const whole = Array.from({ length: 5 }, (_, i) => tcp({ sequence: 1 + i, length: 20 }));
    const frames = whole.map((packet) => inner(packet));
    const partial = frames.map((frame) => {
      const copy = frame.slice();
      copy.set([0x12, 0x34], 14 + 20 + 16);
      return copy;
    });
    const one = await captured(
      every(
        1,
        partial.map((frame) => tunnelled(frame)),
      ),
    );
    const other = await captured(
      every(
        1,
        frames.map((frame) => tunnelled(frame)),
      ),
    );
    assert.equal(matchCaptures(one, other)?.matched, 5);
  });

  test('captures without anything in common are not compared', async () => {
    const one = await captured(every(1, [there(echo())]));
    const elsewhere = tunnelled(inner(echo(A, B, false, 50)), { from: '10.9.9.1', to: '10.9.9.2' });
    assert.equal(matchCaptures(one, await captured(every(1, [elsewhere]))), undefined);
    assert.equal(matchCaptures(one, await captured(every(1, [there(echo())]), { trace: false })), undefined);
  });
});
