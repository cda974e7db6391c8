import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { statusDocument } from '../../../src/live/status/status-document.js';
import type { StatusSection, StatusSections } from '../../../src/live/status/status-section.js';

function sectionsOf(sections: Readonly<Record<string, StatusSection>>): StatusSections {
  return new Map(Object.entries(sections).map(([name, section]) => [name, () => section]));
}

function parsed(sections: StatusSections, names: readonly string[], rows = 1000): unknown {
  return JSON.parse([...statusDocument(sections, { sections: names, rows }, 1, () => 0)].join(''));
}

function* numbersTo(count: number): Generator<object | undefined> {
  for (let i = 0; i < count; i++) yield { i };
}

describe('a status document', () => {
  test('has the sections asked for, with their facts and rows', () => {
    const sections = sectionsOf({
      node: { facts: { name: 'n1' } },
      networks: { facts: { total: 2 }, rows: [{ name: 'a' }, undefined, { name: 'b' }] },
      empty: { facts: {}, rows: [] },
      more: { facts: {} },
    });
    assert.deepEqual(parsed(sections, ['node', 'networks', 'empty', 'unknown']), {
      version: 1,
      node: { name: 'n1' },
      networks: { total: 2, rows: [{ name: 'a' }, { name: 'b' }], complete: true },
      empty: { rows: [], complete: true },
    });
  });

  test('has at most so many rows of each section, and says whether that is all', () => {
    const sections = sectionsOf({ a: { facts: {}, rows: numbersTo(3) }, b: { facts: {}, rows: numbersTo(4) } });
    assert.deepEqual(parsed(sections, ['a', 'b'], 3), {
      version: 1,
      a: { rows: [{ i: 0 }, { i: 1 }, { i: 2 }], complete: true },
      b: { rows: [{ i: 0 }, { i: 1 }, { i: 2 }], complete: false },
    });
  });

  test('stops reading rows once it has enough', () => {
    let read = 0;
    const rows = (function* (): Generator<object> {
      for (;;) yield { i: read++ };
    })();
    parsed(sectionsOf({ a: { facts: {}, rows } }), ['a'], 10);
    assert.equal(read, 11);
  });

  test('comes in pieces, each of about a slice of time', () => {
    let now = 0;
    // Each look at the clock takes a third of a slice.
    const clock = (): number => (now += 1 / 3);
    const pieces = [
      ...statusDocument(
        sectionsOf({ a: { facts: {}, rows: numbersTo(640) } }),
        { sections: ['a'], rows: 640 },
        1,
        clock,
      ),
    ];
    assert.ok(pieces.length > 10, `${pieces.length} pieces`);
    assert.equal((JSON.parse(pieces.join('')) as { a: { rows: unknown[] } }).a.rows.length, 640);
  });

  test('pauses in a part of a table that has nothing to show', () => {
    let now = 0;
    const rows = Array.from({ length: 10 }, () => undefined);
    const pieces = [
      ...statusDocument(sectionsOf({ a: { facts: {}, rows } }), { sections: ['a'], rows: 5 }, 1, () => (now += 2)),
    ];
    assert.ok(pieces.length >= 10);
  });

  test('contains no keys and no control characters, even in names', () => {
    const name = 'key 000102030405060708090a0b0c0d0e0f \x1b[31m\n';
    const text = [
      ...statusDocument(
        sectionsOf({ a: { facts: { name }, rows: [{ name }] } }),
        { sections: ['a'], rows: 5 },
        1,
        () => 0,
      ),
    ].join('');
    assert.ok(!text.includes('0001020304') && !text.includes('\x1b'));
    assert.equal(text.split('\n').length, 4, 'a line per row');
  });
});
