/** The ports that a record gives a task. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type PublishedPort, PublishMode, type RecordService } from '../../../src/overlay/index.js';
import { ingressPortsOf, TaskPorts } from '../../../src/service/index.js';

function serviceWith(...ports: readonly Partial<PublishedPort>[]): RecordService {
  const given = { protocol: 'tcp', published: 8080, target: 80, mode: PublishMode.Ingress } as const;
  return { id: 'web', name: 'my-web', ports: ports.map((port) => ({ ...given, ...port })) };
}

describe('the ports of a record', () => {
  test('are those in ingress mode, of each protocol', () => {
    const service = serviceWith(
      {},
      { protocol: 'udp' },
      { published: 9090, mode: PublishMode.Host },
      { published: 81 },
    );
    assert.deepEqual(ingressPortsOf(service), [
      { protocol: 'tcp', published: 8080, target: 80 },
      { protocol: 'udp', published: 8080, target: 80 },
      { protocol: 'tcp', published: 81, target: 80 },
    ]);
    assert.deepEqual([ingressPortsOf(undefined), ingressPortsOf({ id: 'web', name: 'my-web' })], [[], []]);
  });

  test('are valid, whatever the record says', () => {
    const service = serviceWith(
      { published: 0 },
      { published: -1 },
      { published: 1.5 },
      { published: Number.NaN },
      { published: 65_536 },
      { target: 0 },
      { protocol: 'constructor' as 'tcp' },
      { target: 90 },
      // Contradicts the one before.
      { target: 91 },
      { target: 90 },
    );
    const ports = ingressPortsOf(service);
    assert.deepEqual(ports, [{ protocol: 'tcp', published: 8080, target: 90 }]);
    assert.doesNotThrow(() => new TaskPorts({ address: '10.0.0.5', ports }));
  });
});
