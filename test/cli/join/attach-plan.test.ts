import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { attachPlan } from '../../../src/cli/join/attach-plan.js';
import { UsageError } from '../../../src/cli/usage-error.js';

const plan = (
  attach: readonly string[],
  device: readonly string[] = [],
  netns: readonly string[] = [],
): ReturnType<typeof attachPlan> => attachPlan({ attach, device, netns });

function refuses(pattern: RegExp, ...words: Parameters<typeof plan>): void {
  assert.throws(
    () => plan(...words),
    (error) => error instanceof UsageError && pattern.test(error.message),
    String(pattern),
  );
}

describe('attachments of the command line', () => {
  test('a network may come with an address', () => {
    assert.deepEqual(plan(['web', 'db=10.0.9.50']), [{ network: 'web' }, { network: 'db', address: '10.0.9.50' }]);
  });

  test('interfaces and namespaces are by network, and of several attachments to one network in order', () => {
    assert.deepEqual(plan(['web=10.0.9.4', 'db', 'web=10.0.9.5'], ['web=w0', 'db=d0', 'web=w1'], ['db=/run/netns/x']), [
      { network: 'web', address: '10.0.9.4', device: 'w0' },
      { network: 'db', device: 'd0', netns: '/run/netns/x' },
      { network: 'web', address: '10.0.9.5', device: 'w1' },
    ]);
  });

  test('a namespace without a network is that of all attachments but those that name one', () => {
    assert.deepEqual(plan(['web', 'db'], [], ['all', 'db=own']), [
      { network: 'web', netns: 'all' },
      { network: 'db', netns: 'own' },
    ]);
  });

  test('an interface without a network is for a single attachment', () => {
    assert.deepEqual(plan(['web'], ['eth1']), [{ network: 'web', device: 'eth1' }]);
    refuses(/with 2 attachments it takes NETWORK=eth1/, ['web', 'db'], ['eth1']);
    refuses(/with 0 attachments/, [], ['eth1']);
  });

  test('what contradicts itself is refused', () => {
    refuses(/given twice/, ['web', 'web']);
    refuses(/no --attach db/, ['web'], ['db=d0']);
    refuses(/no --attach db/, ['web'], [], ['db=x']);
    refuses(/more of them than attachments/, ['web'], ['web=a', 'web=b']);
    refuses(/give it once/, ['web'], [], ['a', 'b']);
    refuses(/needs --attach/, [], [], ['a']);
    refuses(/names no namespace/, ['web'], [], ['web=']);
    refuses(/interface name/, ['web'], ['web=a b']);
    refuses(/names no network/, ['']);
    refuses(/IPv4 address/, ['web=fd00::1']);
    refuses(/IPv4 address/, ['web=']);
  });
});
