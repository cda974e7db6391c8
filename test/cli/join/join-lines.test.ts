import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { EventLines } from '../../../src/cli/join/join-lines.js';
import { type AttachedNetwork, JoinError } from '../../../src/join/index.js';
import { LiveError } from '../../../src/live/index.js';
import type { JoinedVtepEvent } from '../../../src/swarm/index.js';

const NODE = {
  nodeId: 'i6us9lgqzvlp5yzodpcnsp6bb',
  clusterId: 'k3x9vq2mzt7wp5ylhrnu8gjs4',
  address: '192.168.50.2',
  vxlanPort: 4789,
  availability: 'active',
  certificateExpires: Date.UTC(2027, 0, 31),
} as const;

const WEB: AttachedNetwork = {
  request: { network: 'web' },
  taskId: 'task',
  reserved: false,
  networkId: 'net',
  networkName: 'web',
  subnets: [{ subnet: '10.0.9.0/24', gateway: '10.0.9.1', vni: 4097 }],
  vni: 4097,
  address: '10.0.9.4/24',
  mac: Uint8Array.of(2, 66, 10, 0, 9, 4),
  mtu: 1424,
  encrypted: true,
  internal: false,
  ingress: false,
  dsr: false,
  options: new Map(),
};

/** The texts of events, in one line each. */
function texts(...events: JoinedVtepEvent[]): string[] {
  const lines = new EventLines();
  return events.flatMap((event) => lines.of(event).map(({ text }) => text));
}

describe('lines of events', () => {
  test('name swarm and node once, and each change of availability', () => {
    assert.deepEqual(
      texts(
        { kind: 'node', node: NODE },
        { kind: 'node', node: { ...NODE, certificateExpires: 0 } },
        { kind: 'node', node: { ...NODE, availability: 'drain' } },
      ),
      [
        'joined swarm k3x9vq2mzt7wp5ylhrnu8gjs4 as node i6us9lgqzvlp5yzodpcnsp6bb',
        "the node's availability is drain now",
      ],
    );
  });

  test('an attachment has interface, address, MTU, VNI and whether it is encrypted', () => {
    assert.deepEqual(
      texts(
        { kind: 'attached', attachment: WEB, device: 'vt-web', netns: 'probe' },
        { kind: 'detached', attachment: WEB },
      ),
      ['attached web: vt-web in probe, 10.0.9.4/24, MTU 1424, VNI 4097, encrypted', 'detached web: 10.0.9.4/24'],
    );
  });

  test('keys are tags, with the one that sends', () => {
    const keys = (rotated: boolean, first: number): JoinedVtepEvent => {
      const ring = { tags: [first, first + 1, first + 2], transmit: first + 1 };
      return { kind: 'keys', rotated, gossip: ring, ipsec: undefined };
    };
    assert.deepEqual(texts(keys(false, 5), keys(true, 6)), [
      'keys received: gossip 5, 6 (sends), 7',
      'keys rotated: gossip 6, 7 (sends), 8',
    ]);
  });

  test('a problem has a cause and a remedy', () => {
    const refused = new JoinError('NETWORK_NOT_ATTACHABLE', 'network "web": not attachable');
    const privileges = new LiveError('NOT_PERMITTED', 'ESP needs raw sockets');
    const clock = new JoinError('CLOCK_SKEW', 'the clocks differ');
    const all = texts(
      { kind: 'attach-failed', request: WEB.request, error: refused },
      { kind: 'network-refused', attachment: WEB, error: privileges },
      { kind: 'warning', error: clock },
    );
    assert.deepEqual(
      all.filter((line) => !line.startsWith('  ')),
      ['network "web": not attachable', 'network "web": ESP needs raw sockets', 'warning: the clocks differ'],
    );
    assert.match(all[1], /--attachable/);
    assert.match(all.join('\n'), /CAP_NET_RAW/);
    assert.match(all.join('\n'), /NTP/);
  });

  test('a lost manager is reported with whether packets flow on', () => {
    const error = new JoinError('CONNECTION_TIMEOUT', '10.0.0.1:2377: no answer');
    const lost = { kind: 'state', state: 'connecting', manager: '10.0.0.1:2377', error } as const;
    const connected = { kind: 'state', state: 'connected', manager: '10.0.0.1:2377' } as const;
    assert.doesNotMatch(texts(lost).join('\n'), /packets flow on/);
    assert.match(texts(connected, lost).join('\n'), /packets flow on with what is known/);
  });

  test('the error that ends it is left to the command', () => {
    const error = new JoinError('REMOVED_FROM_SWARM', 'removed');
    assert.deepEqual(texts({ kind: 'state', state: 'ended', error }), []);
  });
});
