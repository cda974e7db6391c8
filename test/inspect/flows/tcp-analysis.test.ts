import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Conversation, surveyFlows } from '../../../src/inspect/index.js';
import { captureOf, flagsOf, type Segment } from './tcp-frame.js';

const MS = 1000;

async function conversationsOf(segments: readonly Segment[]): Promise<readonly Conversation[]> {
  return (await surveyFlows(await captureOf(segments))).conversations;
}

async function only(segments: readonly Segment[]): Promise<Conversation> {
  const conversations = await conversationsOf(segments);
  assert.equal(conversations.length, 1);
  return conversations[0];
}

/** A handshake with an RTT of 10 ms: 8 from the SYN to the SYN/ACK. */
const HANDSHAKE: readonly Segment[] = [
  { flags: 'S', sequence: 100, at: 0 },
  { fromA: false, flags: 'SA', sequence: 500, acknowledgment: 101, at: 8 * MS },
  { flags: 'A', sequence: 101, acknowledgment: 501, at: 10 * MS },
];

const sentByA = (sequence: number, at: number, length = 100): Segment => ({
  flags: 'AP',
  sequence,
  acknowledgment: 501,
  length,
  at,
});
const ackByB = (acknowledgment: number, at: number, window = 1000): Segment => ({
  fromA: false,
  flags: 'A',
  sequence: 501,
  acknowledgment,
  window,
  at,
});

describe('the handshake', () => {
  test('gives the RTT, and its parts on either side of the capture', async () => {
    const row = await only(HANDSHAKE);
    assert.deepEqual([row.rttSeconds, row.serverRttSeconds, row.clientRttSeconds], [0.01, 0.008, 0.002]);
    assert.deepEqual([row.a.address, row.a.port, row.b.address, row.b.port], ['10.0.9.3', 40_000, '10.0.9.4', 80]);
    assert.deepEqual([row.a.tcpFlags, row.b.tcpFlags], [flagsOf('SA'), flagsOf('SA')]);
  });

  test('counts from the last SYN if that was repeated', async () => {
    const repeated = HANDSHAKE.map((segment) => ({ ...segment, at: segment.at + 1000 * MS }));
    const row = await only([HANDSHAKE[0], ...repeated]);
    assert.deepEqual([row.rttSeconds, row.retransmissions], [0.01, 1]);
  });

  test('gives no RTT without the SYN, the SYN/ACK or the ACK', async () => {
    for (let left = 0; left < 3; left++) {
      const row = await only(HANDSHAKE.filter((_, i) => i !== left));
      assert.equal(row.rttSeconds, null);
      assert.equal(row.serverRttSeconds, left === 2 ? 0.008 : null);
    }
  });

  test('an ACK of another number does not complete it', async () => {
    const row = await only([...HANDSHAKE.slice(0, 2), { ...HANDSHAKE[2], acknowledgment: 499 }]);
    assert.equal(row.rttSeconds, null);
  });

  test('of a capture that begins with the SYN/ACK makes its receiver side A', async () => {
    const row = await only(HANDSHAKE.slice(1));
    assert.equal(row.a.address, '10.0.9.3');
    assert.deepEqual([row.a.packets, row.b.packets], [1, 1]);
  });

  test('is missing: side A is the first sender', async () => {
    const row = await only([ackByB(101, 0), sentByA(101, 10)]);
    assert.equal(row.a.address, '10.0.9.4');
  });
});

