/** The page's state in its address. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { MAX_FILTER } from '../../../../../native-free/explorer/filter/index.js';
import { VIEWS } from '../../../../../native-free/explorer/page/state/explorer-state.js';
import {
  formatFragment,
  INITIAL_STATE,
  parseFragment,
} from '../../../../../native-free/explorer/page/state/fragment.js';

const nanoseconds = fc.integer({ min: -1e15, max: 1e15 });
const seconds = fc.option(
  nanoseconds.map((value) => value / 1e9),
  { nil: undefined },
);

describe('the fragment', () => {
  test('has what differs from the start', () => {
    assert.equal(formatFragment(INITIAL_STATE), '#overview');
    const state = { ...INITIAL_STATE, view: 'packets', filter: 'vni == 4097 && tcp', from: 1.5, packet: 7 } as const;
    assert.equal(formatFragment(state), '#packets?filter=vni%20%3D%3D%204097%20%26%26%20tcp&from=1.5&packet=7');
  });

  test('is read as it was written, whatever the filter says', () => {
    const states = fc.record({
      view: fc.constantFrom(...VIEWS),
      filter: fc.string({ unit: 'grapheme', maxLength: 60 }),
      from: seconds,
      to: seconds,
      packet: fc.option(fc.integer({ min: 1, max: 0xffff_ffff }), { nil: undefined }),
    });
    fc.assert(
      fc.property(states, (state) => {
        const [from, to] =
          state.from !== undefined && state.to !== undefined && state.from > state.to
            ? [state.to, state.from]
            : [state.from, state.to];
        // -0 is written as 0.
        const plus = (value: number | undefined): number | undefined => (value === undefined ? value : value + 0);
        const read = parseFragment(formatFragment(state));
        assert.deepEqual(
          { ...read, from: plus(read.from), to: plus(read.to) },
          { ...state, from: plus(from), to: plus(to) },
        );
      }),
    );
  });

  test('starts at the beginning if it is empty or unknown', () => {
    for (const fragment of ['', '#', '#nothing', '#?', '#constructor?packet=x']) {
      assert.deepEqual(parseFragment(fragment), INITIAL_STATE, fragment);
    }
  });

  test('loses what is wrong in it, and keeps the rest', () => {
    const state = parseFragment('#flows?filter=esp&from=x&to=1e999&packet=0&other=1');
    assert.deepEqual(state, { ...INITIAL_STATE, view: 'flows', filter: 'esp' });
    assert.equal(parseFragment('#packets?packet=99999999999').packet, undefined);
    assert.equal(parseFragment('#packets?filter=%zz').filter, '%zz');
  });

  test('can’t have a filter that is too long for the filter box', () => {
    assert.equal(parseFragment(`#flows?filter=${'a'.repeat(MAX_FILTER)}`).filter.length, MAX_FILTER);
    assert.equal(parseFragment(`#flows?filter=${'a'.repeat(MAX_FILTER + 1)}`).filter, '');
  });

  test('keeps times of any number of digits, as dragging makes them', () => {
    const state = { ...INITIAL_STATE, from: -53.11843801584906, to: 1 / 3 };
    assert.deepEqual(parseFragment(formatFragment(state)), { ...INITIAL_STATE, from: -53.118438016, to: 0.333333333 });
  });

  test('never throws', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseFragment(text)));
  });
});
