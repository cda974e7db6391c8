import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compileFilter, selectPackets, type TimeRange } from '../../../../native-free/explorer/filter/index.js';
import type { CaptureIndex } from '../../../../native-free/explorer/index/capture-index.js';
import { NO_FLOW, NO_ID, PART_PACKETS, PacketPart } from '../../../../native-free/explorer/index/packet-columns.js';
import { INDEX, TABLES } from './small-index.js';

const ALL: TimeRange = { from: undefined, to: undefined };
const noTurn = (): Promise<void> => Promise.resolve();

describe('selectPackets', () => {
  it('sums up what a filter selects, by network, tunnel, SA and side of a flow', async () => {
    const { rows, count, totals } = await selectPackets(
      INDEX,
      { test: compileFilter('vni == 4097', TABLES), range: ALL },
      noTurn,
    );
    assert.deepEqual([...rows.subarray(0, count)], [0, 1, 4]);
    assert.deepEqual([totals.packets, totals.bytes], [3, 800]);
    assert.deepEqual([...totals.networkPackets], [3, 0]);
    assert.deepEqual([...totals.tunnelBytes], [600, 200]);
    assert.deepEqual([...totals.saPackets], [0]);
    assert.deepEqual([...totals.flowPackets], [1, 1, 0, 0, 0, 0]);
    assert.deepEqual([totals.flowFirst[0], totals.flowLast[0]], [0, 1e9]);
    assert.ok(Number.isNaN(totals.flowFirst[1]));
  });
  it('without a filter selects everything, and the series has every byte with a time', async () => {
    const { count, totals, series } = await selectPackets(INDEX, { test: undefined, range: ALL }, noTurn);
    assert.equal(count, 6);
    const bytes = series.bytes.map((line) => line.reduce((sum, one) => sum + one, 0));
    // The last packet, of 600 bytes, has no time.
    assert.deepEqual(bytes, [800, 300, 400]);
    assert.equal(totals.bytes, 2100);
  });
  it('selects the packets at both ends of a time range, and none without a time', async () => {
    const { rows, count, series } = await selectPackets(INDEX, { test: undefined, range: { from: 1, to: 3 } }, noTurn);
    assert.deepEqual([...rows.subarray(0, count)], [1, 2, 3]);
    assert.equal(series.start, 1e9);
  });
  it('a range without packets gives an empty selection', async () => {
    const { count, series } = await selectPackets(INDEX, { test: undefined, range: { from: 50, to: 40 } }, noTurn);
    assert.equal(count, 0);
    assert.ok(series.interval > 0);
  });
  it('selects from every part of a long index, and lets others run between slices', async () => {
    const parts = Array.from({ length: 3 }, () => longPart());
    const index: CaptureIndex = { packets: 3 * PART_PACKETS, parts, tables: TABLES };
    let turns = 0;
    const { count, rows } = await selectPackets(
      index,
      { test: compileFilter('frame.len == 7', TABLES), range: ALL },
      () => Promise.resolve(void turns++),
    );
    assert.equal(count, (3 * PART_PACKETS) / 8);
    assert.equal(rows[count - 1], 3 * PART_PACKETS - 1);
    assert.equal(turns, 11);
  });
  it('a filter and its negation select each packet once', () =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom('vni', 'tcp', 'esp', 'ip.addr == 10.0.9.3', 'frame.len > 250'),
        async (filter) => {
          const one = await selectPackets(INDEX, { test: compileFilter(filter, TABLES), range: ALL }, noTurn);
          const other = await selectPackets(
            INDEX,
            { test: compileFilter(`not (${filter})`, TABLES), range: ALL },
            noTurn,
          );
          assert.equal(one.count + other.count, INDEX.packets);
        },
      ),
      { numRuns: 10 },
    ));
});

/** A full part whose packets are 0 to 7 bytes long. */
function longPart(): PacketPart {
  const part = new PacketPart();
  part.count = PART_PACKETS;
  part.flow.fill(NO_FLOW);
  part.network.fill(NO_ID);
  part.tunnel.fill(NO_ID);
  part.sa.fill(NO_ID);
  for (let i = 0; i < PART_PACKETS; i++) part.length[i] = i % 8;
  return part;
}
