import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parsePromql } from './promql.js';

describe('the parser of PromQL', () => {
  test('finds metrics, matchers, groupings and the labels of the result', () => {
    const { selectors, groupings, result } = parsePromql(
      'sum by (job, reason) (rate(drops_total{reason!~"A|B", direction="in"}[5m] offset 1h)) > 2 * max(b)',
    );
    assert.deepEqual(selectors, [
      {
        metric: 'drops_total',
        matchers: [
          ['reason', '!~', 'A|B'],
          ['direction', '=', 'in'],
        ],
      },
      { metric: 'b', matchers: [] },
    ]);
    assert.deepEqual(groupings, [
      { labels: ['job', 'reason'], metrics: ['drops_total'] },
      { labels: [], metrics: ['b'] },
    ]);
    assert.deepEqual(result, { labels: ['job', 'reason'] });
    assert.deepEqual(parsePromql('expiry - time() < 7 * 86400').result, { metric: 'expiry' });
    assert.deepEqual(parsePromql('count(a == 0) or vector(0)').result, { labels: [] });
  });

  for (const wrong of [
    'sum by (a (b)',
    'rate(a)',
    'a[5m]',
    'rate(a[5 m])',
    'a{b="c"',
    'a{b~"c"}',
    'a{b=c}',
    'a > ',
    'a b',
    'summe(a)',
    "a{b='c'}",
    'a offset x',
    '',
  ]) {
    test(`refuses ${JSON.stringify(wrong)}`, () => assert.throws(() => parsePromql(wrong), assert.AssertionError));
  }
});
