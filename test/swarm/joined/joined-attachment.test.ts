import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AttachedNetwork } from '../../../src/join/index.js';
import { AttachmentInterfaces } from '../../../src/swarm/joined/joined-attachment.js';

function attached(network: string, networkName: string, address?: string): AttachedNetwork {
  const request = { network, ...(address === undefined ? {} : { address }) };
  return { request, networkName } as unknown as AttachedNetwork;
}

describe('interfaces of attachments', () => {
  test('are named after the network, within 15 characters, without characters that an interface name may not have', () => {
    const interfaces = new AttachmentInterfaces([]);
    assert.equal(interfaces.of(attached('web', 'web')).device, 'vt-web');
    assert.equal(interfaces.of(attached('long', 'a-network-with-a-name')).device, 'vt-a-network-wi');
    assert.equal(interfaces.of(attached('odd', 'a b/é')).device, 'vt-a-b--');
  });

  test('of one namespace never have the same name, and keep theirs', () => {
    const requests = [
      { network: 'x', device: 'vt-web' },
      { network: 'web', netns: 'other' },
    ];
    const interfaces = new AttachmentInterfaces(requests);
    assert.deepEqual(interfaces.of(attached('web', 'web')), { device: 'vt-web', netns: 'other' });
    assert.deepEqual(interfaces.of(attached('web', 'web', '10.0.9.4')), { device: 'vt-web1', netns: undefined });
    assert.deepEqual(interfaces.of(attached('web', 'web', '10.0.9.5')), { device: 'vt-web2', netns: undefined });
    assert.deepEqual(interfaces.of(attached('web', 'web', '10.0.9.4')), { device: 'vt-web1', netns: undefined });
    assert.deepEqual(interfaces.of(attached('x', 'x')), { device: 'vt-web', netns: undefined });
  });
});