describe('a retransmission is', () => {
  test('a segment that repeats data after the RTT', async () => {
    const row = await only([...HANDSHAKE, sentByA(101, 11 * MS), sentByA(101, 300 * MS)]);
    assert.deepEqual([row.a.retransmissions, row.b.retransmissions, row.a.fastRetransmissions], [1, 0, 0]);
    assert.equal(row.a.payloadBytes, 200);
  });

  test('a repeated SYN, SYN/ACK or FIN', async () => {
    const later = HANDSHAKE.slice(0, 2).map((segment) => ({ ...segment, at: segment.at + 9 * MS }));
    const fin: Segment = { flags: 'FA', sequence: 101, acknowledgment: 501, at: 20 * MS };
    const row = await only([...HANDSHAKE.slice(0, 2), ...later, HANDSHAKE[2], fin, { ...fin, at: 220 * MS }]);
    assert.deepEqual([row.a.retransmissions, row.b.retransmissions], [2, 1]);
  });

  test('fast after two duplicate acknowledgments within 20 ms, and not fast after that', async () => {
    const lost = [...HANDSHAKE, ...[1, 2, 3, 4].map((i) => sentByA(101 + 100 * i, 11 * MS + i))];
    const duplicates = [20, 21, 22].map((at) => ackByB(101, at * MS));
    const before = [...lost.slice(0, 3), sentByA(101, 11 * MS), ...lost.slice(3)];
    const fast = await only([...before, ...duplicates, sentByA(101, 25 * MS)]);
    assert.deepEqual([fast.a.retransmissions, fast.a.fastRetransmissions], [1, 1]);
    const slow = await only([...before, ...duplicates, sentByA(101, 50 * MS)]);
    assert.deepEqual([slow.a.retransmissions, slow.a.fastRetransmissions], [1, 0]);
  });

  test('spurious, whenever the receiver has acknowledged it already', async () => {
    const row = await only([...HANDSHAKE, sentByA(101, 11 * MS), ackByB(201, 12 * MS), sentByA(101, 13 * MS)]);
    assert.equal(row.a.retransmissions, 1);
  });

  test('none that came out of order, within the RTT', async () => {
    const row = await only([...HANDSHAKE, sentByA(201, 11 * MS), sentByA(101, 12 * MS)]);
    assert.equal(row.retransmissions, 0);
    const late = await only([...HANDSHAKE, sentByA(201, 11 * MS), sentByA(101, 31 * MS)]);
    assert.equal(late.retransmissions, 1);
  });

  test('none of a keep-alive or its answer', async () => {
    const keepAlive = sentByA(200, 1000 * MS, 0);
    const row = await only([
      ...HANDSHAKE,
      sentByA(101, 11 * MS),
      ackByB(201, 20 * MS),
      { ...keepAlive, flags: 'A' },
      ackByB(201, 1010 * MS),
      { ...keepAlive, flags: 'A', length: 1, at: 2000 * MS },
    ]);
    assert.equal(row.retransmissions, 0);
  });

  test('found across the wrap of the sequence numbers', async () => {
    const near = 0xffff_ffc0;
    const row = await only([
      { flags: 'S', sequence: near - 1, at: 0 },
      sentByA(near, MS),
      sentByA(near + 100, 2 * MS),
      sentByA(near, 300 * MS),
    ]);
    assert.equal(row.a.retransmissions, 1);
  });
});

describe('resets and zero windows', () => {
  test('are counted by sender', async () => {
    const row = await only([
      ...HANDSHAKE,
      ackByB(101, 20 * MS, 0),
      ackByB(101, 21 * MS, 0),
      { flags: 'R', sequence: 101, window: 0, at: 22 * MS },
    ]);
    assert.deepEqual([row.a.zeroWindows, row.b.zeroWindows, row.zeroWindows], [0, 2, 2]);
    assert.deepEqual([row.a.resets, row.b.resets, row.resets], [1, 0, 1]);
  });

  test('a probe of a closed window is no retransmission, and data after it neither', async () => {
    const row = await only([
      ...HANDSHAKE,
      sentByA(101, 11 * MS),
      ackByB(201, 12 * MS, 0),
      sentByA(201, 300 * MS, 1),
      ackByB(201, 301 * MS, 0),
      ackByB(201, 400 * MS),
      sentByA(201, 401 * MS),
    ]);
    assert.deepEqual([row.retransmissions, row.b.zeroWindows], [0, 2]);
  });
});

describe('another SYN', () => {
  test('with another sequence number is another conversation, each with its own RTT', async () => {
    const again = HANDSHAKE.map((segment, i) => ({
      ...segment,
      sequence: segment.sequence + 10_000,
      acknowledgment: i === 0 ? 0 : (segment.acknowledgment ?? 0) + 10_000,
      at: 5000 * MS + 3 * segment.at,
    }));
    const rows = await conversationsOf([...HANDSHAKE, ...again, sentByA(10_101, 6000 * MS)]);
    assert.deepEqual(
      rows.map(({ packets, rttSeconds, retransmissions }) => [packets, rttSeconds, retransmissions]),
      [
        [3, 0.01, 0],
        [4, 0.03, 0],
      ],
    );
    assert.equal(rows[1].startNanoseconds, 1_700_000_005_000_000_000n);
  });

  test('with the same sequence number is a retransmission', async () => {
    assert.equal((await only([HANDSHAKE[0], { ...HANDSHAKE[0], at: 1000 * MS }])).a.retransmissions, 1);
  });

  test('in a full table is counted in the conversation before, whose sequence numbers are forgotten', async () => {
    const again = HANDSHAKE.map((segment) => ({
      ...segment,
      sequence: segment.sequence - 50,
      at: segment.at + 5000 * MS,
    }));
    const source = await captureOf([...HANDSHAKE, again[0]]);
    const { conversations, accounting } = await surveyFlows(source, { maxConversations: 1 });
    assert.deepEqual(
      conversations.map(({ packets, retransmissions }) => [packets, retransmissions]),
      [[4, 0]],
    );
    assert.deepEqual([accounting.inConversations, accounting.unlisted], [4, 0]);
  });
});
