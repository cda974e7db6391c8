import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  DARK,
  LIGHT,
  NARROW_CLASS,
  networkIndex,
  overlayMap,
  pageStyleSheet,
  topologyFigure,
} from '../../src/picture/internal.js';
import { topologySvg } from '../../src/picture/index.js';
import { elementsOf, numberOf, parsePicture, type XmlElement } from '../bench/xml.js';
import { endpoint, mesh, network, survey, tunnel } from './sample-survey.js';

const WIDE = { id: 'wide', width: 940, maxHeight: 700, tips: 6, look: 'one' };
const NARROW = { id: 'narrow', width: 560, maxHeight: 1100, tips: 0, look: NARROW_CLASS };

function drawn(nodes: number, how: typeof WIDE, bounds = {}): XmlElement {
  const report = mesh(nodes, 3, 4);
  return parsePicture(topologyFigure(overlayMap(report, bounds), networkIndex(report.networks), how));
}

describe('a map on a page', () => {
  test('has no style sheet and no card of its own, and the page declares its colours', () => {
    const root = drawn(3, WIDE);
    assert.equal(elementsOf(root, 'style').length, 0);
    assert.equal(root.attributes.get('class'), 'vtep-picture one');
    assert.ok(!elementsOf(root, 'rect').some(({ attributes }) => attributes.get('class') === 'card'));
    const sheet = pageStyleSheet(LIGHT);
    assert.equal(pageStyleSheet(DARK), sheet);
    assert.doesNotMatch(sheet, /#[0-9a-f]{6}/);
    assert.match(sheet, /\.vtep-picture \.fill7\{fill:var\(--network7\)\}/);
  });

  for (const nodes of [2, 3, 12, 64]) {
    test(`of ${nodes} nodes: boxes and labels stay inside, wide and narrow`, () => {
      for (const how of [WIDE, NARROW]) {
        const root = drawn(nodes, how);
        const height = numberOf(root, 'height');
        for (const box of elementsOf(root, 'rect')) {
          assert.ok(numberOf(box, 'x') >= 0 && numberOf(box, 'x') + numberOf(box, 'width') <= how.width);
          assert.ok(numberOf(box, 'y') >= 0 && numberOf(box, 'y') + numberOf(box, 'height') <= height);
        }
        for (const label of elementsOf(root, 'text')) {
          assert.ok(numberOf(label, 'x') >= 0 && numberOf(label, 'x') <= how.width, label.text);
        }
      }
    });
  }

  test('without tooltips, it has the title of the picture alone; with them, it names that many endpoints of a node', () => {
    assert.equal(elementsOf(drawn(3, NARROW), 'title').length, 1);
    const tips = elementsOf(drawn(3, { ...WIDE, tips: 2 }), 'title').map(({ text }) => text);
    assert.ok(tips.some((text) => /^10\.1\.0\.0: 4 endpoints[^]*and 2 more$/.test(text)));
  });

  test('shows as many nodes as it is told, and counts the others', () => {
    const texts = elementsOf(drawn(20, WIDE, { nodes: 5 }), 'text').map(({ text }) => text);
    assert.ok(
      texts.some((text) => text.startsWith('and 15 more nodes')),
      texts.at(-1),
    );
  });
});

describe('names of endpoints', () => {
  test('take the place of MAC addresses, cut where there is no space', () => {
    const report = survey({
      networks: [network(4096)],
      tunnels: [tunnel('10.1.0.1', '10.1.0.2')],
      endpoints: [
        endpoint('10.1.0.1', '10.0.0.5', { name: 'web.1' }),
        endpoint('10.1.0.1', '10.0.0.6', { name: `web-${'long-'.repeat(20)}`, mac: '02:42:00:00:00:06' }),
        endpoint('10.1.0.2', '10.0.0.7', { name: null, mac: '02:42:00:00:00:07' }),
      ],
    });
    const root = parsePicture(topologySvg(report));
    const texts = elementsOf(root, 'text').map(({ text }) => text);
    assert.ok(texts.includes('web.1'));
    assert.ok(texts.includes('02:42:00:00:00:07'));
    assert.ok(!texts.includes('02:42:00:00:00:06'));
    assert.ok(texts.some((text) => /^web-long-.*…$/.test(text)));
    assert.ok(elementsOf(root, 'title').some(({ text }) => text.startsWith('web.1, 10.0.0.5, ')));
  });
});
