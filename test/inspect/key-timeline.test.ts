/** SPIs over time: switches, gaps and overlaps, silences, sequence number forecasts, and limits. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { hkdfSha256 } from '../../src/aead/index.js';
import { CaptureBatch, LinkType, openCaptureFile } from '../../src/capture/index.js';
import {
  KeyTimeline,
  type KeyTimelineOptions,
  type KeyTimelineReport,
  RingKeys,
  Survey,
  type TimelineAdditions,
  type TimelineEntry,
} from '../../src/inspect/index.js';
import { parseXfrmState } from '../../src/ipsec/index.js';
import { ClusterKey, deriveSpi, KeyRing, parseIp, Profile } from '../../src/overlay/index.js';
import { EtherType, IpProtocol } from '../../src/wire/index.js';
import { ethernet, ip } from '../dataplane/build.js';
import { fixture } from '../repository.js';

const ONE = '192.168.50.1';
const TWO = '192.168.50.2';
const START = 1_795_225_539;

/** An ESP packet: seconds since the beginning (undefined: no time), SPI, sequence number. */
type Sent = readonly [time: number | undefined, spi: number, sequence: number, from?: string, to?: string];

function packetOf([, spi, sequence, from = ONE, to = TWO]: Sent): Uint8Array {
  const esp = new Uint8Array(60).fill(0x5a);
  const view = new DataView(esp.buffer);
  view.setUint32(0, spi);
  view.setUint32(4, sequence);
  view.setUint32(8, sequence);
  return ethernet(ip(4, IpProtocol.Esp, esp, from, to), EtherType.Ipv4);
}

function timelineOf(
  list: readonly Sent[],
  options: KeyTimelineOptions = {},
  additions?: TimelineAdditions,
): KeyTimelineReport {
  const timeline = new KeyTimeline(options);
  const batch = new CaptureBatch();
  batch.count = 1;
  batch.linkType[0] = LinkType.Ethernet;
  for (const sent of list) {
    const [time] = sent;
    batch.bytes = packetOf(sent);
    batch.capturedLength[0] = batch.bytes.length;
    batch.originalLength[0] = batch.bytes.length;
    batch.noTimestamp[0] = time === undefined ? 1 : 0;
    batch.seconds[0] = time === undefined ? 0 : START + Math.floor(time);
    batch.nanoseconds[0] = time === undefined ? 0 : Math.round((time % 1) * 1e9);
    timeline.addBatch(batch);
  }
  return timeline.report(additions);
}

async function recorded(path: string, additions?: TimelineAdditions): Promise<KeyTimelineReport> {
  const timeline = new KeyTimeline();
  const source = await openCaptureFile(fixture(path));
  for (let batch = await source.next(); batch !== undefined; batch = await source.next()) timeline.addBatch(batch);
  await source.close();
  return timeline.report(additions);
}

function kinds(report: KeyTimelineReport): (string | number)[][] {
  return report.entries.map(({ offset, kind }) => [offset, kind]);
}

function codes(report: KeyTimelineReport): string[] {
  return report.summary.problems.filter(({ severity }) => severity === 'warning').map(({ code }) => code);
}

describe('a switch', () => {
  test('is at the first packet with the new SPI, and reports the gap before it', () => {
    const report = timelineOf([
      [0, 0xa, 1],
      [1.5, 0xa, 2],
      [2.25, 0xb, 1],
      [3, 0xb, 2],
    ]);
    const [{ switches }] = report.directions;
    assert.deepEqual(
      switches.map(({ at, ...rest }) => [at.offset, rest]),
      [[2.25, { from: '0x0000000a', to: '0x0000000b', gapSeconds: 0.75, overlap: null }]],
    );
    assert.deepEqual(kinds(report), [
      [0, 'first'],
      [1.5, 'last'],
      [2.25, 'switch'],
    ]);
  });

  test('later packets with the old SPI are an overlap, with their number and duration', () => {
    const report = timelineOf([
      [0, 0xa, 1],
      [1, 0xb, 1],
      [1.25, 0xa, 2],
      [2, 0xb, 2],
      [2.5, 0xa, 3],
    ]);
    const [{ gapSeconds, overlap }] = report.directions[0].switches;
    assert.deepEqual([gapSeconds, overlap], [null, { packets: 2, seconds: 1.5 }]);
  });

  test('each direction switches separately; a rotation begins at the node that switched first', () => {
    const report = timelineOf([
      [0, 0xa, 1],
      [0, 0x1a, 1, TWO, ONE],
      [1, 0x1b, 1, TWO, ONE],
      [3.5, 0xb, 1],
      [9, 0xc, 1],
    ]);
    assert.deepEqual(
      report.summary.rotations.map(({ start, seconds, directions, nodes }) => [
        start.offset,
        seconds,
        directions,
        nodes.map(({ address, at }) => [address, at.offset]),
      ]),
      [
        [
          1,
          2.5,
          2,
          [
            [TWO, 1],
            [ONE, 3.5],
          ],
        ],
        [9, 0, 1, [[ONE, 9]]],
      ],
    );
  });

  test('switches more than half a rotation interval apart are two rotations', () => {
    const list: readonly Sent[] = [
      [0, 0xa, 1],
      [0, 0x1a, 1, TWO, ONE],
      [1, 0xb, 1],
      [40, 0x1b, 1, TWO, ONE],
    ];
    const counts = [100, 60].map((rotation) => timelineOf(list, { rotation }).summary.rotations.length);
    assert.deepEqual(counts, [1, 2]);
  });
});

