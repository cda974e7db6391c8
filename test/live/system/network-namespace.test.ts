import assert from 'node:assert/strict';
import { readdirSync, readlinkSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { namesInMessage, namespacePath } from '../../../src/live/system/network-namespace.js';
import { inNamespace } from '../namespaces/in-namespace.js';
import { NamespaceBench } from '../namespaces/namespace-bench.js';
import type { NetworkNamespace } from '../namespaces/network-namespace.js';
import { requirements } from '../namespaces/requirements.js';
import { refused } from '../refused.js';

function current(): string {
  return readlinkSync('/proc/thread-self/ns/net');
}

describe('network namespace names in a message', () => {
  const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${String(i).padStart(3, '0')}`);

  test('are at most twenty, sorted, with the number of the others', () => {
    assert.equal(namesInMessage(['b', 'a']), 'a, b');
    assert.equal(namesInMessage(names(20)), names(20).join(', '));
    assert.equal(namesInMessage(names(21).reverse()), `${names(20).join(', ')} and 1 more`);
    assert.equal(namesInMessage(names(300)), `${names(20).join(', ')} and 280 more`);
  });
});

describe('a network namespace', { skip: requirements() }, () => {
  let bench: NamespaceBench | undefined;
  const namespace = (name: string): NetworkNamespace => (bench ??= new NamespaceBench()).namespace(name);
  after(() => bench?.close());

  test('is entered by name or path, and left again with the result of the call', () => {
    const { name } = namespace('in');
    const own = current();
    const descriptors = readdirSync('/proc/self/fd').length;
    const inside = inNamespace(name, current);
    assert.notEqual(inside, own);
    assert.equal(inNamespace(`/run/netns/${name}`, current), inside);
    assert.equal(current(), own);
    assert.equal(readdirSync('/proc/self/fd').length, descriptors);
  });

  test('is left if the call throws, and the error is rethrown', () => {
    const { name } = namespace('thrown');
    const own = current();
    const headerError = new RangeError('as requested');
    assert.throws(
      () =>
        inNamespace(name, () => {
          assert.notEqual(current(), own);
          throw headerError;
        }),
      headerError,
    );
    assert.equal(current(), own);
  });

  test('can be entered within another', () => {
    const [one, two] = [namespace('one').name, namespace('two').name];
    const [inner, outer] = inNamespace(one, () => [inNamespace(two, current), current()]);
    assert.deepEqual([inner, outer], [inNamespace(two, current), inNamespace(one, current)]);
  });

  test('gives an error with the existing names if it is missing, without the call', () => {
    const { name } = namespace('known');
    const own = current();
    // Other programs have namespaces, too; if there are many, not all are listed.
    const text = new RegExp(
      `^there is no network namespace "none-such"; there are .*(${name}| and \\d+ more).* \\(ip netns\\)$`,
    );
    refused(() => inNamespace('none-such', () => assert.fail('was called')), 'NOT_THERE', text);
    assert.equal(current(), own);
  });

  test('gives an error for a file of another kind', () => {
    refused(
      () => inNamespace('/proc/self/stat', () => 0),
      'NOT_THERE',
      /"\/proc\/self\/stat".*: not a network namespace$/,
    );
    refused(() => inNamespace('/proc/self/ns/uts', () => 0), 'NOT_THERE', /not a network namespace$/);
  });

  test('gives a one-line error, without the name if that may be a misplaced key or contains a line break', () => {
    const key = '000102030405060708090a0b0c0d0e0f';
    for (const name of [key, `/run/${key}`, 'a\nb']) {
      assert.throws(
        () => inNamespace(name, () => 0),
        (error) => {
          assert.ok(error instanceof Error);
          assert.ok(!error.message.includes(key) && !error.message.includes('\n'), error.message);
          return true;
        },
      );
    }
  });

  test('has the path where ip netns keeps it', () => {
    assert.equal(namespacePath('blue'), '/run/netns/blue');
    assert.equal(namespacePath('/proc/1/ns/net'), '/proc/1/ns/net');
  });
});
