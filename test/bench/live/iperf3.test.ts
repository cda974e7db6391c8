import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Iperf3Error, parseIperf3 } from '../../../bench/live/iperf3.js';

describe('the report of iperf3', () => {
  test('of TCP gives what arrived and the retransmitted segments', () => {
    const end = {
      sum_sent: { seconds: 2, bytes: 260_000_000, bits_per_second: 1.04e9, retransmits: 17 },
      sum_received: { seconds: 2.01, bytes: 250_000_000, bits_per_second: 0.995e9 },
    };
    const { bitsPerSecond, bytes, seconds, retransmits } = parseIperf3(JSON.stringify({ end }));
    assert.deepEqual([bitsPerSecond, bytes, seconds, retransmits], [0.995e9, 250_000_000, 2.01, 17]);
  });

  test('of UDP gives the datagrams sent and lost', () => {
    const end = { sum: { seconds: 1, bytes: 6400, bits_per_second: 51_200, packets: 100, lost_packets: 40 } };
    const { datagrams, lost, retransmits } = parseIperf3(JSON.stringify({ end }));
    assert.deepEqual([datagrams, lost, retransmits], [100, 40, 0]);
  });

  test('with an error, cut off, without sums or missing is an error that says why', () => {
    const error = 'unable to connect to server: Connection refused';
    assert.throws(() => parseIperf3(JSON.stringify({ end: {}, error })), new RegExp(`iperf3: ${error}`));
    assert.throws(() => parseIperf3('{"start": {', 'iperf3: interrupt\n'), /iperf3: interrupt/);
    assert.throws(() => parseIperf3(JSON.stringify({ end: {} })), /its report has no sums/);
    assert.throws(() => parseIperf3(''), Iperf3Error);
  });
});
