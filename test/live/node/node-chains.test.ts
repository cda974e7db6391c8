import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { NodeChains } from '../../../src/live/node/node-chains.js';
import { Arena, PacketBatch } from '../../../src/memory/index.js';
import { OverlayError } from '../../../src/overlay/index.js';
import { C1, C2, fromHex, topologyOf } from '../../dataplane/topology.js';

const SINKS = { wire: () => undefined, frames: () => undefined };

describe('the chains of a node', () => {
  const arena = new Arena({ slots: 16, frameBytes: 2000, debug: true });
  const run = (chains: NodeChains, frames: number): void => {
    const batch = new PacketBatch(arena);
    const bytes = fromHex(`${C2}${C1}88b5`.padEnd(120, '0'));
    for (let i = 0; i < frames; i++) batch.copyIn(bytes, 0, bytes.length, 0);
    batch.copyIn(bytes, 0, 1, 0);
    chains.egress.run(batch, 0);
  };

  test('count packets of both directions', () => {
    const chains = new NodeChains(topologyOf(), 'n1', arena, SINKS, {});
    run(chains, 2);
    run(chains, 3);
    const { egress, ingress } = chains.counters;
    assert.deepEqual([egress.in, egress.out, egress.drops.total], [7, 5, 2]);
    assert.equal(ingress.in, 0);
    assert.deepEqual(arena.holders(), []);
  });

  test('give counters that later packets do not change', () => {
    const chains = new NodeChains(topologyOf(), 'n1', arena, SINKS, {});
    const before = chains.counters;
    run(chains, 1);
    assert.deepEqual([before.egress.in, before.egress.drops.total], [0, 0]);
    assert.deepEqual([chains.counters.egress.in, chains.counters.egress.drops.total], [2, 1]);
  });

  test('require a node of the topology', () => {
    assert.throws(() => new NodeChains(topologyOf(), 'n9', arena, SINKS, {}), OverlayError);
  });
});
