/** Flows between the same two containers don't disturb each other, and answers are right. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { generated } from '../generated.js';

const FILE_HEADER = 24;
const RECORD_HEADER = 16;
/** Of clear packets with IPv4 inside and outside. */
const OUTER_PORT = 34;
const INNER_IP = 64;
const INNER_L4 = 84;
const SYN = 0x02;
const FIN = 0x01;

/** The frames of a pcap file. */
function* framesOf(bytes: Buffer): Generator<Buffer> {
  for (let at = FILE_HEADER; at < bytes.length;) {
    const length = bytes.readUInt32LE(at + 8);
    at += RECORD_HEADER;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

describe('healthy flows', () => {
  test('thousands of connections between two containers have ports of their own, and one outer port each way', () => {
    const options = { packets: 190_000, rate: 1e6, flows: 21_000, endpoints: 2, traffic: { tcp: 1 } } as const;
    const { bytes, report } = generated(options);
    assert.ok(report.flows > 20_900);
    /** Outer ports of open connections, by their inner addresses and ports. */
    const open = new Map<string, number>();
    const serverPorts = new Set<number>();
    for (const frame of framesOf(bytes)) {
      const key = frame.toString('latin1', INNER_IP + 12, INNER_L4 + 4);
      const flags = frame[INNER_L4 + 13];
      const outerPort = frame.readUInt16BE(OUTER_PORT);
      if ((flags & SYN) !== 0) {
        assert.ok(!open.has(key));
        open.set(key, outerPort);
        serverPorts.add(Math.min(frame.readUInt16BE(INNER_L4), frame.readUInt16BE(INNER_L4 + 2)));
      }
      if (outerPort !== open.get(key)) assert.fail('another outer port than the SYN had');
      // The client's last acknowledgment follows its FIN.
      if ((flags & FIN) !== 0 && frame.readUInt16BE(INNER_L4) < 20_000) open.delete(key);
      else if ((flags & FIN) !== 0) continue;
    }
    assert.deepEqual([...serverPorts].sort(), [8000, 8100]);
  });

  test('DNS answers are addresses of the network that is asked about', () => {
    for (const ipv6 of [false, true]) {
      const { bytes } = generated({ packets: 100, networks: 2, traffic: { dns: 1 }, ipv6 });
      const answers = [...framesOf(bytes)].filter((frame) => frame.readUInt16BE(ipv6 ? 104 : INNER_L4) === 53);
      assert.equal(answers.length, 50);
      for (const frame of answers) {
        const length = ipv6 ? 16 : 4;
        const own = frame.subarray(ipv6 ? 72 : INNER_IP + 12);
        const answer = frame.subarray(-length);
        // The subnet, of which the name server is a member.
        assert.deepEqual(answer.subarray(0, length / 2 + 1), own.subarray(0, length / 2 + 1));
      }
    }
  });

  test('a lost segment is retransmitted after three duplicate acknowledgments', () => {
    const { bytes } = generated({ packets: 4000, flows: 4, traffic: { tcp: 1 }, retransmissions: 1 });
    const acknowledged = new Map<string, { number: number; times: number }>();
    const next = new Map<string, number>();
    let retransmitted = 0;
    for (const frame of framesOf(bytes)) {
      const ports = frame.toString('latin1', INNER_IP + 12, INNER_L4 + 4);
      const back = Buffer.concat([
        frame.subarray(INNER_IP + 16, INNER_IP + 20),
        frame.subarray(INNER_IP + 12, INNER_IP + 16),
        frame.subarray(INNER_L4 + 2, INNER_L4 + 4),
        frame.subarray(INNER_L4, INNER_L4 + 2),
      ]).toString('latin1');
      const [sequence, acknowledgment] = [frame.readUInt32BE(INNER_L4 + 4), frame.readUInt32BE(INNER_L4 + 8)];
      const payload = frame.length - INNER_L4 - 4 * (frame[INNER_L4 + 12] >>> 4);
      if (payload === 0) {
        const last = acknowledged.get(ports);
        const times = last?.number === acknowledgment ? last.times + 1 : 0;
        acknowledged.set(ports, { number: acknowledgment, times });
        continue;
      }
      const end = (sequence + payload) >>> 0;
      const expected = next.get(ports);
      if (expected !== undefined && ((end - expected) | 0) < 0) {
        retransmitted++;
        const { number = -1, times = 0 } = acknowledged.get(back) ?? {};
        assert.equal(number, sequence);
        assert.ok(times >= 3, String(times));
      } else next.set(ports, end);
    }
    assert.ok(retransmitted > 50, String(retransmitted));
  });
});
