import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unknownNode } from '../../src/overlay/unknown-node.js';

const named = (count: number): { name: string }[] => Array.from({ length: count }, (_, i) => ({ name: `worker${i}` }));

test('an unknown node is reported with the nodes that exist', () => {
  assert.equal(unknownNode('x', named(2)), 'there is no node "x"; there are worker0, worker1');
  assert.equal(unknownNode('x', []), 'there is no node "x"; the network has no nodes');
});

test('of many nodes, the similar ones are suggested, or the first ones listed', () => {
  assert.equal(unknownNode('wroker15', named(20)), 'there is no node "wroker15"; did you mean worker15?');
  assert.match(unknownNode('manager', named(20)), /; there are worker0, .*, worker9 and 10 more$/);
});
