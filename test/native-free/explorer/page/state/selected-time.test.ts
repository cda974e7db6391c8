/** The time that selected packets take. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Selection, selectPackets } from '../../../../../native-free/explorer/filter/index.js';
import { compileFilter } from '../../../../../native-free/explorer/filter/index.js';
import type { CaptureIndex } from '../../../../../native-free/explorer/index/index.js';
import { rowAtOrAfter, selectedSeconds } from '../../../../../native-free/explorer/page/state/selected-time.js';
import { INDEX, TABLES } from '../../filter/small-index.js';

function select(index: CaptureIndex, filter: string): Promise<Selection> {
  const range = { from: undefined, to: undefined };
  return selectPackets(index, { test: compileFilter(filter, index.tables), range }, () => Promise.resolve());
}

describe('the selected packets', () => {
  test('are found by number, or the one that follows', async () => {
    const selection = await select(INDEX, 'frame.number in {2, 5}');
    assert.deepEqual(
      [0, 1, 2, 4, 5].map((packet) => rowAtOrAfter(selection, packet)),
      [0, 0, 1, 1, 2],
    );
  });

  test('take the time from the first to the last', async () => {
    assert.equal(selectedSeconds(INDEX, await select(INDEX, 'frame.number <= 5')), 4);
    assert.equal(selectedSeconds(INDEX, await select(INDEX, 'frame.number == 2')), 0);
  });

  test('have no duration without a time, or if there are none', async () => {
    assert.equal(selectedSeconds(INDEX, await select(INDEX, 'frame.number == 6')), NaN);
    assert.equal(selectedSeconds(INDEX, await select(INDEX, 'vni == 7')), NaN);
  });

  test('may be of files that were opened in another order than they were recorded', async () => {
    const [file] = TABLES.files;
    const files = [file, { ...file, name: 'earlier.pcap', firstPacket: 3 }];
    const [part] = INDEX.parts;
    const time = part.time.map((value, i) => (i < 3 ? value + 100e9 : value));
    const index: CaptureIndex = { ...INDEX, parts: [{ ...part, time }], tables: { ...TABLES, files } };
    assert.equal(selectedSeconds(index, await select(index, 'frame.number <= 5')), 99);
  });
});
