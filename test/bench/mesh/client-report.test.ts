/** What wrk prints, read as a report. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseWrk, quantileOf } from '../../../bench/mesh/client-report.js';

const WRK = `Running 1s test @ http://127.0.0.1:9912/
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.90ms    4.61ms  43.26ms   86.53%
    Req/Sec    12.90k     3.04k   17.51k    60.00%
  Latency Distribution
     50%    1.83ms
     75%    5.37ms
     90%   10.22ms
     99%  980.00us
  12893 requests in 1.01s, 1.62MB read
`;

describe('the report of wrk', () => {
  test('has requests, their rate, and quantiles in milliseconds whatever their unit', () => {
    const report = parseWrk(`${WRK}Requests/sec:  12825.41\nTransfer/sec:      1.61MB\n`);
    assert.deepEqual(report, { requests: 12_893, perSecond: 12_825.41, p50: 1.83, p99: 0.98, failed: 0 });
  });

  test('counts all errors of sockets and all other statuses as failed', () => {
    const errors = '  Socket errors: connect 1, read 20, write 0, timeout 3\n  Non-2xx or 3xx responses: 400\n';
    assert.equal(parseWrk(`${WRK}${errors}Requests/sec:  12825.41\n`)?.failed, 424);
  });

  test('is none if wrk prints something else', () => {
    assert.equal(parseWrk('unable to connect to 127.0.0.1:1 Connection refused\n'), undefined);
  });
});

test('a quantile is the value below which so much of the others are', () => {
  const values = Float64Array.from({ length: 100 }, (_, i) => i);
  assert.deepEqual([quantileOf(values, 0.5), quantileOf(values, 0.99), quantileOf(values, 1)], [50, 99, 99]);
  assert.equal(quantileOf(new Float64Array(0), 0.5), 0);
});
