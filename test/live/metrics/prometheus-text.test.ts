import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PrometheusText } from '../../../src/live/metrics/prometheus-text.js';
import { parsePrometheus } from '../prometheus-page.js';

describe("a page in Prometheus's text format", () => {
  test('describes each family once, before its samples', () => {
    const page = new PrometheusText();
    page.family('a_total', 'counter', 'What a is.', [
      [{ way: 'in', peer: 'n1' }, 3],
      [{ way: 'out', peer: 'n2' }, 0],
    ]);
    page.family('b', 'gauge', 'What b is.', [[{}, -1.5]]);
    assert.equal(
      page.toString(),
      '# HELP a_total What a is.\n# TYPE a_total counter\na_total{way="in",peer="n1"} 3\na_total{way="out",peer="n2"} 0\n' +
        '# HELP b What b is.\n# TYPE b gauge\nb -1.5\n',
    );
  });

  test('escapes quotes, backslashes and line breaks in label values', () => {
    const names = ['a"b', 'a\\b', 'a\nb', '\\n', 'a\\"\n}', 'é漢', '', '{x="y"} 1'];
    const page = new PrometheusText();
    page.family(
      'x',
      'gauge',
      'Back\\slash\nand line.',
      names.map((name, i) => [{ name }, i]),
    );
    const [family] = parsePrometheus(page.toString());
    assert.equal(family.help, 'Back\\slash\nand line.');
    assert.deepEqual(
      family.samples.map(({ labels, value }) => [labels['name'], value]),
      names.map((name, i) => [name, i]),
    );
  });

  test('spells numbers as the format does', () => {
    const page = new PrometheusText();
    const values = [0, 1e21, 2 ** 53, 0.1, Infinity, -Infinity, NaN];
    page.family(
      'x',
      'gauge',
      'Numbers.',
      values.map((value, i) => [{ i: String(i) }, value]),
    );
    const [family] = parsePrometheus(page.toString());
    assert.deepEqual(
      family.samples.map(({ value }) => value),
      values,
    );
  });

  test('leaves out a family without samples', () => {
    const page = new PrometheusText();
    page.family('x', 'gauge', 'None.', []);
    assert.equal(page.toString(), '');
  });
});
