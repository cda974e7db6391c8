import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Aead, type AeadBatch, nodeBackend } from '../../../src/aead/index.js';
import { Oversize } from '../../../src/dataplane/index.js';
import { LiveNode } from '../../../src/live/index.js';
import { Arena } from '../../../src/memory/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { OverlayError, RingOutcome, type Topology } from '../../../src/overlay/index.js';
import {
  between,
  C1,
  C2,
  configText,
  fromHex,
  isNeighbour,
  recorded,
  RING,
  type Setup,
} from '../../dataplane/topology.js';
import { ListPort, MemoryUnderlay, MemoryWire } from '../memory-underlay.js';
import { refused } from '../refused.js';
import { BROADCAST, cipherOf, espOf, frame, pair, Running, settle } from '../running-node.js';

/** A cipher that knows which keys it holds. */
class CountingAead implements Aead {
  readonly name = 'counting';
  readonly held = new Set<number>();
  added = 0;
  readonly #aead = nodeBackend.create();

  addKey(key: Uint8Array): number {
    const id = this.#aead.addKey(key);
    this.held.add(id);
    this.added++;
    return id;
  }

  removeKey(id: number): void {
    this.held.delete(id);
    this.#aead.removeKey(id);
  }

  seal(batch: AeadBatch): void {
    this.#aead.seal(batch);
  }

  open(batch: AeadBatch): void {
    this.#aead.open(batch);
  }
}

/** An underlay that has no room for two nodes. */
class LimitedUnderlay extends MemoryUnderlay {
  override setNodes(vteps: readonly (Uint8Array | undefined)[]): void {
    if (vteps.length > 1) throw new RangeError('not so many nodes');
    super.setNodes(vteps);
  }
}

