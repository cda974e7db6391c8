import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { REQUESTED_FILE, RequestedTasks } from '../../../src/join/attachment/requested-tasks.js';
import type { JoinError } from '../../../src/join/index.js';
import { stateDirectory } from '../joining.js';

const [A, B] = ['a'.repeat(64), 'b'.repeat(64)];

function fail(error: JoinError): void {
  throw error;
}

test('tasks are remembered until they are deleted, in a file that only the owner can read', (t) => {
  const directory = stateDirectory(t);
  const path = join(directory, REQUESTED_FILE);
  const first = new RequestedTasks(directory, 'node1', fail);
  first.add('task1', A);
  first.add('task2', B);
  first.add('task3', A);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const second = new RequestedTasks(directory, 'node1', fail);
  assert.deepEqual([...second.tasks.keys()], ['task1', 'task2', 'task3']);
  assert.deepEqual([second.taskOf(A), second.taskOf(B), second.taskOf('c')], ['task3', 'task2', undefined]);
  for (const id of ['task1', 'task2', 'task3']) second.delete(id);
  assert.ok(!existsSync(path));
});

test('tasks of another node, and ids that are none, are ignored', (t) => {
  const directory = stateDirectory(t);
  const first = new RequestedTasks(directory, 'node1', fail);
  first.add('../x', A);
  assert.equal(first.tasks.size, 0);
  first.add('task1', A);
  assert.equal(new RequestedTasks(directory, 'node2', fail).tasks.size, 0);
});

test('a damaged file counts as empty', (t) => {
  const directory = stateDirectory(t);
  const path = join(directory, REQUESTED_FILE);
  const whole = { version: 1, node: 'node1', tasks: { task1: A } };
  for (const text of [
    '',
    'null',
    '[]',
    '{"version":1',
    JSON.stringify({ ...whole, version: 2 }),
    JSON.stringify({ ...whole, tasks: null }),
    JSON.stringify({ ...whole, tasks: { task1: 7, 'T 1': A, task2: 'x' } }),
    JSON.stringify(whole) + ' '.repeat(2 << 20),
  ]) {
    writeFileSync(path, text);
    assert.equal(new RequestedTasks(directory, 'node1', fail).tasks.size, 0, text.slice(0, 80));
  }
  writeFileSync(path, JSON.stringify(whole));
  assert.equal(new RequestedTasks(directory, 'node1', fail).tasks.size, 1);
});

test('a directory that is gone is reported once, and the tasks stay in memory', (t) => {
  const directory = stateDirectory(t);
  const errors: JoinError[] = [];
  const tasks = new RequestedTasks(directory, 'node1', (error) => errors.push(error));
  rmSync(directory, { recursive: true });
  tasks.add('task1', A);
  tasks.add('task2', A);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['STATE_UNUSABLE'],
  );
  mkdirSync(directory);
  tasks.add('task3', B);
  assert.match(readFileSync(join(directory, REQUESTED_FILE), 'utf8'), /task1.*task2.*task3/);
});

test('the number of tasks is bounded: the oldest are forgotten', (t) => {
  const directory = stateDirectory(t);
  const all = Array.from({ length: 4_100 }, (_, i): [string, string] => [`task${i}`, A]);
  writeFileSync(
    join(directory, REQUESTED_FILE),
    JSON.stringify({ version: 1, node: 'node1', tasks: Object.fromEntries(all) }),
  );
  const tasks = new RequestedTasks(directory, 'node1', fail);
  assert.equal(tasks.tasks.size, 4_000);
  tasks.add('last', B);
  assert.equal(tasks.tasks.size, 4_000);
  assert.ok(!tasks.tasks.has('task0') && tasks.tasks.has('last'));
});
