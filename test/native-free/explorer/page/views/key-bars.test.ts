import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { drawnBars, keyRows, MAX_BARS } from '../../../../../native-free/explorer/page/views/key-bars.js';
import { selectedRecording } from './selected-recording.js';

const CAPTURE = 'docker/07-encrypted.underlay.pcap';

describe('keyRows', () => {
  it('has a row for each direction, whose bars say whether the keys opened them', async () => {
    const { reports } = await selectedRecording(CAPTURE, 'docker/07-encrypted.xfrm.txt');
    const { rows, more } = keyRows(reports.timeline);
    assert.equal(more, 0);
    assert.equal(rows.length, 2);
    for (const { bars } of rows) {
      for (const { state, from, to } of bars) assert.ok(state === 'opened' && from <= to);
    }
  });
  it('draws a bounded number of bars of a direction: the busiest, by time', async () => {
    const { reports } = await selectedRecording(CAPTURE, 'docker/07-encrypted.xfrm.txt');
    const [row] = keyRows(reports.timeline).rows;
    const bars = Array.from({ length: MAX_BARS + 50 }, (_, i) => ({
      ...row.bars[0],
      from: i,
      span: { ...row.bars[0].span, packets: i },
    }));
    const times = drawnBars({ ...row, bars: bars.toReversed() }).map(({ from }) => from);
    assert.deepEqual(
      times,
      Array.from({ length: MAX_BARS }, (_, i) => i + 50),
    );
    assert.equal(drawnBars(row), row.bars);
  });
  it('says that no keys were given, and that no key fits', async () => {
    const sealed = await selectedRecording(CAPTURE);
    assert.ok(keyRows(sealed.reports.timeline).rows.every(({ bars }) => bars.every(({ state }) => state === 'sealed')));
    const wrong = await selectedRecording('esp/04-esp-wrong-key.underlay.pcap', 'docker/07-encrypted.xfrm.txt');
    const states = keyRows(wrong.reports.timeline).rows.flatMap(({ bars }) => bars.map(({ state }) => state));
    assert.ok(states.length > 0 && states.every((state) => state === 'failed'));
  });
});
