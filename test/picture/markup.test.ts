import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { truncateToFit, element, textWidth, tip, words } from '../../src/picture/markup.js';
import { anyText } from '../bench/sample-report.js';
import { parseXml } from '../bench/xml.js';

describe('SVG as text', () => {
  test('any text is preserved, except what XML cannot contain', () => {
    fc.assert(
      fc.property(anyText, (text) => {
        const root = parseXml(element('g', { id: text }, words(1, 2, text), tip(text)));
        const [shown, inTip] = root.children.map((child) => child.text);
        assert.equal(root.attributes.get('id'), shown);
        assert.equal(inTip, shown);
        assert.equal(shown.length, text.length);
        const characters = Array.from(text);
        Array.from(shown).forEach((one, i) => assert.ok(one === '\uFFFD' || one === characters[i]));
      }),
    );
  });

  test('markup characters are escaped', () => {
    assert.equal(words(1, 2, `<&>"'`), '<text x="1" y="2">&lt;&amp;&gt;&quot;&apos;</text>');
  });

  test('numbers have at most two decimals', () => {
    assert.equal(element('rect', { x: 1 / 3, width: 2 }), '<rect x="0.33" width="2"/>');
  });

  test('a text that is too long is truncated, and omitted if nothing fits', () => {
    assert.equal(truncateToFit('sealBatch', 10, 54), 'sealBatch');
    assert.equal(truncateToFit('sealBatch', 10, 53), 'sealBat…');
    assert.equal(truncateToFit('sealBatch', 10, 17), '');
    fc.assert(
      fc.property(anyText, fc.double({ min: 0, max: 400, noNaN: true }), (text, width) => {
        assert.ok(textWidth(truncateToFit(text, 12, width), 12) <= width + 1e-6);
      }),
    );
  });
});