describe('times that go backwards', () => {
  test('the timeline is ordered by time, not by position in the file (mergecap -a, a clock set back)', () => {
    const report = timelineOf([
      [1000, 0xb, 1],
      [1000.5, 0xb, 2],
      [2, 0xa, 1],
      [2.5, 0xa, 2],
    ]);
    const [{ switches, spis }] = report.directions;
    assert.deepEqual(
      switches.map(({ at, from, to, gapSeconds }) => [at.offset, from, to, gapSeconds]),
      [[998, '0x0000000a', '0x0000000b', 997.5]],
    );
    assert.deepEqual(
      spis.map(({ spi, current }) => [spi, current]),
      [
        ['0x0000000a', false],
        ['0x0000000b', true],
      ],
    );
    assert.deepEqual(kinds(report), [
      [0, 'first'],
      [0.5, 'last'],
      [998, 'switch'],
    ]);
    assert.equal(report.summary.durationSeconds, 998.5);
    assert.equal(report.summary.firstTime, '2026-11-21T01:45:41.000000000Z');
    assert.equal(report.entries[0].time, '2026-11-21T01:45:41.000000000Z');
    assert.deepEqual(
      report.summary.problems.map(({ code, severity, count }) => [code, severity, count]),
      [['TIME_BACKWARDS', 'note', 2]],
    );
  });

  test('with no old packet after the switch in the file but newer ones, the gap is negative', () => {
    const report = timelineOf([
      [0, 0xa, 1],
      [5, 0xa, 2],
      [4, 0xb, 1],
      [6, 0xb, 2],
    ]);
    const [{ at, gapSeconds, overlap }] = report.directions[0].switches;
    assert.deepEqual([at.offset, gapSeconds, overlap], [4, -1, null]);
  });

  test('late packets of the old SPI that are older than the switch overlap for 0 s', () => {
    const report = timelineOf([
      [0, 0xa, 1],
      [3, 0xb, 1],
      [1, 0xa, 2],
      [3.5, 0xb, 2],
    ]);
    const [{ overlap }] = report.directions[0].switches;
    assert.deepEqual(overlap, { packets: 1, seconds: 0 });
  });
});

