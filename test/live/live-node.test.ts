import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import { DropReason, Oversize } from '../../src/dataplane/index.js';
import { LiveNode, type LiveNodeOptions, type NodeCipher } from '../../src/live/index.js';
import type { DirectionCounters } from '../../src/live/node-chains.js';
import { Arena } from '../../src/memory/index.js';
import { parseConfig } from '../../src/overlay/files.js';
import { OverlayError, RingOutcome, type Topology } from '../../src/overlay/index.js';
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
} from '../dataplane/topology.js';
import { ListPort, MemoryUnderlay, MemoryWire } from './memory-underlay.js';
import { refused } from './refused.js';

const BROADCAST = 'f'.repeat(12);

function cipherOf(): NodeCipher {
  let calls = 0;
  const random = (bytes: Uint8Array): void => void bytes.fill(++calls);
  return { aead: nodeBackend.create(), hkdf: hkdfSha256, random };
}

/** A node with endpoints that are lists. */
class Running {
  readonly arena = new Arena({ slots: 1024, frameBytes: 4000, debug: true });
  readonly underlay: MemoryUnderlay;
  readonly node: LiveNode;
  readonly ports = new Map<string, ListPort>();

  constructor(topology: Topology, name: string, wire: MemoryWire, options: Partial<LiveNodeOptions> = {}) {
    const place = topology.nodes.find((node) => node.name === name);
    this.underlay = new MemoryUnderlay(wire, place?.vtep ?? new Uint8Array(4));
    const { underlay, arena } = this;
    const cipher = cipherOf();
    this.node = new LiveNode({ topology, node: name, underlay, arena, cipher, clock: () => 0, ...options });
    const own = topology.nodes.findIndex((node) => node.name === name);
    for (const endpoint of topology.endpoints) if (endpoint.node === own) this.attach(endpoint.name);
  }

  attach(endpoint: string): ListPort {
    const port = new ListPort();
    this.ports.set(endpoint, port);
    this.node.attach(endpoint, port);
    return port;
  }

  port(endpoint: string): ListPort {
    const port = this.ports.get(endpoint);
    assert.ok(port);
    return port;
  }

  /** Nothing is lost in silence, and every slot is free again. */
  balanced(): void {
    const { egress, ingress } = this.node.counters;
    for (const [way, { in: came, made, out, held, drops }] of Object.entries<DirectionCounters>({ egress, ingress })) {
      assert.equal(came + made, out + held + drops.total, way);
    }
    assert.equal(ingress.in, this.underlay.counters.received);
    assert.deepEqual(this.arena.holders(), []);
  }
}

/** Lets all nodes do what there is to do. */
function settle(...nodes: readonly Running[]): void {
  while (nodes.map(({ node }) => node.turn(0)).some((any) => any));
}

function pair(setup: Setup = {}, options: Partial<LiveNodeOptions> = {}): [Running, Running, MemoryWire] {
  const wire = new MemoryWire();
  const topology = (): Topology => parseConfig(configText(setup));
  return [new Running(topology(), 'n1', wire, options), new Running(topology(), 'n2', wire, options), wire];
}

function frame(destination: string, source: string, filler = 'ab'): Uint8Array {
  return fromHex(`${destination}${source}88b5`.padEnd(120, filler));
}

/** The sequence number and SPI of a sealed IPv4 packet. */
function espOf(packet: Uint8Array): { readonly spi: number; readonly sequence: number } {
  const view = new DataView(packet.buffer, packet.byteOffset);
  return { spi: view.getUint32(34), sequence: view.getUint32(38) };
}

