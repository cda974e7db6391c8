/** hey's summary as a report. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseHey } from './hey-report.js';

const SUMMARY = `
Summary:
  Total:	1.0012 secs
  Requests/sec:	199.7551

Latency distribution:
  10% in 0.0003 secs
  99% in 0.0021 secs

Status code distribution:
  [200]	197 responses
  [502]	2 responses
`;

describe("hey's summary", () => {
  test('has responses by status', () => {
    const { statuses, errors, summary } = parseHey(SUMMARY);
    assert.deepEqual([statuses, errors], [{ '200': 197, '502': 2 }, {}]);
    assert.equal(summary, 'Requests/sec: 199.7551, 99% in 0.0021 secs');
  });

  test('has failures by message', () => {
    const { statuses, errors } = parseHey(`${SUMMARY}\nError distribution:\n  [3]	Get "http://a/": EOF\n`);
    assert.deepEqual([statuses['200'], errors], [197, { 'Get "http://a/": EOF': 3 }]);
  });
});