describe('a switch back', () => {
  const turns = (report: KeyTimelineReport): unknown[] =>
    report.directions[0].switches.map(({ at, to, overlap }) => [at.offset, Number(to), overlap]);
  const current = (report: KeyTimelineReport): number[] =>
    report.directions[0].spis.filter((span) => span.current).map(({ spi }) => Number(spi));

  test('an SPI that is used again after the other has ended is a switch back, and current', () => {
    const report = timelineOf([
      [0, 0xa, 1],
      [1, 0xb, 1],
      [1.5, 0xa, 2],
      [2, 0xa, 3],
      [3, 0xa, 4],
    ]);
    assert.deepEqual(turns(report), [
      [1, 0xb, null],
      [1.5, 0xa, null],
    ]);
    assert.deepEqual(current(report), [0xa]);
  });

  test('a single packet after a long time is a switch back; packets within a second are an overlap', () => {
    const before: readonly Sent[] = [
      [0, 0xa, 1],
      [1, 0xb, 1],
      [20, 0xb, 2],
    ];
    const back = timelineOf([...before, [30, 0xa, 2]]);
    assert.deepEqual([turns(back).at(-1), current(back)], [[30, 0xa, null], [0xa]]);
    const late = timelineOf([...before, [20.9, 0xa, 2]]);
    assert.deepEqual([turns(late), current(late)], [[[1, 0xb, { packets: 1, seconds: 19.9 }]], [0xb]]);
  });

  test('keeps a limited number, counts the others, and reports the correct current SPI', () => {
    for (const count of [3000, 3001]) {
      const report = timelineOf(Array.from({ length: count }, (_, i): Sent => [i * 2, 0xa + (i % 2), i]));
      const { switches } = report.directions[0];
      assert.ok(switches.length < 1100);
      // The two turns without room for each other's switch alternate; neither is listed.
      assert.equal(report.summary.unlisted.returns, count - 2 - 1024);
      assert.deepEqual(current(report), [0xa + ((count - 1) % 2)]);
    }
  });
});

describe('sequence number forecasts', () => {
  // 2^32 numbers in 12 hours.
  const rate = 2 ** 32 / 43_200;
  const at = (perSecond: number, spi = 0xa, first = 1): readonly Sent[] =>
    Array.from({ length: 11 }, (_, i) => [i, spi, first + Math.round(i * perSecond)]);

  test('extrapolates the rate from the first to the last packet', () => {
    const [{ spis }] = timelineOf(at(1000)).directions;
    const { sequenceRate, highestSequence, runsOut } = spis[0];
    assert.equal(sequenceRate, 1000);
    assert.equal(runsOut?.seconds, (2 ** 32 - 1 - highestSequence) / 1000);
  });

  test("warns if they run out before the next rotation, given the SA's age at that rate", () => {
    assert.deepEqual(codes(timelineOf(at(rate * 1.001))), ['SEQUENCE_RUNS_OUT']);
    assert.deepEqual(codes(timelineOf(at(rate * 0.999))), []);
    assert.deepEqual(codes(timelineOf(at(rate * 0.999), { rotation: 2 * 43_200 })), ['SEQUENCE_RUNS_OUT']);
    // A capture late in the SA's life: at 90,000 per second the rotation comes first, 11 h 55 min after the first
    // packet.
    assert.deepEqual(codes(timelineOf(at(90_000, 0xa, 90_000 * 42_900))), []);
    assert.deepEqual(codes(timelineOf(at(150_000, 0xa, 150_000 * 25_200))), ['SEQUENCE_RUNS_OUT']);
  });

  test("an SPI that was replaced can't run out", () => {
    assert.deepEqual(codes(timelineOf([...at(rate * 2), [11, 0xb, 1]])), []);
  });

  test('an instant is too short to extrapolate from, and one packet has no rate', () => {
    const burst = timelineOf([
      [0, 0xa, 1],
      [0.001, 0xa, 1000],
    ]).directions[0].spis[0];
    assert.deepEqual([burst.sequenceRate, burst.runsOut], [999_000, null]);
    const { sequenceRate, runsOut } = timelineOf([[0, 0xa, 1]]).directions[0].spis[0];
    assert.deepEqual([sequenceRate, runsOut], [null, null]);
  });

  test('a wrap of the lower half means 64-bit numbers: the rate continues, and nothing runs out', () => {
    const numbers = [0xfffffffa, 0xfffffffc, 0xfffffffe, 0, 2, 4];
    const list = numbers.map((sequence, i): Sent => [i, 0xa, sequence]);
    const { sequenceRate, extended, runsOut } = timelineOf(list).directions[0].spis[0];
    assert.deepEqual([sequenceRate, extended, runsOut], [2, true, null]);
  });

  test('a single forged packet anywhere neither implies 64 bits nor ends the warning', () => {
    const real = at(200_000);
    for (let index = 0; index <= real.length; index++) {
      const time = Math.min(index, 10);
      for (const sequence of [0xffffff00, 0x80000000, 0]) {
        const report = timelineOf([...real.slice(0, index), [time, 0xa, sequence], ...real.slice(index)]);
        const [{ extended, runsOut }] = report.directions[0].spis;
        assert.deepEqual([extended, codes(report)], [false, ['SEQUENCE_RUNS_OUT']], `${index} ${sequence}`);
        assert.ok(Math.abs((runsOut?.seconds ?? 0) - 2 ** 32 / 200_000) < 30, `${index} ${sequence}`);
      }
    }
  });

  test('the SPIs of a ring of profile swarm have 32 bits by definition', () => {
    const ring = new KeyRing([new ClusterKey(7, new Uint8Array(16))]);
    const spi = deriveSpi(parseIp(ONE), parseIp(TWO), 7);
    const list = [...at(200_000, spi, 0xfff00000).map(([time, , sequence]): Sent => [time, spi, sequence % 2 ** 32])];
    const rings = { ring: new RingKeys({ ring, profile: Profile.Swarm }, hkdfSha256) };
    assert.equal(timelineOf(list).directions[0].spis[0].extended, true);
    assert.equal(timelineOf(list, rings).directions[0].spis[0].extended, false);
  });

  test('the SPIs of a ring of the strict profile have 64-bit numbers', () => {
    const ring = new KeyRing([new ClusterKey(7, new Uint8Array(16))]);
    const spi = deriveSpi(parseIp(ONE), parseIp(TWO), 7);
    const list: readonly Sent[] = [
      [0, spi, 1],
      [10, spi, 2 ** 31],
      [11, 0xb, 1],
      [21, 0xb, 2 ** 31],
    ];
    for (const profile of [Profile.Strict, Profile.Swarm]) {
      const { spis } = timelineOf(list, { ring: new RingKeys({ ring, profile }, hkdfSha256) }).directions[0];
      assert.deepEqual(
        spis.map(({ key, extended }) => [key?.tag, extended]),
        [
          [7, profile === Profile.Strict],
          [undefined, false],
        ],
      );
    }
  });

  test('warns of sequence numbers that restart under one SPI', () => {
    const numbers = [5000, 5001, 5002, 1, 2, 3];
    const report = timelineOf(numbers.map((sequence, i): Sent => [i, 0xa, sequence]));
    assert.equal(report.directions[0].spis[0].sequenceRestarts, 1);
    assert.ok(codes(report).includes('SEQUENCE_RESTART'));
  });
});

