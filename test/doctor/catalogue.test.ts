import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { FINDINGS, Severity } from '../../src/doctor/index.js';

const IDS = FINDINGS.map(({ id }) => id);

describe('the findings', () => {
  test('have names of their own, of lower-case words', () => {
    assert.equal(new Set(IDS).size, IDS.length);
    for (const id of IDS) assert.match(id, /^[a-z][a-z0-9]*(?:-[a-z0-9]+)*$/);
  });

  for (const { id, title, severity, looksAt, fires, means, threads, explains } of FINDINGS) {
    test(`${id} says what it looks at, when it fires and what it means`, () => {
      assert.ok(Object.values(Severity).includes(severity));
      assert.match(title, /^[A-Z"].*[^.]$/);
      for (const text of [looksAt, fires]) assert.match(text, /^\S.*[^.\s]$/s);
      assert.match(means, /^[A-Z].*\.$/s);
      for (const thread of threads) assert.match(thread, /^[\w.-]+\/[\w.-]+#\d+$/);
    });

    test(`${id} explains other findings that exist`, () => {
      for (const other of explains) {
        assert.ok(IDS.includes(other), other);
        assert.notEqual(other, id);
      }
    });
  }

  test('find nothing in no evidence', () => {
    const nothing = { nodes: [], inputs: [], gossip: null };
    for (const { id, find } of FINDINGS) assert.deepEqual([...find(nothing)], [], id);
  });
});
