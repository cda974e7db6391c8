import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { Stage } from '../../bench/result.js';
import { speedChart } from '../../bench/speed-chart.js';
import { anyReport, peer, report, result } from './sample-report.js';
import { elementsOf, numberOf, parsePicture, type XmlElement } from './xml.js';

function textsOf(root: XmlElement): string[] {
  return elementsOf(root, 'text').map(({ text }) => text);
}

const DECODE = { stage: Stage.Decode, bytes: 64, encrypted: false } as const;
const gopacket = (nsPerPacket: number): ReturnType<typeof peer> =>
  peer({ peer: 'gopacket', stage: Stage.Decode, bytes: 64, nsPerPacket });

/** Lengths of vtep's bar and of the peers'. */
function bars(root: XmlElement): number[] {
  return elementsOf(root, 'rect')
    .filter(({ attributes }) => attributes.has('fill-opacity'))
    .map((rect) => numberOf(rect, 'width'));
}

describe('the chart of speed', () => {
  test('equal ratios have equal distances', () => {
    const peers = [gopacket(1000), peer({ peer: 'scapy', stage: Stage.Decode, bytes: 64, nsPerPacket: 10_000 })];
    const [own, first, second] = bars(
      parsePicture(speedChart([report([result({ ...DECODE, nsPerPacket: 100 })], peers)])),
    );
    assert.ok(own > first && Math.abs(own - first - (first - second)) < 0.02);
  });

  test('a peer counts by its fastest way, with how many times as fast vtep is', () => {
    const peers = [gopacket(500), gopacket(250)];
    const texts = textsOf(parsePicture(speedChart([report([result({ ...DECODE, nsPerPacket: 100 })], peers)])));
    assert.ok(texts.includes('4.00 Mpps · vtep 2.5 x'), texts.join('; '));
    assert.ok(texts.includes('10.0 Mpps'));
    assert.ok(!texts.some((text) => text.startsWith('2.00 Mpps')));
  });

  test('a peer that is faster is shown as such', () => {
    const texts = textsOf(
      parsePicture(speedChart([report([result({ ...DECODE, nsPerPacket: 100 })], [gopacket(50)])])),
    );
    assert.ok(texts.includes('20.0 Mpps · vtep 0.50 x'));
  });

  test('work that only vtep or only a peer was measured at is left out', () => {
    const seal = peer({ stage: Stage.Seal, bytes: 1400, nsPerPacket: 5000 });
    const root = parsePicture(speedChart([report([result({ ...DECODE, nsPerPacket: 100 })], [seal])]));
    assert.deepEqual(bars(root), []);
    assert.ok(textsOf(root).includes('Nothing to compare was measured in this run.'));
  });

  test('a bar has a line over the range of the rounds, and none if they were all the same', () => {
    const withSpread = (spread: number): XmlElement => {
      const run = report([result({ ...DECODE, nsPerPacket: 100, spread })], [{ ...gopacket(500), spread }]);
      return parsePicture(speedChart([run]));
    };
    const lines = (root: XmlElement): string[] =>
      elementsOf(root, 'path')
        .filter(({ attributes }) => attributes.get('class') === 'edge')
        .map(({ attributes }) => attributes.get('d') ?? '');
    assert.deepEqual(lines(withSpread(0)), []);
    const [own, other] = lines(withSpread(50)).map((path) =>
      (path.match(/[MH]([\d.]+)/g) ?? []).map((x) => Number(x.slice(1))),
    );
    // On a logarithmic scale, equal shares are equally wide.
    assert.ok(
      own[0] < own[2] && Math.abs(own[2] - own[0] - (other[2] - other[0])) < 0.3,
      `${own.join()} ${other.join()}`,
    );
  });

  test('runs on several machines have a bar each, and all machines are named', () => {
    const here = report([result({ ...DECODE, nsPerPacket: 100 })], [gopacket(500)]);
    const there = { ...report([result({ ...DECODE, nsPerPacket: 50 })], [gopacket(400)]), machine: 'Xeon, 4 cores' };
    const root = parsePicture(speedChart([here, there]));
    const texts = textsOf(root);
    assert.equal(bars(root).length, 4);
    for (const text of ['10.0 Mpps', '20.0 Mpps', '2.00 Mpps · vtep 5.0 x', '2.50 Mpps · vtep 8.0 x']) {
      assert.ok(texts.includes(text), texts.join('; '));
    }
    for (const { machine } of [here, there]) assert.ok(texts.some((text) => text.startsWith(machine)));
  });

  test('any report gives a picture in which every position is a number', () => {
    fc.assert(
      fc.property(anyReport, (any) => void parsePicture(speedChart([any]))),
      { numRuns: 300 },
    );
  });
});