describe('a running node', () => {
  for (const encrypted of [false, true]) {
    test(`carries frames to the other node, ${encrypted ? 'encrypted' : 'clear'}, byte for byte, and counts them`, async () => {
      const [n1, n2] = pair({ encrypted });
      const frames = await recorded('vxlan/01-icmp.c1.pcap');
      const [there, back] = [between(frames, C1, C2), between(frames, C2, C1)].map((ways) =>
        // ARP is answered by the node itself.
        ways.filter((hex) => hex.length < 2800 && !isNeighbour(hex)),
      );
      n1.port('c1').outgoing.push(...there.map(fromHex));
      n2.port('c2').outgoing.push(...back.map(fromHex));
      settle(n1, n2);
      assert.deepEqual(n2.port('c2').given, there);
      assert.deepEqual(n1.port('c1').given, back);
      const { sealed, opened, noPort } = n1.node.counters;
      assert.deepEqual([sealed, opened, noPort], encrypted ? [there.length, back.length, 0] : [0, 0, 0]);
      n1.balanced();
      n2.balanced();
    });
  }

  test('delivers a broadcast to all endpoints of its network except the sender', () => {
    const endpoints = [
      'c3: { network: net, node: n1, mac: "02:42:0a:00:09:05" }',
      'd1: { network: other, node: n1, mac: "02:42:0a:00:0a:05" }',
    ];
    const [n1, n2] = pair({ flood: 'replicate', endpoints, networks: ['other: { vni: 5000, flood: replicate }'] });
    n1.port('c1').outgoing.push(frame(BROADCAST, C1));
    settle(n1, n2);
    assert.deepEqual(
      ['c1', 'c3', 'd1'].map((name) => n1.port(name).given.length),
      [0, 1, 0],
    );
    assert.equal(n2.port('c2').given.length, 1);
    n1.balanced();
    n2.balanced();
  });

  test('counts frames for an endpoint without a port, and keeps running', () => {
    const [n1, n2] = pair();
    n2.node.detach('c2');
    n2.node.detach('c2');
    assert.equal(n2.port('c2').closed, 1);
    n1.port('c1').outgoing.push(frame(C2, C1), frame(C2, C1));
    settle(n1, n2);
    assert.equal(n2.node.counters.noPort, 2);
    n2.attach('c2');
    n1.port('c1').outgoing.push(frame(C2, C1));
    settle(n1, n2);
    assert.equal(n2.port('c2').given.length, 1);
    n2.balanced();
  });

  test('reports the counters of each endpoint over all its ports, also of a removed endpoint', () => {
    const endpoints = ['c3: { network: net, node: n1, mac: "02:42:0a:00:09:05" }'];
    const [n1, n2] = pair({ endpoints });
    const send = (from: Running, count: number, to: string, by: string): void => {
      for (let i = 0; i < count; i++) from.port(by).outgoing.push(frame(to, by === 'c1' ? C1 : C2));
      settle(n1, n2);
    };
    send(n1, 3, C2, 'c1');
    const second = n1.attach('c1');
    send(n1, 2, C2, 'c1');
    send(n2, 4, C1, 'c2');
    assert.deepEqual(n1.node.endpointReports.get('c1'), {
      name: 'list',
      counters: { received: 5, sent: 4, refused: 0 },
    });
    // Another endpoint's port, which has counted already.
    n1.node.attach('c3', second);
    assert.deepEqual(n1.node.endpointReports.get('c3')?.counters, { received: 0, sent: 0, refused: 0 });
    n1.node.update(parseConfig(configText({ endpoints }).replace(/ {2}c1: .*\n/, '')));
    assert.equal(n1.node.ports.has('c1'), false);
    assert.deepEqual(n1.node.endpointReports.get('c1')?.counters, { received: 5, sent: 4, refused: 0 });
  });

  test('closes a port that is replaced, unless another endpoint still uses it', () => {
    const [n1] = pair({ endpoints: ['c3: { network: net, node: n1, mac: "02:42:0a:00:09:05" }'] });
    const first = n1.port('c1');
    const shared = n1.attach('c1');
    assert.equal(first.closed, 1);
    n1.node.attach('c3', shared);
    n1.node.attach('c1', shared);
    assert.equal(shared.closed, 0);
    n1.node.detach('c1');
    assert.equal(shared.closed, 0);
    n1.node.close();
    assert.equal(shared.closed, 1);
    assert.equal(n1.underlay.closed, 1);
    refused(() => n1.node.attach('c2', new ListPort()), 'BAD_NODE', /no endpoint c2/);
  });

  test('does not start without what its config requires', () => {
    const wire = new MemoryWire();
    const topology = (setup: Setup): Topology => parseConfig(configText(setup));
    const clear = new MemoryUnderlay(wire, Uint8Array.of(192, 168, 50, 1), false);
    const encrypted = topology({ encrypted: true });
    refused(() => new Running(encrypted, 'n1', wire, { underlay: clear }), 'NOT_PERMITTED', /ESP needs raw sockets/);
    const outside = { underlay: clear, oversize: Oversize.Outside };
    refused(() => new Running(topology({}), 'n1', wire, outside), 'NOT_PERMITTED', /outer fragments need raw sockets/);
    const keyless = { ...encrypted, ring: undefined };
    refused(() => new Running(keyless, 'n1', wire), 'BAD_NODE', /without keys/);
    assert.throws(() => new Running(topology({}), 'n9', wire), OverlayError);
  });

  test('checks its SAs once a second, and reports no event while nothing runs out', () => {
    let now = 0;
    const events: string[] = [];
    const [n1] = pair({ encrypted: true }, { clock: () => now, onSaEvent: ({ text }) => events.push(text) });
    for (let i = 0; i < 5; i++) {
      now += 0.9;
      n1.port('c1').outgoing.push(frame(C2, C1));
      settle(n1);
    }
    assert.notEqual(n1.node.sas?.secondsLeft(1), undefined);
    assert.deepEqual(events, []);
  });
});

