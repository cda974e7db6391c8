import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { liveChart } from '../../../bench/live/chart.js';
import { liveReport } from '../sample-report.js';
import { elementsOf, numberOf, parsePicture } from '../xml.js';

describe('the chart of the live path', () => {
  test('shows what was measured, with its share of the kernel in the same rounds', () => {
    const texts = elementsOf(parsePicture(liveChart(liveReport())), 'text').map(({ text }) => text);
    for (const text of ['6.80 Gbit/s', '3.40 Gbit/s · 0.50 of Linux', 'nebula']) {
      assert.ok(texts.includes(text), texts.join('; '));
    }
    assert.ok(!texts.includes('OpenVPN'));
  });

  test('has bars as long as their figures, and lines over the range of the rounds', () => {
    const root = parsePicture(liveChart(liveReport()));
    const [kernel, vtep] = elementsOf(root, 'rect')
      .filter(({ attributes }) => attributes.has('fill-opacity'))
      .map((rect) => numberOf(rect, 'width'));
    assert.ok(Math.abs(kernel / vtep - 2) < 0.01);
    const ranges = elementsOf(root, 'path').filter(({ attributes }) => attributes.get('class') === 'edge');
    assert.equal(ranges.length, 3);
  });

  test('of a run that measured nothing like it is a picture too', () => {
    parsePicture(liveChart({ ...liveReport(), results: [] }));
  });
});