describe('silences', () => {
  const list: readonly Sent[] = [
    [0, 0xa, 1],
    [5, 0xa, 2],
    [10.5, 0xa, 3],
  ];

  test('reports silences of more than 5 seconds, or the given minimum, at their beginning', () => {
    const silent = (report: KeyTimelineReport): unknown[] =>
      report.entries.flatMap((entry) => (entry.kind === 'silence' ? [[entry.offset, entry.seconds]] : []));
    assert.deepEqual(silent(timelineOf(list)), [[5, 5.5]]);
    assert.deepEqual(silent(timelineOf(list, { silence: 4 })), [
      [0, 5],
      [5, 5.5],
    ]);
  });

  test('a clock that is set back and forward again is not a silence', () => {
    const numbers = [0, 1, 2, 3, 4, 5, 6, 7, 8, 0.5, 9];
    const { entries } = timelineOf(numbers.map((time, i): Sent => [time, 0xa, i + 1]));
    assert.deepEqual(
      entries.filter(({ kind }) => kind === 'silence'),
      [],
    );
  });

  test('keeps a limited number and counts the others', () => {
    const { entries, summary } = timelineOf(Array.from({ length: 1101 }, (_, i): Sent => [i * 10, 0xa, i + 1]));
    const kept = entries.filter(({ kind }) => kind === 'silence').length;
    assert.equal(kept + summary.unlisted.silences, 1100);
    assert.ok(summary.unlisted.silences > 0);
  });
});