describe('a node that switches to another config', () => {
  const more: Setup = {
    nodes: ['n3: { vtep: "192.168.50.3" }'],
    endpoints: ['c4: { network: net, node: n3, mac: "02:42:0a:00:09:06" }'],
  };

  test('serves added endpoints, closes the ports of removed ones, and its counters balance throughout', () => {
    const [n1, n2] = pair();
    n1.port('c1').outgoing.push(frame(C2, C1), frame(BROADCAST, C1), fromHex('00'));
    settle(n1, n2);
    const c3 = ['c3: { network: net, node: n1, mac: "02:42:0a:00:09:05" }'];
    assert.equal(n1.node.update(parseConfig(configText({ endpoints: c3 }))), undefined);
    assert.equal(n2.node.update(parseConfig(configText({ endpoints: c3 }))), undefined);
    const port = n1.attach('c3');
    n2.port('c2').outgoing.push(frame('02420a000905', C2));
    settle(n1, n2);
    assert.equal(port.given.length, 1);
    n1.node.update(parseConfig(configText()));
    assert.equal(port.closed, 1);
    assert.equal(n1.port('c1').closed, 0);
    n2.port('c2').outgoing.push(frame('02420a000905', C2), frame(C1, C2));
    settle(n1, n2);
    assert.equal(n1.port('c1').given.length, 1);
    const { egress, ingress } = n1.node.counters;
    assert.deepEqual([egress.in, ingress.in, ingress.out], [3, 3, 2]);
    const drops = [{ PKT_TOO_SMALL: 1, NO_TX_TARGET: 1 }, { NO_LOCAL_ENDPOINT: 1 }];
    assert.deepEqual([egress.drops.byName(), ingress.drops.byName()], drops);
    n1.balanced();
    n2.balanced();
  });

  test('keeps held fragments, and reassembles the packet when the rest arrives', () => {
    const wire = new MemoryWire();
    const topology = (more: Setup = {}): Topology => parseConfig(configText(more));
    const n1 = new Running(topology({ mtu: 1300 }), 'n1', wire, { oversize: Oversize.Outside });
    const n2 = new Running(topology(), 'n2', wire);
    const large = new Uint8Array(1400);
    large.set(frame(C2, C1));
    n1.port('c1').outgoing.push(large);
    settle(n1);
    const waiting = wire.waiting.get('192.168.50.2') ?? [];
    assert.equal(waiting.length, 2);
    const [rest] = waiting.splice(1);
    settle(n2);
    for (let i = 0; i < 3; i++) {
      n2.node.update(topology({ ...more, mtu: 1400 + i }));
      const { ingress } = n2.node.counters;
      assert.deepEqual([ingress.held, ingress.drops.total], [1, 0]);
      n2.balanced();
    }
    wire.waiting.set('192.168.50.2', [rest]);
    settle(n2);
    assert.deepEqual([n2.node.counters.ingress.held, n2.port('c2').given.length], [0, 1]);
    n2.balanced();
  });

  test('continues the sequence numbers of its SAs when the order of nodes changes', () => {
    for (const profile of ['swarm', 'strict'] as const) {
      const setup = { encrypted: true, profile };
      const [n1, n2, wire] = pair(setup);
      const send = (count: number): number[] => {
        wire.sent.length = 0;
        for (let i = 0; i < count; i++) n1.port('c1').outgoing.push(frame(C2, C1));
        settle(n1, n2);
        return wire.sent.map(({ bytes }) => espOf(bytes).sequence);
      };
      assert.deepEqual(send(3), [1, 2, 3]);
      const spi = espOf(wire.sent[0].bytes).spi;
      const reordered = (): Topology => {
        const text = configText({ ...setup, ...more });
        const lines = text.split('\n');
        const [first, second, third] = ['  n1:', '  n2:', '  n3:'].map((start) =>
          lines.findIndex((line) => line.startsWith(start)),
        );
        [lines[first], lines[second], lines[third]] = [lines[third], lines[first], lines[second]];
        return parseConfig(lines.join('\n'));
      };
      for (const node of [n1, n2]) assert.equal(node.node.update(reordered()), RingOutcome.Same);
      assert.deepEqual(send(2), [4, 5]);
      assert.equal(espOf(wire.sent[0].bytes).spi, spi);
      assert.equal(wire.sent[0].to, '192.168.50.2');
      for (const node of [n1, n2]) node.node.update(parseConfig(configText(setup)));
      assert.deepEqual(send(1), [6]);
      assert.equal(n2.port('c2').given.length, 6);
      assert.equal(n2.node.counters.ingress.drops.total, 0);
      assert.equal(n1.node.sas?.counts(2).tx, 0);
      n1.balanced();
      n2.balanced();
    }
  });

  const ringOf = (...tags: readonly number[]): string =>
    `keys:\n${tags.map((tag) => `  - { tag: ${tag}, key: "${String(tag).padStart(2, '0').repeat(15)}ff" }\n`).join('')}`;
  const encryptedWith = (ring: string): Topology => parseConfig(configText({ encrypted: true }).replace(RING, ring));

  test('adopts a newer ring, and ignores an older one', () => {
    const wire = new MemoryWire();
    const n1 = new Running(encryptedWith(ringOf(1, 2, 3)), 'n1', wire);
    assert.equal(n1.node.update(encryptedWith(ringOf(2, 3, 4))), RingOutcome.Accepted);
    assert.deepEqual(n1.node.sas?.tags, [2, 3, 4]);
    assert.equal(n1.node.update(encryptedWith(ringOf(1, 2, 3))), RingOutcome.Stale);
    assert.deepEqual(n1.node.sas.tags, [2, 3, 4]);
    assert.equal(n1.node.update(encryptedWith(ringOf(2, 3, 4))), RingOutcome.Same);
    assert.deepEqual(n1.node.sas.counts(1), { rx: 3, tx: 1 });
  });

  test('changes nothing if the config requires a restart or lacks its keys', () => {
    const [n1, n2, wire] = pair({ encrypted: true });
    n1.port('c1').outgoing.push(frame(C2, C1));
    settle(n1, n2);
    const { topology, forwardingEntries } = n1.node;
    const text = configText({ encrypted: true });
    const cases: readonly (readonly [Topology, RegExp])[] = [
      [parseConfig(text.replaceAll('n1', 'n9')), /^the new topology has no node n1$/],
      [
        parseConfig(text.replace('192.168.50.1', '192.168.50.7')),
        /^the node's VTEP address changed, which requires a restart$/,
      ],
      [parseConfig(`port: 4790\n${text}`), /^the UDP port changed/],
      [parseConfig(text.replace('profile: swarm', 'profile: strict')), /^the profile changed/],
      [{ ...parseConfig(text), ring: undefined }, /the node was started without keys or has none now/],
    ];
    for (const [topologyAfter, message] of cases) {
      refused(() => n1.node.update(topologyAfter), 'BAD_NODE', message);
      assert.equal(n1.node.topology, topology);
      assert.equal(n1.node.forwardingEntries, forwardingEntries);
    }
    wire.sent.length = 0;
    n1.port('c1').outgoing.push(frame(C2, C1));
    settle(n1, n2);
    assert.equal(espOf(wire.sent[0].bytes).sequence, 2);
    assert.equal(n2.port('c2').given.length, 2);
    n1.balanced();
  });

  describe('refuses to send encrypted traffic in cleartext', () => {
    const other = ['other: { vni: 5000 }'];
    const setup: Setup = { encrypted: true, networks: other };
    const text = configText(setup);
    const keepsSealing = (content: string, message: RegExp, first = text): void => {
      const wire = new MemoryWire();
      const [n1, n2] = ['n1', 'n2'].map((name) => new Running(parseConfig(text), name, wire));
      if (first !== text) for (const { node } of [n1, n2]) node.update(parseConfig(first));
      const { topology } = n1.node;
      refused(() => n1.node.update(parseConfig(content)), 'BAD_NODE', message);
      assert.equal(n1.node.topology, topology);
      if (first !== text) return;
      n1.port('c1').outgoing.push(frame(C2, C1));
      settle(n1, n2);
      assert.deepEqual([n1.node.counters.sealed, n2.port('c2').given.length], [1, 1]);
      n1.balanced();
    };
    const clear = configText({ networks: other });

    test('if the line `encrypted: true` is missing: it keeps encrypting', () => {
      keepsSealing(
        text.replace(', encrypted: true', ''),
        /^the network net \(VNI 4097\) was encrypted and would become clear; this requires a restart$/,
      );
      keepsSealing(clear, /^the network net \(VNI 4097\) was encrypted/);
    });

    test('if the VNI has another network name, or the name another VNI', () => {
      keepsSealing(clear.replaceAll(/\bnet\b/g, 'new'), /^the network new \(VNI 4097\) was encrypted/);
      keepsSealing(clear.replace('vni: 4097', 'vni: 409'), /^the network net \(VNI 409\) was encrypted/);
    });

    test('if an endpoint would move to a clear network', () => {
      keepsSealing(
        text.replaceAll('network: net,', 'network: other,'),
        /^the endpoint c1 would move from an encrypted network to other \(VNI 5000\), which is clear; this requires a restart$/,
      );
    });

    test('even if a config in between lacked the network', () => {
      const without = configText({ networks: other })
        .replace(/ {2}net: .*\n/, '')
        .replaceAll(/ {2}c\d: .*\n/g, '');
      keepsSealing(clear, /^the network net \(VNI 4097\) was encrypted/, `${without} {}\n`);
    });

    test('if the config is truncated at any byte: it is refused, or still encrypts', () => {
      const whole = `nodes:
  n1:
    vtep: 192.168.50.1
  n2:
    vtep: 192.168.50.2
${RING}networks:
  web:
    vni: 5
  web-safe:
    encrypted: true
    vni: 40971
  late:
    vni: 4097
    encrypted: true
endpoints:
  c1:
    node: n1
    mac: "02:42:0a:00:09:03"
    network: web-safe
`;
      let taken = 0;
      let kept = 0;
      for (let length = 0; length <= whole.length; length++) {
        let torn: Topology;
        try {
          torn = parseConfig(whole.slice(0, length));
        } catch {
          continue;
        }
        const n1 = new Running(parseConfig(whole), 'n1', new MemoryWire());
        try {
          n1.node.update(torn);
          taken++;
        } catch {
          kept++;
        }
        const { networks, endpoints } = n1.node.topology;
        for (const { vni, encrypted } of networks)
          assert.equal(encrypted, vni !== 5, `VNI ${vni} after ${length} bytes`);
        for (const { network } of endpoints) assert.equal(networks[network].name, 'web-safe', `after ${length} bytes`);
      }
      assert.ok(taken > 0 && kept > 5, `${taken} taken, ${kept} refused`);
    });

    test('with a message that shows no name that may be a misplaced key', () => {
      const key = '000102030405060708090a0b0c0d0e0f';
      keepsSealing(clear.replaceAll(/\bnet\b/g, `"${key}"`), /^the network \[hidden\] \(VNI 4097\) was encrypted/);
    });

    test('but accepts a config that drops a network, encrypts more, or moves endpoints that were clear', () => {
      const wire = new MemoryWire();
      const n1 = new Running(parseConfig(text), 'n1', wire);
      n1.node.update(parseConfig(text.replace('vni: 5000', 'vni: 5000, encrypted: true')));
      refused(() => n1.node.update(parseConfig(text)), 'BAD_NODE', /^the network other \(VNI 5000\) was encrypted/);
      n1.node.update(parseConfig(configText({ encrypted: true })));
      const [c1] = pair({ networks: other });
      assert.equal(c1.node.update(parseConfig(clear.replaceAll('network: net,', 'network: other,'))), undefined);
    });
  });

  test('creates the SAs of many nodes a few at a time, while packets flow', () => {
    const [n1, n2] = pair({ encrypted: true });
    const count = 400;
    const nodes = Array.from({ length: count }, (_, i) => `m${i}: { vtep: "192.168.${60 + (i >> 8)}.${i & 255}" }`);
    n1.node.update(parseConfig(configText({ encrypted: true, nodes })));
    const made = (): number => {
      const counts = Array.from({ length: count }, (_, i) => n1.node.sas?.counts(2 + i));
      return counts.filter((one) => one?.rx === 3 && one.tx === 1).length;
    };
    assert.ok(made() > 0 && made() < count, `${made()} made at once`);
    let turns = 0;
    for (; made() < count && turns < 100; turns++) {
      const before = made();
      n1.port('c1').outgoing.push(frame(C2, C1));
      assert.equal(n1.node.turn(0), true);
      n2.node.turn(0);
      assert.equal(n2.port('c2').given.length, turns + 1);
      assert.ok(made() - before < 40, `${made() - before} in a turn`);
    }
    assert.ok(turns > 10, `${turns} turns`);
    settle(n1, n2);
    assert.equal(made(), count);
    n1.balanced();
  });

  test('leaves no key in its cipher if it fails to start', () => {
    const wire = new MemoryWire();
    const aead = new CountingAead();
    const cipher = { ...cipherOf(), aead };
    const topology = (): Topology => parseConfig(configText({ encrypted: true }));
    assert.throws(() => {
      const underlay = new LimitedUnderlay(wire, Uint8Array.of(192, 168, 50, 1));
      const arena = new Arena({ slots: 16, frameBytes: 2000 });
      return new LiveNode({ topology: topology(), node: 'n1', underlay, arena, cipher, clock: () => 0 });
    }, /so many nodes/);
    assert.deepEqual([aead.added, aead.held.size], [4, 0]);
    const begun = new Running(topology(), 'n1', wire, { cipher });
    assert.equal(aead.held.size, 4);
    begun.node.close();
    assert.equal(aead.held.size, 0);
  });

  test('changes nothing if the ring of the new config was wiped', () => {
    const [n1, n2] = pair({ encrypted: true });
    const moved = parseConfig(configText({ encrypted: true, ...more }).replaceAll('tag: ', 'tag: 1'));
    moved.ring?.wipe();
    assert.throws(() => n1.node.update(moved), OverlayError);
    assert.deepEqual(
      [n1.node.sas?.counts(1), n1.node.sas?.counts(2)],
      [
        { rx: 3, tx: 1 },
        { rx: 0, tx: 0 },
      ],
    );
    n1.port('c1').outgoing.push(frame(C2, C1));
    settle(n1, n2);
    assert.equal(n2.port('c2').given.length, 1);
  });

  test('continues the identifications of outer packets, so that fragments from before and after don’t mix', () => {
    const random = (bytes: Uint8Array): void => void bytes.fill(0x77);
    const [n1, n2, wire] = pair({}, { random });
    const idOf = (): number => {
      wire.sent.length = 0;
      n1.port('c1').outgoing.push(frame(C2, C1));
      settle(n1, n2);
      const { bytes } = wire.sent[0];
      return (bytes[4] << 8) | bytes[5];
    };
    assert.deepEqual([idOf(), idOf()], [0x7777, 0x7778]);
    n1.node.update(parseConfig(configText()));
    assert.equal(idOf(), 0x7779);
  });

  test('over a UDP socket, packets that need outer fragments are sent whole: the kernel fragments them', () => {
    const wire = new MemoryWire();
    const topology = parseConfig(configText({ inner: 6, mtu: 1280 }));
    for (const [carriesEsp, packets] of [
      [true, 2],
      [false, 1],
    ] as const) {
      const underlay = new MemoryUnderlay(wire, topology.nodes[0].vtep, carriesEsp);
      const n1 = new Running(topology, 'n1', wire, { underlay });
      wire.sent.length = 0;
      const large = new Uint8Array(14 + 1280);
      large.set(fromHex(`${C2}${C1}86dd6000000004d8fd40`));
      large.fill(0x11, 22, 54);
      n1.port('c1').outgoing.push(large);
      settle(n1);
      assert.deepEqual([wire.sent.length, n1.node.counters.egress.drops.total], [packets, 0]);
    }
  });

  test('gives its interfaces the smallest path MTU', () => {
    const wire = new MemoryWire();
    const n1 = new Running(parseConfig(configText({ mtu: 1500 })), 'n1', wire);
    assert.equal(n1.node.mtuOf(0), 1450);
    n1.node.update(parseConfig(configText({ mtu: 1400 })));
    assert.equal(n1.node.mtuOf(0), 1350);
    const six = parseConfig(
      'nodes: { n1: { vtep: 10.0.0.1, mtu: 1300 }, n2: { vtep: 10.0.0.2 } }\n' +
        'networks: { a: { vni: 1, subnet: "fd00:9::/64" }, b: { vni: 2, subnet: 10.0.9.0/24 }, ' +
        'c: { vni: 3, subnet: "fd00:8::/64", mtu: 600 } }',
    );
    const n6 = new Running(six, 'n1', wire);
    assert.deepEqual([n6.node.mtuOf(0), n6.node.mtuOf(1), n6.node.mtuOf(2)], [1280, 1250, 600]);
    const alone = parseConfig('nodes: { n1: { vtep: 10.0.0.1 } }\nnetworks: { net: { vni: 1 } }');
    assert.equal(new Running(alone, 'n1', wire).node.mtuOf(0), 1450);
  });
});