describe('a node that runs', () => {
  for (const encrypted of [false, true]) {
    test(`takes frames to the other, ${encrypted ? 'sealed' : 'clear'}, byte for byte, and counts them`, async () => {
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

  test('hands a broadcast to all endpoints of its network but the one that sent it', () => {
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

  test('counts frames for an endpoint without a port, and goes on', () => {
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

  test('closes a port that another takes the place of, and none that endpoints have still', () => {
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

  test('does not begin without what its config needs', () => {
    const wire = new MemoryWire();
    const topology = (setup: Setup): Topology => parseConfig(configText(setup));
    const clear = new MemoryUnderlay(wire, Uint8Array.of(192, 168, 50, 1), false);
    const encrypted = topology({ encrypted: true });
    refused(() => new Running(encrypted, 'n1', wire, { underlay: clear }), 'NOT_PERMITTED', /ESP needs raw sockets/);
    const outside = { underlay: clear, oversize: Oversize.Outside };
    refused(() => new Running(topology({}), 'n1', wire, outside), 'NOT_PERMITTED', /outer fragments need raw sockets/);
    const keyless = { ...encrypted, ring: undefined };
    refused(() => new Running(keyless, 'n1', wire), 'BAD_NODE', /no keys/);
    assert.throws(() => new Running(topology({}), 'n9', wire), OverlayError);
  });

  test('looks at its SAs once a second, and tells what runs out', () => {
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

describe('a node that takes another config over', () => {
  const more: Setup = {
    nodes: ['n3: { vtep: "192.168.50.3" }'],
    endpoints: ['c4: { network: net, node: n3, mac: "02:42:0a:00:09:06" }'],
  };

  test('serves endpoints that come, closes the ports of those that go, and its sums add up over all', () => {
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
    assert.deepEqual([egress.drops.byName(), ingress.drops.byName()], [{ PKT_TOO_SMALL: 1 }, { NO_LOCAL_ENDPOINT: 1 }]);
    n1.balanced();
    n2.balanced();
  });

  test('counts fragments that it held as dropped, once', () => {
    const wire = new MemoryWire();
    const node = new Running(parseConfig(configText()), 'n1', wire);
    const fragment = fromHex(
      '02000000500102000000500208004500002c00012000' + '4011' + '0000' + 'c0a83202c0a83201',
    ).slice();
    const packet = new Uint8Array(14 + 44);
    packet.set(fragment);
    let sum = 0;
    for (let i = 14; i < 34; i += 2) sum += (packet[i] << 8) | packet[i + 1];
    sum = (sum & 0xffff) + (sum >>> 16);
    packet[24] = (~sum >>> 8) & 255;
    packet[25] = ~sum & 255;
    wire.waiting.set('192.168.50.1', [packet]);
    settle(node);
    assert.equal(node.node.counters.ingress.held, 1);
    node.balanced();
    for (let i = 0; i < 3; i++) {
      node.node.update(parseConfig(configText()));
      const { ingress } = node.node.counters;
      assert.deepEqual([ingress.held, ingress.drops.counts[DropReason.FragmentEvicted]], [0, 1]);
      node.balanced();
    }
  });

  test('lets SAs go on with their sequence numbers where nodes change their places', () => {
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
    `keys:\n${tags.map((tag) => `  - { tag: ${tag}, key: "${String(tag).padStart(2, '0').repeat(16)}" }\n`).join('')}`;
  const encryptedWith = (ring: string): Topology => parseConfig(configText({ encrypted: true }).replace(RING, ring));

  test('takes a newer ring over, and holds on to its own against an older one', () => {
    const wire = new MemoryWire();
    const n1 = new Running(encryptedWith(ringOf(1, 2, 3)), 'n1', wire);
    assert.equal(n1.node.update(encryptedWith(ringOf(2, 3, 4))), RingOutcome.Taken);
    assert.deepEqual(n1.node.sas?.tags, [2, 3, 4]);
    assert.equal(n1.node.update(encryptedWith(ringOf(1, 2, 3))), RingOutcome.Stale);
    assert.deepEqual(n1.node.sas.tags, [2, 3, 4]);
    assert.equal(n1.node.update(encryptedWith(ringOf(2, 3, 4))), RingOutcome.Same);
    assert.deepEqual(n1.node.sas.counts(1), { rx: 3, tx: 1 });
  });

  test('leaves all as it was where it can’t be', () => {
    const [n1, n2, wire] = pair({ encrypted: true });
    n1.port('c1').outgoing.push(frame(C2, C1));
    settle(n1, n2);
    const { topology, forwardingEntries } = n1.node;
    const text = configText({ encrypted: true });
    const cases: readonly (readonly [Topology, RegExp])[] = [
      [parseConfig(text.replaceAll('n1', 'n9')), /^there is no node n1 any more$/],
      [
        parseConfig(text.replace('192.168.50.1', '192.168.50.7')),
        /^the node's VTEP address changed, which takes a restart$/,
      ],
      [parseConfig(`port: 4790\n${text}`), /^the UDP port changed/],
      [parseConfig(text.replace('profile: swarm', 'profile: strict')), /^the profile changed/],
      [{ ...parseConfig(text), ring: undefined }, /there were no keys at the start or are none now/],
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

  test('gives its interfaces the MTU of the narrowest way', () => {
    const wire = new MemoryWire();
    const n1 = new Running(parseConfig(configText({ mtu: 1500 })), 'n1', wire);
    assert.equal(n1.node.mtuOf(0), 1450);
    n1.node.update(parseConfig(configText({ mtu: 1400 })));
    assert.equal(n1.node.mtuOf(0), 1350);
    const alone = parseConfig('nodes: { n1: { vtep: 10.0.0.1 } }\nnetworks: { net: { vni: 1 } }');
    assert.equal(new Running(alone, 'n1', wire).node.mtuOf(0), 1450);
  });
});
