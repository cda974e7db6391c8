import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { topologySvg } from '../../src/picture/topology.js';
import { elementsOf, numberOf, parsePicture, type XmlElement } from '../bench/xml.js';
import { endpoint, mesh, network, survey, tunnel } from './sample-survey.js';

const A = '192.168.0.1';
const B = '192.168.0.2';

function textsOf(root: XmlElement): string[] {
  return elementsOf(root, 'text').map(({ text }) => text);
}

describe('a picture of an overlay', () => {
  test('shows nodes, endpoints, networks and the traffic in each direction', () => {
    const report = survey({
      networks: [network(4096), network(4097, { encrypted: 10 })],
      tunnels: [tunnel(A, B, { frames: 44, bytes: 8770 }), tunnel(B, A, { frames: 1, bytes: 60 })],
      endpoints: [endpoint(A, '10.0.0.3'), endpoint(B, '10.0.0.4')],
    });
    const texts = textsOf(parsePicture(topologySvg(report)));
    const expected = [A, B, '10.0.0.3', '10.0.0.4', '02:42:0a:00:00:01', 'VNI 4096, clear', 'VNI 4097, encrypted'];
    for (const text of [...expected, '44 packets · 8.77 kB · 7.02 kbit/s', '1 packet · 60 B · 48 bit/s']) {
      assert.ok(texts.includes(text), text);
    }
  });

  test('links of clear networks are dashed, those of encrypted ones are not', () => {
    const pathOf = (espPackets: number): XmlElement[] =>
      elementsOf(parsePicture(topologySvg(survey({ tunnels: [tunnel(A, B, { espPackets })] }))), 'path').filter(
        ({ attributes }) => attributes.get('d')?.includes('C') === true,
      );
    assert.ok(pathOf(0)[0].attributes.has('stroke-dasharray'));
    assert.ok(!pathOf(10)[0].attributes.has('stroke-dasharray'));
  });

  test('ESP without keys is named as such', () => {
    const sealed = { frames: 0, bytes: 0, espPackets: 7, espBytes: 700, vnis: [] };
    const texts = textsOf(parsePicture(topologySvg(survey({ tunnels: [tunnel(A, B, sealed)] }))));
    assert.ok(texts.includes('7 ESP packets · 700 B · 560 bit/s'));
  });

  test('a capture without times has no rates', () => {
    const texts = textsOf(parsePicture(topologySvg(survey({ durationSeconds: 0, tunnels: [tunnel(A, B)] }))));
    assert.ok(texts.includes('10 packets · 1.00 kB'), texts.join('; '));
  });

  test('a capture without an overlay says so', () => {
    assert.ok(textsOf(parsePicture(topologySvg(survey()))).includes('This capture has no VXLAN and no ESP.'));
  });

  test('more endpoints than fit are counted', () => {
    const endpoints = Array.from({ length: 300 }, (_, i) =>
      endpoint(A, `10.0.${i >> 8}.${i & 0xff}`, { mac: `02:42:00:00:00:${i.toString(16)}` }),
    );
    const texts = textsOf(parsePicture(topologySvg(survey({ tunnels: [tunnel(A, B)], endpoints }))));
    const shown = new Set(texts.filter((text) => text.startsWith('10.0.'))).size;
    assert.ok(shown > 10);
    assert.ok(texts.includes(`and ${300 - shown} more`));
  });

  test('an overlay of any size has a bounded picture, and what is missing is counted', () => {
    const text = topologySvg(mesh(200, 300, 20));
    const root = parsePicture(text);
    assert.ok(numberOf(root, 'height') <= 1100);
    assert.ok(text.length < 250_000, `${text.length} characters`);
    assert.ok(
      textsOf(root).includes('and 136 more nodes and 1,856 more links, with less traffic'),
      textsOf(root).at(-1),
    );
  });

  test('markup, control characters and keys in names are not taken over', () => {
    const key = '00112233445566778899aabbccddeeff';
    const evil = `x/<script>alert(1)</script>\u001b[31m\u202e${key}.pcap`;
    const text = topologySvg(survey({ file: evil, tunnels: [tunnel('<b>&"', "'>]]>")] }));
    parsePicture(text);
    for (const part of ['<script', '<b>', '\u001b', '\u202e', '00112233']) assert.ok(!text.includes(part), part);
  });
});
