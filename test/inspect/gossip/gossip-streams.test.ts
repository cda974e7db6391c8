/** TCP connections of gossip: segments in any order, repeated, or lost. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodeStream, type GossipKeyring, MessageType } from '../../../src/gossip/index.js';
import { GossipStreams } from '../../../src/inspect/gossip/gossip-streams.js';
import { swarmKeys } from './recorded.js';

const MESSAGE = { type: MessageType.User, body: Uint8Array.from({ length: 5000 }, (_, i) => (i * i) >> 3) } as const;
const [SYN, ACK, FIN] = [0x02, 0x10, 0x01];
/** The sequence numbers wrap inside the message. */
const ISN = 0xffffff00;

function segments(keys: GossipKeyring, size = 700): { sequence: number; payload: Uint8Array }[] {
  const bytes = encodeStream(MESSAGE, keys);
  return Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => ({
    sequence: (ISN + 1 + i * size) >>> 0,
    payload: bytes.slice(i * size, (i + 1) * size),
  }));
}

function follow(
  order: (all: { sequence: number; payload: Uint8Array }[]) => { sequence: number; payload: Uint8Array }[],
): {
  results: unknown[];
  streams: GossipStreams;
} {
  const keys = swarmKeys();
  const streams = new GossipStreams(keys);
  assert.equal(streams.add('a', ISN, SYN, new Uint8Array(0)), undefined);
  const results = order(segments(keys)).map(
    ({ sequence, payload }) => streams.add('a', sequence, ACK, payload)?.message,
  );
  return { results: results.filter((result) => result !== undefined), streams };
}

describe('streams in a capture', () => {
  test('segments in order', () => assert.deepEqual(follow((all) => all).results, [MESSAGE]));

  test('segments in reverse', () => assert.deepEqual(follow((all) => all.reverse()).results, [MESSAGE]));

  test('retransmissions, also of more than was sent before', () => {
    const { results } = follow((all) => {
      const both = Uint8Array.of(...all[1].payload, ...all[2].payload);
      return [all[0], all[0], all[1], { sequence: all[1].sequence, payload: both }, ...all.slice(3), ...all];
    });
    assert.deepEqual(results, [MESSAGE]);
  });

  test('a missing segment leaves the stream incomplete', () => {
    const { results, streams } = follow((all) => all.filter((_, i) => i !== 1));
    assert.deepEqual(results, []);
    assert.equal(streams.open, 1);
    streams.add('a', ISN, SYN, new Uint8Array(0));
    assert.deepEqual([streams.open, streams.incomplete], [0, 1]);
  });

  test('a connection that is closed early is incomplete, and the next one on its ports is another', () => {
    const keys = swarmKeys();
    const streams = new GossipStreams(keys);
    const [first, ...rest] = segments(keys);
    streams.add('a', ISN, SYN, new Uint8Array(0));
    streams.add('a', first.sequence, ACK | FIN, first.payload);
    assert.equal(streams.incomplete, 1);
    streams.add('a', ISN, SYN, new Uint8Array(0));
    const results = [first, ...rest].map(({ sequence, payload }) => streams.add('a', sequence, ACK, payload)?.message);
    assert.deepEqual(results.at(-1), MESSAGE);
  });

  test('many connections that never end are given up, the oldest first', () => {
    const keys = swarmKeys();
    const streams = new GossipStreams(keys);
    const [{ payload }] = segments(keys);
    for (let i = 0; i < 3000; i++) streams.add(`${i}`, 0, ACK, payload);
    assert.equal(streams.open, 1024);
    assert.equal(streams.incomplete, 3000 - 1024);
  });
});
