import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { throughputSvg } from '../../src/picture/throughput.js';
import { elementsOf, parsePicture, type XmlElement } from '../bench/xml.js';
import { series } from './sample-survey.js';

function textsOf(root: XmlElement): string[] {
  return elementsOf(root, 'text').map(({ text }) => text);
}

function tipsOf(root: XmlElement): string[] {
  return elementsOf(root, 'g').flatMap(({ children }) =>
    children.filter(({ name }) => name === 'title').map(({ text }) => text),
  );
}

/** Heights above the axis at which an outline runs, from left to right. */
function heightsOf(path: XmlElement): number[] {
  const levels = [...(path.attributes.get('d') ?? '').matchAll(/V([\d.]+)/g)].map(([, y]) => Number(y));
  const floor = Math.max(...levels);
  return levels.slice(0, -1).map((y) => floor - y);
}

describe('a picture of throughput', () => {
  test('heights are proportional to the bytes of an interval', () => {
    const root = parsePicture(throughputSvg(series([4096, [100, 200, 0, 50]])));
    const [first, second, third, last] = heightsOf(elementsOf(root, 'path')[0]);
    assert.ok(Math.abs(second - 2 * first) < 0.02 && Math.abs(first - 2 * last) < 0.02 && third === 0);
  });

  test('the axis ends at a round rate that is at least the peak', () => {
    const texts = textsOf(parsePicture(throughputSvg(series([4096, [140_000, 0, 0, 0, 0, 0, 0, 0]]))));
    for (const text of ['1.2 Mbit/s', '600 kbit/s', '0 s', '2 s', '4 s', '6 s']) assert.ok(texts.includes(text), text);
  });

  test('each network has its peak, and other traffic is drawn below the networks', () => {
    const root = parsePicture(throughputSvg(series([4096, [1000, 0]], [4097, [0, 500]], [null, [250, 0]])));
    assert.deepEqual(tipsOf(root), [
      'other traffic: peak 2.00 kbit/s',
      'VNI 4097: peak 4.00 kbit/s',
      'VNI 4096: peak 8.00 kbit/s',
    ]);
  });

  test('ESP that was not decrypted is between the networks and other traffic, which is fainter', () => {
    const esp = { bytes: [500, 0], packets: [1, 0] };
    const root = parsePicture(throughputSvg({ ...series([4096, [1000, 0]], [null, [250, 0]]), esp }));
    assert.deepEqual(tipsOf(root), [
      'other traffic: peak 2.00 kbit/s',
      'ESP, not decrypted: peak 4.00 kbit/s',
      'VNI 4096: peak 8.00 kbit/s',
    ]);
    const dashed = elementsOf(root, 'path').map(({ attributes }) => attributes.has('stroke-dasharray'));
    assert.deepEqual(dashed, [false, true, false, false, false, false]);
  });

  test('of many networks, the busiest have a line of their own and the others one together', () => {
    const many = Array.from({ length: 20 }, (_, i) => [4096 + i, [1000 + i, 10]] as const);
    const tips = tipsOf(parsePicture(throughputSvg(series(...many))));
    assert.equal(tips.length, 8);
    const sum = many.slice(0, 13).reduce((total, [, bytes]) => total + bytes[0], 0);
    assert.equal(tips[0], `13 more networks: peak ${((8 * sum) / 1000).toFixed(0)} kbit/s`);
    assert.equal(tips[1], 'VNI 4115: peak 8.15 kbit/s');
  });

  test('any series is drawn, none included', () => {
    const counts = fc.array(fc.nat(1_000_000_000), { maxLength: 240 });
    fc.assert(
      fc.property(counts, fc.double({ min: 0.001, max: 1e7, noNaN: true }), (bytes, intervalSeconds) => {
        const drawn = throughputSvg({ ...series([1, bytes], [null, bytes]), intervalSeconds });
        parsePicture(drawn);
        assert.ok(drawn.length < 60_000);
      }),
    );
    parsePicture(throughputSvg(series()));
  });
});
