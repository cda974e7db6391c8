import assert from 'node:assert/strict';
import test from 'node:test';
import { AssignmentsMessage } from '../../../src/join/messages.js';
import { AssignmentSet } from '../../../src/join/session/assignment-set.js';

function message(type: number, appliesTo: string, resultsIn: string, changes: readonly [id: string, action: number][]) {
  return AssignmentsMessage.decode(
    AssignmentsMessage.encode({
      type,
      appliesTo,
      resultsIn,
      changes: changes.map(([id, action]) => ({ assignment: { task: { id } }, action })),
    }),
  );
}

test('a complete message replaces the tasks, and incremental ones change them', () => {
  const set = new AssignmentSet();
  assert.ok(
    set.apply(
      message(0, '', '1', [
        ['a', 0],
        ['b', 0],
      ]),
    ),
  );
  assert.ok(
    set.apply(
      message(1, '1', '2', [
        ['c', 0],
        ['a', 1],
      ]),
    ),
  );
  assert.deepEqual([...set.tasks.keys()], ['b', 'c']);
  assert.ok(set.apply(message(0, '', '1', [['d', 0]])));
  assert.deepEqual([...set.tasks.keys()], ['d']);
});

test('a gap is noticed, and leaves the tasks as they are', () => {
  const set = new AssignmentSet();
  assert.ok(!set.apply(message(1, '', '1', [['a', 0]])), 'before a complete one');
  set.apply(message(0, '', '1', [['a', 0]]));
  assert.ok(!set.apply(message(1, '2', '3', [['a', 1]])));
  assert.deepEqual([...set.tasks.keys()], ['a']);
  set.restart();
  assert.ok(!set.complete);
  assert.ok(!set.apply(message(1, '1', '2', [['a', 1]])));
});

test('changes without a task, as of secrets, are ignored; too many tasks are refused', () => {
  const set = new AssignmentSet();
  assert.ok(
    set.apply(AssignmentsMessage.decode(AssignmentsMessage.encode({ resultsIn: '1', changes: [{}, { action: 1 }] }))),
  );
  assert.equal(set.tasks.size, 0);
  const many = Array.from({ length: 10_001 }, (_, i): [string, number] => [`t${i}`, 0]);
  assert.throws(() => set.apply(message(1, '1', '2', many)), { code: 'BAD_ANSWER' });
});