describe('limits', () => {
  test("counts and reports packets of SPIs that the full table can't list", () => {
    const list = Array.from({ length: 1000 }, (_, i): Sent => [i / 100, i + 1, 1]);
    const report = timelineOf(list, { maxRows: 10 });
    assert.deepEqual([report.summary.spis, report.summary.packets, report.summary.unlisted.packets], [10, 1000, 990]);
    assert.deepEqual(codes(report), ['TABLE_FULL']);
  });

  test('counts packets without a time, and invents no time for them', () => {
    const report = timelineOf([
      [undefined, 0xa, 1],
      [undefined, 0xb, 1],
    ]);
    assert.deepEqual(
      report.directions[0].spis.map(({ packets, first, last }) => [packets, first, last]),
      [
        [1, null, null],
        [1, null, null],
      ],
    );
    assert.deepEqual([report.directions[0].switches, report.entries], [[], []]);
  });

  test("a packet without a time doesn't affect the others' times", () => {
    const report = timelineOf([
      [undefined, 0xa, 1],
      [1, 0xa, 2],
      [undefined, 0xa, 3],
      [2, 0xb, 1],
    ]);
    assert.deepEqual(
      report.directions[0].spis.map(({ first, last }) => [first?.offset, last?.offset]),
      [
        [0, 0],
        [1, 1],
      ],
    );
    assert.deepEqual(JSON.parse(JSON.stringify(report)), report);
  });

  test('a capture without packets has an empty timeline', () => {
    const { directions, entries, summary } = timelineOf(
      [],
      {},
      { events: [{ seconds: 1, nanoseconds: 0, text: 'x' }] },
    );
    assert.deepEqual([directions, entries, summary.packets, summary.rotations], [[], [], 0, []]);
  });
});

describe('additional information', () => {
  const list: readonly Sent[] = [
    [0.5, 0xa, 1],
    [2, 0xb, 1],
  ];
  const made = {
    spi: 0xb,
    source: ONE,
    destination: TWO,
    text: new Date((START + 1) * 1000).toISOString().slice(0, 19),
  };

  test('events and SA creations are at their times, even before the capture', () => {
    const events = [
      { seconds: START + 1, nanoseconds: 250_000_000, text: 'between' },
      { seconds: START, nanoseconds: 0, text: 'before' },
    ];
    const report = timelineOf(list, {}, { events, made: [{ ...made, text: made.text.replace('T', ' ') }] });
    assert.deepEqual(kinds(report), [
      [-0.5, 'event'],
      [0, 'first'],
      [0, 'last'],
      [0.5, 'made'],
      [0.75, 'event'],
      [1.5, 'switch'],
    ]);
  });

  test('lists an SA that many dumps contain once per time, and only counts one between other nodes', () => {
    const elsewhere = { ...made, destination: '10.0.0.1' };
    const later = { ...made, text: made.text.replace('T', ' ') };
    const report = timelineOf(list, {}, { made: [later, later, elsewhere, elsewhere] });
    assert.equal(report.entries.filter(({ kind }) => kind === 'made').length, 1);
    assert.equal(report.summary.unlisted.made, 1);
  });
});

describe('recordings', () => {
  test('a timeline of packets that a survey has decoded is that of the same packets decoded again', async () => {
    for (const path of ['esp/08-esp-key-rotation.underlay.pcap', 'vxlan/01-icmp.underlay.pcap']) {
      const source = await openCaptureFile(fixture(path));
      const survey = new Survey();
      const timeline = new KeyTimeline();
      for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
        for (let i = 0; i < batch.count; i++) timeline.addDecoded(batch, i, survey.decoder, survey.add(batch, i));
      }
      await source.close();
      assert.deepEqual(timeline.report(), await recorded(path));
    }
  });

  for (const folder of ['esp', 'docker']) {
    test(`${folder}/: has the same SPIs and counts as inspect, as plain data`, async () => {
      for (const name of readdirSync(fixture(folder)).filter((file) => file.endsWith('.underlay.pcap'))) {
        const source = await openCaptureFile(fixture(`${folder}/${name}`));
        const survey = new Survey();
        for (let batch = await source.next(); batch !== undefined; batch = await source.next()) survey.addBatch(batch);
        await source.close();
        const report = await recorded(`${folder}/${name}`);
        const counted = (rows: readonly { spi: string; packets: number; bytes: number; inUdp: boolean }[]): string[] =>
          rows.map(({ spi, packets, bytes, inUdp }) => `${spi} ${packets} ${bytes} ${inUdp}`).sort();
        const rows = report.directions.flatMap(({ spis }) => spis);
        assert.deepEqual(counted(rows), counted(survey.report(source).esp), name);
        assert.deepEqual(JSON.parse(JSON.stringify(report)), report, name);
        const offsets = report.entries.map(({ offset }) => offset);
        assert.deepEqual(
          offsets,
          [...offsets].sort((a, b) => a - b),
        );
      }
    });
  }
});

