/** The facts of a node are bounded. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_FACTS, NodeFacts } from '../../../src/doctor/inputs/node-facts.js';

function* lines(count: number) {
  for (let i = 0; i < count; i++) yield { place: { file: 'x' }, text: '' };
}

test('facts have a limit, at which no more are read', () => {
  const facts = new NodeFacts('');
  assert.deepEqual(facts.add('log', lines(MAX_FACTS - 1)), { count: MAX_FACTS - 1, isFull: false });
  assert.deepEqual(facts.add('log', lines(1)), { count: 1, isFull: false });
  assert.deepEqual(facts.add('log', lines(Infinity)), { count: 0, isFull: true });
  assert.equal(facts.list('log').length, MAX_FACTS);
});

test('facts that are merged belong to the node that they are merged into', () => {
  const [one, other, third] = [new NodeFacts('a'), new NodeFacts(''), new NodeFacts('')];
  other.add('log', lines(2));
  third.merge(other);
  one.merge(third);
  assert.equal(other.owner, one);
  assert.equal(one.list('log').length, 2);
});
