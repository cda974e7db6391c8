import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { plotReport } from '../../bench/plot.js';
import { type BenchResult, Stage } from '../../bench/result.js';
import { anyReport, report, result, sampleReport } from './sample-report.js';
import { elementsOf, numberOf, parsePicture, type XmlElement } from './xml.js';

function textsOf(root: XmlElement): string[] {
  return elementsOf(root, 'text').map(({ text }) => text);
}

/** The dot or the box of a tooltip. */
function tipped(root: XmlElement, tip: string): XmlElement {
  const found = [...elementsOf(root, 'circle'), ...elementsOf(root, 'g')].find(({ children }) =>
    children.some(({ name, text }) => name === 'title' && text === tip),
  );
  assert.ok(found !== undefined, `nothing has the tip ${tip}`);
  return found;
}

function boxWidth(root: XmlElement, tip: string): number {
  return numberOf(elementsOf(tipped(root, tip), 'rect')[0], 'width');
}

/** An egress result in Gbit/s. */
function throughput(bytes: number, gigabits: number, of: Partial<BenchResult> = {}): BenchResult {
  return { ...result({ backend: 'node', nsPerPacket: 1, bytes, ...of }), bitsPerSecond: gigabits * 1e9 };
}

describe('the picture of a report', () => {
  test('equal ratios have equal distances, on both axes', () => {
    const root = parsePicture(plotReport(report([throughput(64, 1), throughput(256, 4), throughput(1024, 16)])));
    const dots = ['64 bytes: 1.00', '256 bytes: 4.00', '1024 bytes: 16.0'].map((tip) =>
      tipped(root, `node, ${tip} Gbit/s`),
    );
    const [x, y] = ['cx', 'cy'].map((key) => dots.map((dot) => numberOf(dot, key)));
    assert.ok(x[0] < x[1] && Math.abs(x[2] - 2 * x[1] + x[0]) < 0.1, String(x));
    assert.ok(y[0] > y[1] && Math.abs(y[2] - 2 * y[1] + y[0]) < 0.1, String(y));
    for (const value of ['1.00', '4.00', '16.0']) assert.ok(textsOf(root).includes(value));
  });

  test('draws only the largest batch and the flows with most sizes', () => {
    const drawn = [throughput(64, 1, { flows: 4 }), throughput(128, 2, { flows: 4 })];
    const others = [throughput(64, 3, { flows: 1 }), throughput(64, 5, { flows: 4, batch: 8 })];
    const root = parsePicture(plotReport(report([...others, ...drawn])));
    const dots = elementsOf(root, 'circle').filter(({ children }) => children.length > 0);
    assert.deepEqual(
      dots.map(({ children }) => children[0].text),
      ['node, 64 bytes: 1.00 Gbit/s', 'node, 128 bytes: 2.00 Gbit/s'],
    );
    assert.ok(textsOf(root).some((text) => text.endsWith('batches of 256, 4 flows')));
  });

  test('each cipher has a line in the legend, and the clear chain has one', () => {
    const clear = throughput(64, 9, { encrypted: false, backend: null });
    const root = parsePicture(
      plotReport(report([throughput(64, 1), throughput(64, 2, { backend: 'openssl' }), clear])),
    );
    for (const name of ['node', 'openssl', 'clear, no cipher']) assert.ok(textsOf(root).includes(name));
  });

  test('bars are as long as their nanoseconds, concatenated, and the chain has a separate mark', () => {
    const root = parsePicture(
      plotReport(
        report([
          result({ stage: Stage.Forward, encrypted: false, nsPerPacket: 100 }),
          result({ stage: Stage.Encap, encrypted: false, nsPerPacket: 50 }),
          result({ stage: Stage.Seal, backend: 'node', nsPerPacket: 400 }),
          result({ stage: Stage.Egress, backend: 'node', nsPerPacket: 600 }),
        ]),
      ),
    );
    const unit = boxWidth(root, 'egress, node, 64: encap 50.0 ns');
    assert.ok(Math.abs(boxWidth(root, 'egress, node, 64: forward 100 ns') - 2 * unit) < 0.05);
    assert.ok(Math.abs(boxWidth(root, 'egress, node, 64: seal 400 ns') - 8 * unit) < 0.1);
    const [forward, encap, seal] = ['forward 100', 'encap 50.0', 'seal 400'].map(
      (stage) => elementsOf(tipped(root, `egress, node, 64: ${stage} ns`), 'rect')[0],
    );
    assert.ok(Math.abs(numberOf(forward, 'x') + 2 * unit - numberOf(encap, 'x')) < 0.05);
    assert.ok(Math.abs(numberOf(encap, 'x') + unit - numberOf(seal, 'x')) < 0.05);
    const marks = elementsOf(root, 'rect').filter((rect) => rect.attributes.get('width') === '3');
    assert.ok(marks.some((mark) => Math.abs(numberOf(mark, 'x') + 1.5 - numberOf(forward, 'x') - 12 * unit) < 0.1));
    assert.ok(textsOf(root).includes('550, chain 600'));
  });

  test('a stage without figures is listed, and a cipher without any is omitted', () => {
    const seal = result({ stage: Stage.Seal, backend: 'node', nsPerPacket: 400 });
    const clear = result({ stage: Stage.Egress, encrypted: false, nsPerPacket: 60 });
    const texts = textsOf(parsePicture(plotReport(report([seal, clear]))));
    assert.ok(texts.includes('Without separate figures at some of these sizes: forward, encap.'));
    assert.ok(!texts.includes('ingress'));
  });

  test('a stage’s result has the same batch and flows as its chain', () => {
    const stage = { stage: Stage.Seal, backend: 'node' };
    const root = parsePicture(
      plotReport(
        report([
          result({ ...stage, batch: 256, flows: 1, nsPerPacket: 111 }),
          result({ ...stage, batch: 64, flows: 9, nsPerPacket: 222 }),
          result({ backend: 'node', batch: 64, flows: 9, nsPerPacket: 333 }),
        ]),
      ),
    );
    assert.ok(textsOf(root).includes('222, chain 333'));
  });

  test('the two fastest ciphers and node have bars', () => {
    const texts = textsOf(parsePicture(plotReport(sampleReport())));
    const headings = ['ipsec-mb', 'openssl', 'node', 'forge'].map(
      (name) => texts.filter((text) => text === name).length,
    );
    // Once in the legend of the lines, and once above the bars; forge is too slow for both.
    assert.deepEqual(headings, [2, 2, 2, 0]);
  });

  test('a report without results says so', () => {
    const texts = textsOf(parsePicture(plotReport(report([]))));
    assert.ok(texts.includes('Nothing was measured in this run.'));
  });

  test('the machine, Node and the date are below the title', () => {
    const texts = textsOf(parsePicture(plotReport(sampleReport())));
    assert.equal(texts[1], 'AMD EPYC 7B13, 2 cores, Linux 6.1, Node v20.20.2, 2026-11-21');
  });

  test('any report gives a picture in which every position is a number', () => {
    fc.assert(
      fc.property(anyReport, (any) => {
        const text = plotReport(any);
        parsePicture(text);
        assert.doesNotMatch(text, /"[^"]*\b(?:NaN|Infinity|undefined)\b[^"]*"/);
      }),
      { numRuns: 300 },
    );
  });
});
