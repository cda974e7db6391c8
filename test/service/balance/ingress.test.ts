/** Published ports against recordings of Docker's ingress sandboxes and of the host's DNAT: every frame, byte for byte. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  BalanceDrop,
  LoadBalancer,
  type LoadBalancerOptions,
  type ServiceOptions,
} from '../../../src/service/index.js';
import { ACK, answerTo, frameOf, LOCAL, SYN, through } from './frames.js';
import { pairsOf, put } from './recording.js';

/** Frames of both directions in the order of the clients' interface. */
function pairsOfBoth(forward: string, reply: string): readonly (readonly [string, string])[] {
  const numbered = [
    ...pairsOf('nat-ingress', forward).map((pair) => ({ at: pair.before_packet, pair })),
    ...pairsOf('nat-ingress', reply).map((pair) => ({ at: pair.after_packet, pair })),
  ];
  return numbered.sort((a, b) => a.at - b.at).map(({ pair }) => [pair.before_hex, pair.after_hex]);
}

/** Translates all frames, and returns their number. */
function replay(balancer: LoadBalancer, pairs: readonly (readonly [string, string])[]): number {
  pairs.forEach(([before, after], i) => {
    assert.deepEqual(put(balancer, Buffer.from(before, 'hex'), 1 + i / 100), [after], `frame ${i}`);
  });
  return pairs.length;
}

const PUBLISHED = [{ protocol: 'tcp', port: 8080 }] as const;

function ingress(address: string, tasks: readonly string[]): LoadBalancer {
  const balancer = new LoadBalancer({ back: { address }, front: { address: '172.18.0.2' } });
  const web = balancer.addService({ name: 'my-web', vip: '10.0.0.4', published: PUBLISHED });
  for (const task of tasks) balancer.addBackend(web, { address: task });
  return balancer;
}

/** The host's DNAT from its own address to the ingress sandbox. */
function host(options: Partial<LoadBalancerOptions> = {}, service: Partial<ServiceOptions> = {}): LoadBalancer {
  const balancer = new LoadBalancer({
    back: { address: '172.18.0.1', mac: '02:42:2f:f0:39:48' },
    front: { address: '192.168.50.1', mac: '02:00:00:00:50:01' },
    ...options,
  });
  const id = balancer.addService({ name: 'ingress', published: PUBLISHED, forwarding: 'destination', ...service });
  balancer.addBackend(id, { address: '172.18.0.2' });
  return balancer;
}

describe('the ingress mesh', () => {
  test("106 frames cross node 1's sandbox as recorded, 11 of them with partial checksums", () => {
    const balancer = ingress('10.0.0.2', ['10.0.0.6', '10.0.0.7', '10.0.0.5']);
    const pairs = pairsOfBoth('ingress-sbox-forward-node1', 'ingress-sbox-reply-node1');
    assert.equal(replay(balancer, pairs), 106);
    assert.equal(balancer.counts()[0].opened, 5);
  });

  test("164 frames cross node 2's sandbox as recorded", () => {
    const balancer = ingress('10.0.0.3', ['10.0.0.7', '10.0.0.5', '10.0.0.6']);
    assert.equal(replay(balancer, pairsOfBoth('ingress-sbox-forward-node2', 'ingress-sbox-reply-node2')), 164);
  });

  test("84 frames cross the host's DNAT as recorded, with the client's address", () => {
    assert.equal(replay(host(), pairsOfBoth('host-dnat-forward-node1', 'host-dnat-reply-node1')), 84);
  });

  test('a port that is not published is reset', () => {
    const [[syn]] = pairsOfBoth('host-dnat-forward-node1', 'host-dnat-reply-node1');
    const [reset] = put(
      host({}, { published: [{ protocol: 'udp', port: 8080 }] }),
      Buffer.from(syn, 'hex'),
      1,
    ) as string[];
    // Its flags are RST and ACK.
    assert.equal(reset.slice(94, 96), '14');
  });

  test('a frame to another MAC is ignored', () => {
    const [[syn]] = pairsOfBoth('host-dnat-forward-node1', 'host-dnat-reply-node1');
    const frame = Buffer.from(syn, 'hex');
    frame[5] ^= 1;
    assert.equal(put(host(), frame, 1), BalanceDrop.OtherHost);
  });

  for (const [protocol, number, lasting, gone] of [
    ['tcp', 6, 432_000, 432_001],
    ['udp', 17, 30, 31],
  ] as const) {
    test(`a connection that only conntrack translates lasts ${lasting} s (${protocol})`, () => {
      const balancer = new LoadBalancer({ back: { address: '10.0.9.7' } });
      const published = [{ protocol, port: 80 }] as const;
      const id = balancer.addService({ name: 'web', published, forwarding: 'destination' });
      balancer.addBackend(id, { address: '10.0.9.100' });
      const packet = { to: LOCAL, protocol: number };
      const arrived = through(balancer, frameOf(packet));
      if (protocol === 'tcp') {
        // The backend answers the client's address, by way of the balancer.
        const answer = answerTo(arrived, SYN | ACK);
        answer.set([2, 0x42, ...LOCAL]);
        through(balancer, answer);
        through(balancer, frameOf({ ...packet, flags: ACK }));
      }
      balancer.expire(lasting - 1);
      assert.equal(balancer.connections(lasting - 1).length, 1);
      assert.equal(balancer.connections(gone).length, 0);
    });
  }

  test('a host-mode port leads to the task on its target port, and back', () => {
    const balancer = new LoadBalancer({ back: { address: '172.18.0.1' }, front: { address: '192.168.50.1' } });
    const id = balancer.addService({
      name: 'web',
      published: [{ protocol: 'tcp', port: 8080 }],
      forwarding: 'destination',
    });
    balancer.addBackend(id, { address: '172.18.0.8', port: 80 });
    const [[syn]] = pairsOfBoth('host-dnat-forward-node1', 'host-dnat-reply-node1');
    const frame = Buffer.from(syn, 'hex');
    frame.set([0x02, 0x42, 192, 168, 50, 1]);
    const [there] = put(balancer, frame, 1) as string[];
    assert.equal(there.slice(60, 76), 'ac120008d21e0050');
  });
});
