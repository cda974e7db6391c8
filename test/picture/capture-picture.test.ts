import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { captureSvg, MAX_PICTURE_HEIGHT } from '../../src/picture/index.js';
import { anyText } from '../bench/sample-report.js';
import { elementsOf, numberOf, parsePicture, type XmlElement } from '../bench/xml.js';
import { conversation, endpoint, flows, mesh, network, series, survey, tunnel } from './sample-survey.js';

function textsOf(root: XmlElement): string[] {
  return elementsOf(root, 'text').map(({ text }) => text);
}

describe('a picture of a capture', () => {
  test('is at most 520 pixels high, whatever the capture holds', () => {
    const many = Array.from({ length: 20 }, (_, i) => conversation(`10.0.0.${i}`, '10.0.1.1'));
    for (const nodes of [2, 3, 5, 8, 20, 64, 100]) {
      for (const endpoints of [0, 1, 4, 50]) {
        const report = {
          ...mesh(nodes, 12, endpoints),
          timeSeries: series([4096, [1, 2, 3]], [null, [1, 0, 0]]),
          flows: flows(...many),
        };
        const height = numberOf(parsePicture(captureSvg(report)), 'height');
        assert.ok(height <= MAX_PICTURE_HEIGHT, `${nodes} nodes, ${endpoints} endpoints each: ${height}`);
      }
    }
  });

  test('lists the three conversations with the most bytes, those inside overlays first', () => {
    const report = survey({
      flows: flows(
        conversation('10.0.0.1', '10.0.0.2', { bytes: 10 }),
        conversation('192.168.0.1', '192.168.0.2', { bytes: 9_000_000, vni: null }),
        conversation('10.0.0.3', '10.0.0.4', { bytes: 40_000, retransmissions: 3 }),
        conversation('10.0.0.5', '10.0.0.6', { bytes: 30 }),
        conversation('fd00::7', 'fd00::8', { bytes: 20 }),
      ),
    });
    const texts = textsOf(parsePicture(captureSvg(report)));
    assert.deepEqual(
      texts.filter((text) => /:80 → /.test(text)),
      ['10.0.0.3:80 → 10.0.0.4:80', '10.0.0.5:80 → 10.0.0.6:80', '[fd00::7]:80 → [fd00::8]:80'],
    );
    assert.ok(texts.some((text) => text.includes('3 retransmitted')));
  });

  test('of a capture of inner frames, it shows what there is', () => {
    const report = survey({
      timeSeries: series([null, [1000]]),
      flows: flows(conversation('10.0.0.1', '10.0.0.2', { vni: null })),
    });
    const texts = textsOf(parsePicture(captureSvg(report)));
    assert.ok(texts.includes('This capture has no VXLAN and no ESP.'));
    assert.ok(texts.includes('10.0.0.1:80 → 10.0.0.2:80'));
  });

  test('any names give a well-formed picture, and always the same', () => {
    fc.assert(
      fc.property(anyText, anyText, anyText, (file, node, address) => {
        const report = survey({
          file,
          networks: [network(1)],
          tunnels: [tunnel(node, address)],
          endpoints: [endpoint(node, address, { mac: file })],
          timeSeries: series([1, [5, 6]]),
          flows: flows(conversation(address, node)),
        });
        const drawn = captureSvg(report);
        parsePicture(drawn);
        assert.equal(captureSvg(structuredClone(report)), drawn);
      }),
    );
  });

  test('follows the colour scheme and the width, by styles that apply to nothing else on a page', () => {
    const root = parsePicture(captureSvg(mesh(2, 1, 1)));
    const [{ text: style }] = elementsOf(root, 'style');
    assert.match(style, /@media \(prefers-color-scheme:dark\)/);
    assert.match(style, /@media \(max-width:560px\)/);
    const selectors = [...style.matchAll(/([^{}]+)\{/g)].map(([, selector]) => selector.trim());
    for (const selector of selectors) assert.match(selector, /^(?:@media|\.vtep-picture\b)/);
    const used = new Set(elementsOf(root, 'text').flatMap(({ attributes }) => attributes.get('class')?.split(' ')));
    for (const name of used) assert.ok(selectors.includes(`.vtep-picture .${name}`), `class ${name}`);
  });
});
