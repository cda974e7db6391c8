import assert from 'node:assert/strict';
import test from 'node:test';
import { Backoff, isManagerAddress, managerAddress, ManagerList } from '../../src/join/managers.js';

test('addresses get the default port, and nonsense is refused', () => {
  assert.equal(managerAddress('10.0.0.1'), '10.0.0.1:2377');
  assert.equal(managerAddress('manager-1.example:9999'), 'manager-1.example:9999');
  assert.equal(managerAddress('fd00::1'), '[fd00::1]:2377');
  assert.equal(managerAddress('[fd00::1]:77'), '[fd00::1]:77');
  for (const text of [
    '',
    ':1',
    'a b',
    'host:0',
    'host:65536',
    '[fd00::1',
    '[x]:1',
    'user@host',
    'http://host',
    'a:1:2',
  ]) {
    assert.throws(() => managerAddress(text), { code: 'BAD_OPTION' }, text);
  }
  assert.ok(!isManagerAddress('host'));
  assert.ok(!isManagerAddress(7));
});

test('managers that the swarm named come first, and failed ones last', () => {
  const list = new ManagerList(['given:1'], () => 0);
  assert.equal(list.choose(), 'given:1');
  assert.ok(list.update(['b:1', 'a:1']));
  assert.ok(!list.update(['a:1', 'b:1']), 'the same in another order is no change');
  assert.deepEqual(list.known, ['a:1', 'b:1']);
  assert.equal(list.choose(), 'a:1');
  list.failed('a:1');
  assert.equal(list.choose(), 'b:1');
  list.failed('b:1');
  assert.equal(list.choose(), 'given:1');
  list.failed('given:1');
  assert.equal(list.choose(), 'a:1', 'all failed: from the start');
});

test('invalid addresses, an empty list and more than 64 are ignored', () => {
  const list = new ManagerList(['given:1'], () => 0);
  assert.ok(!list.update([]));
  assert.ok(!list.update(['nonsense', '']));
  list.update(Array.from({ length: 200 }, (_, i) => `m${i}:1`));
  assert.equal(list.known.length, 64);
});

test('pauses grow as an engine makes them, up to the maximum, and start over', () => {
  const backoff = new Backoff(8_000, () => 1);
  assert.deepEqual(
    Array.from({ length: 9 }, () => backoff.next()),
    [100, 300, 700, 1500, 3100, 6300, 8000, 8000, 8000],
  );
  backoff.reset();
  assert.equal(backoff.next(), 100);
});