describe('esp/08-esp-key-rotation', () => {
  const events = new Map(
    readFileSync(fixture('esp/08-esp-key-rotation.events.txt'), 'utf8')
      .trim()
      .split('\n')
      .map((line) => {
        const at = line.indexOf(' ');
        return [line.slice(at + 1), Number(line.slice(0, at))];
      }),
  );
  const made = readdirSync(fixture('esp'))
    .filter((name) => /^08-.*\.xfrm\.txt$/.test(name))
    .flatMap((name) => parseXfrmState(readFileSync(fixture(`esp/${name}`), 'utf8')).made ?? []);

  /** Time of an external event, in seconds since 1970. */
  function event(words: string): number {
    const entry = [...events].find(([key]) => key.startsWith(words));
    assert.ok(entry !== undefined, words);
    return entry[1];
  }

  const unix = (time: string): number => Date.parse(time) / 1000;

  for (const [source, from, to, node] of [
    [ONE, '0x3d1f9a01', '0x11aa22b3', 'n1'],
    [TWO, '0xb2c4e702', '0xf0e1d2c4', 'n2'],
  ] as const) {
    test(`${source} switches during the command on ${node}, and loses no sequence number`, async () => {
      const { directions } = await recorded('esp/08-esp-key-rotation.underlay.pcap');
      const { spis, switches } = directions.find((direction) => direction.source === source) ?? directions[0];
      assert.deepEqual([switches.length, switches[0].from, switches[0].to], [1, from, to]);
      const begun = event(`${node}: add new tx SA`);
      const done = event(`${node} done`);
      const [old, fresh] = spis;
      // The node switched between two packets; there are ten pings per second.
      assert.ok(unix(old.last?.time ?? '') < done);
      assert.ok(unix(switches[0].at.time) > begun);
      assert.ok(unix(switches[0].at.time) < done + 0.1);
      assert.equal(switches[0].overlap, null);
      assert.ok((switches[0].gapSeconds ?? 1) < 0.11);
      assert.deepEqual([old.missingSequences, fresh.missingSequences, fresh.firstSequence], [0, 0, 1]);
      assert.ok(unix(old.last?.time ?? '') < event('delete old SAs'));
    });
  }

  test('node 1 switches first, and the rotation lasts from its step to that of node 2', async () => {
    const { rotations } = (await recorded('esp/08-esp-key-rotation.underlay.pcap')).summary;
    assert.deepEqual(
      rotations.map(({ nodes }) => nodes.map(({ address }) => address)),
      [[ONE, TWO]],
    );
    const expected = event('n2: add new tx SA') - event('n1: add new tx SA');
    assert.ok(Math.abs(rotations[0].seconds - expected) < 0.3);
  });

  test('the SA creation times of the dumps agree with the events to the second', async () => {
    const { entries, summary } = await recorded('esp/08-esp-key-rotation.underlay.pcap', { made });
    assert.equal(summary.unlisted.made, 0);
    const times = (spi: string): number[] =>
      entries.flatMap((entry: TimelineEntry) => (entry.kind === 'made' && entry.spi === spi ? [unix(entry.time)] : []));
    // The receiver's SA, then the sender's; the command takes some tenths of a second after its line.
    for (const [spi, steps] of [
      ['0xf0e1d2c4', ['add new rx SA on n1', 'n2: add new tx SA']],
      ['0x11aa22b3', ['add new rx SA on n2', 'n1: add new tx SA']],
    ] as const) {
      const found = times(spi);
      assert.equal(found.length, 2, spi);
      steps.forEach((step, i) => {
        const expected = event(step);
        assert.ok(found[i] >= Math.floor(expected) && found[i] <= Math.floor(expected + 0.5), `${spi} ${step}`);
      });
    }
    assert.deepEqual([times('0x3d1f9a01').length, times('0xb2c4e702').length], [1, 1]);
  });
});

test('packets that another decoder has decoded give the same timeline', async () => {
  for (const name of ['esp/08-esp-key-rotation.underlay.pcap', 'docker/07-encrypted.esp.pcap']) {
    const own = new KeyTimeline();
    const given = new KeyTimeline();
    const survey = new Survey();
    const source = await openCaptureFile(fixture(name));
    for (let batch = await source.next(); batch !== undefined; batch = await source.next()) {
      own.addBatch(batch);
      for (let i = 0; i < batch.count; i++) {
        given.addDecoded(batch, i, survey.decoder, survey.add(batch, i), undefined);
      }
    }
    assert.ok(own.report().summary.packets > 0);
    assert.deepEqual(given.report(), own.report());
  }
});
