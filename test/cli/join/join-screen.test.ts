import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { joinLines, type JoinView } from '../../../src/cli/join/join-screen.js';
import { bareText } from '../../../src/cli/style.js';
import type { StatusSection } from '../../../src/live/index.js';

const SWARM = {
  name: 'probe-1',
  nodeId: 'i6us9lgqzvlp5yzodpcnsp6bb',
  clusterId: 'k3x9vq2mzt7wp5ylhrnu8gjs4',
  state: 'connected',
  manager: '192.168.50.1:2377',
  managers: ['192.168.50.1:2377', '192.168.50.3:2377'],
  problem: null,
  address: '192.168.50.2',
  availability: 'active',
  heartbeatAge: 2,
  certificateSecondsLeft: 89 * 86_400,
  keyRotations: 1,
  rejectedServices: 0,
};

const WEB = {
  network: 'web',
  state: 'attached',
  problem: null,
  address: '10.0.9.4/24',
  interface: 'vt-web',
  netns: 'probe',
  vni: 4097,
  mtu: 1424,
  encrypted: true,
  balancer: '10.0.9.5/24',
};

const PEER = { name: '0a1b2c3d4e5f', address: '192.168.50.1', state: 'alive', seconds: 75, endpoints: 12 };

function section(facts: object, rows: object[] = []): () => StatusSection {
  return () => ({ facts: facts as Record<string, unknown>, rows });
}

function view(change: Partial<typeof SWARM> = {}, peers = 1): JoinView {
  const keys = (['gossip', 'ipsec'] as const).flatMap((use) =>
    [5, 6, 7].map((tag) => ({ use, tag, transmit: tag === 6, age: 30 })),
  );
  return {
    sections: new Map([
      ['swarm', section({ ...SWARM, ...change })],
      ['attachments', section({}, [WEB])],
      [
        'peers',
        section(
          {},
          Array.from({ length: peers }, () => PEER),
        ),
      ],
      [
        'gossip',
        section({ running: true, name: 'ab12', members: 2, health: 0, packetsReceived: 12_345, packetsSent: 9 }),
      ],
      ['keys', section({}, keys)],
    ]),
    log: [{ time: Date.UTC(2026, 10, 21, 12, 0, 5), line: 'registered with 192.168.50.1:2377' }],
    seconds: 61.5,
    keys: true,
  };
}

function shown(state: JoinView, rows = 40, columns = 80): string[] {
  return joinLines(state, { rows, columns }).map(bareText);
}

describe('the screen of vtep join', () => {
  test('has node, swarm, manager, certificate, attachments, peers, keys and what happened', () => {
    const text = shown(view()).join('\n');
    for (const wanted of [
      /node i6us9lgqzvlp5yzodpcnsp6bb \(probe-1\), active/,
      /swarm k3x9vq2mzt7wp5ylhrnu8gjs4/,
      /manager 192\.168\.50\.1:2377 \(of 2\): connected, heartbeat 2\.00 s ago/,
      /certificate valid for 89 d/,
      /gossip ab12: 2 alive, well; packets 12\.3k in, 9 out, 0 dropped/,
      /web +10\.0\.9\.4\/24 .*4097 +1424 +yes +attached/,
      /0a1b2c3d4e5f +192\.168\.50\.1 +alive/,
      /ipsec +6, 30\.0 s +5, 30\.0 s; 7, 30\.0 s/,
      /12:00:05 +registered with/,
    ]) {
      assert.match(text, wanted);
    }
  });

  test('fits 80 columns and 24 lines', () => {
    const lines = shown(view({}, 50), 24);
    assert.equal(lines.length, 24);
    for (const line of lines) assert.ok(line.length <= 80, line);
    for (const title of ['Attachments', 'Peers', 'Keys', 'Log']) {
      assert.ok(
        lines.some((line) => line.startsWith(title)),
        lines.join('\n'),
      );
    }
  });

  test('shows why there is no manager, and that packets flow on', () => {
    const lost = { state: 'connecting', problem: 'CONNECTION_TIMEOUT', heartbeatAge: null } as unknown as typeof SWARM;
    assert.match(shown(view(lost)).join('\n'), /manager: connecting \(CONNECTION_TIMEOUT\), of 2; packets flow on/);
  });
});
