/** A topology reaches another thread complete, and its keys leave no copies. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { parseConfig } from '../../src/overlay/files.js';
import { ChangeKind, diffTopology, NodeTables, type Topology } from '../../src/overlay/index.js';
import {
  changeMessages,
  changesOfMessages,
  topologyMessage,
  topologyOfMessage,
  wipeMessage,
} from '../../src/workers/index.js';
import { ROOT } from '../repository.js';

const CONFIG = /```yaml\n([\s\S]*?)```/.exec(readFileSync(join(ROOT, 'docs/library.md'), 'utf8'))?.[1] ?? '';

function keysOf({ ring }: Topology): [number, string][] {
  return (ring?.keys ?? []).map((key) => [key.tag, key.use((bytes) => Buffer.from(bytes).toString('hex'))]);
}

describe("a topology's message", () => {
  test('yields the topology after being copied as between threads', () => {
    const topology = parseConfig(CONFIG);
    assert.ok(topology.ring !== undefined && topology.endpoints.length > 0);
    const { keys, ...rest } = topologyMessage(topology);
    const arrived = topologyOfMessage({ ...structuredClone(rest), keys });
    assert.deepEqual({ ...arrived, ring: undefined }, { ...topology, ring: undefined });
    assert.deepEqual(keysOf(arrived), keysOf(topology));
  });

  test('keeps acceptUnknownVteps', () => {
    for (const acceptUnknownVteps of [true, false]) {
      const message = topologyMessage({ ...parseConfig(CONFIG), acceptUnknownVteps });
      assert.equal(topologyOfMessage(message).acceptUnknownVteps, acceptUnknownVteps);
    }
    assert.equal(topologyOfMessage(topologyMessage(parseConfig(CONFIG))).acceptUnknownVteps, undefined);
  });

  test('contains its keys only in the shared memory', () => {
    const topology = parseConfig(CONFIG);
    const [[, key]] = keysOf(topology);
    const { keys, ...rest } = topologyMessage(topology);
    assert.ok(Buffer.from(keys).toString('hex').includes(key));
    // An address that is a view would carry along the rest of its buffer.
    const seen = new Set<ArrayBufferLike>();
    const look = (value: unknown): void => {
      if (ArrayBuffer.isView(value)) {
        assert.equal(value.buffer.byteLength, value.byteLength);
        seen.add(value.buffer);
      } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(look);
    };
    look(rest);
    assert.ok(seen.size > 0);
    for (const buffer of seen) assert.ok(!Buffer.from(buffer).toString('hex').includes(key));
  });

  test('is wiped once it is taken, and can be taken only once', () => {
    const message = topologyMessage(parseConfig(CONFIG));
    const arrived = topologyOfMessage(message);
    assert.ok(new Uint8Array(message.keys).every((byte) => byte === 0));
    assert.ok(keysOf(arrived).every(([, key]) => /[1-9a-f]/.test(key)));
    // Zeros are never mistaken for a key.
    assert.throws(() => topologyOfMessage(message), { code: 'KEY_WIPED' });
  });

  test('can be wiped before it is taken', () => {
    const message = topologyMessage(parseConfig(CONFIG));
    wipeMessage(message);
    assert.ok(new Uint8Array(message.keys).every((byte) => byte === 0));
    assert.throws(() => topologyOfMessage(message), { code: 'KEY_WIPED' });
  });

  test('has no keys if the topology has none', () => {
    const topology = { ...parseConfig(CONFIG), ring: undefined };
    assert.equal(topologyOfMessage(topologyMessage(topology)).ring, undefined);
  });
});

describe("changes' messages", () => {
  test('yield the changes after being copied as between threads, with the keys in shared memory only', () => {
    const topology = parseConfig(CONFIG);
    const { name } = topology.nodes[0];
    const empty = { ...topology, nodes: [topology.nodes[0]], networks: [], endpoints: [], ring: undefined };
    const there = diffTopology(empty, topology);
    const back = diffTopology(new NodeTables(topology, name).topology, empty);
    const [[, key]] = keysOf(topology);
    for (const changes of [there, back]) {
      const messages = changeMessages(changes);
      const plain = messages.map((message) => ('ring' in message ? { ...message, ring: undefined } : message));
      assert.ok(!JSON.stringify(plain).includes(key));
      const copied = structuredClone(plain).map((message, i) => {
        const { ring } = messages[i] as { ring?: object };
        return ring === undefined ? message : { ...message, ring };
      }) as typeof messages;
      const arrived = changesOfMessages(copied);
      const withoutRing = (list: typeof changes): object[] =>
        list.map((change) => (change.kind === ChangeKind.SetKeys ? { kind: change.kind } : change));
      assert.deepEqual(withoutRing(arrived), withoutRing(changes));
      for (const change of arrived) {
        if (change.kind === ChangeKind.SetKeys)
          assert.deepEqual(keysOf({ ...topology, ring: change.ring }), keysOf(topology));
      }
    }
    assert.ok(there.some(({ kind }) => kind === ChangeKind.SetKeys) && back.length > 3);
  });
});
