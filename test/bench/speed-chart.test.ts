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
      parsePicture(speedChart(report([result({ ...DECODE, nsPerPacket: 100 })], peers))),
    );
    assert.ok(own > first && Math.abs(own - first - (first - second)) < 0.02);
  });

  test('a peer counts by its fastest way, with how many times as fast vtep is', () => {
    const peers = [gopacket(500), gopacket(250)];
    const texts = textsOf(parsePicture(speedChart(report([result({ ...DECODE, nsPerPacket: 100 })], peers))));
    assert.ok(texts.includes('4.00 Mpps · vtep 2.5 x'), texts.join('; '));
    assert.ok(texts.includes('10.0 Mpps'));
    assert.ok(!texts.some((text) => text.startsWith('2.00 Mpps')));
  });

  test('a peer that is faster is shown as such', () => {
    const texts = textsOf(parsePicture(speedChart(report([result({ ...DECODE, nsPerPacket: 100 })], [gopacket(50)]))));
    assert.ok(texts.includes('20.0 Mpps · vtep 0.50 x'));
  });

  test('work that only vtep or only a peer was measured at is left out', () => {
    const seal = peer({ stage: Stage.Seal, bytes: 1400, nsPerPacket: 5000 });
    const root = parsePicture(speedChart(report([result({ ...DECODE, nsPerPacket: 100 })], [seal])));
    assert.deepEqual(bars(root), []);
    assert.ok(textsOf(root).includes('Nothing to compare was measured in this run.'));
  });

  test('any report gives a picture in which every position is a number', () => {
    fc.assert(
      fc.property(anyReport, (any) => void parsePicture(speedChart(any))),
      { numRuns: 300 },
    );
  });
});
