/** Changes that a running node takes: what goes on as it was, and what is refused as a whole. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseConfig } from '../../../src/overlay/files.js';
import {
  ChangeKind,
  type EndpointRecord,
  type KeyRing,
  type Network,
  OverlayError,
  parseIp,
  RingOutcome,
  type Topology,
  type TopologyChange,
} from '../../../src/overlay/index.js';
import { ours, told } from '../../dataplane/icmp-errors.js';
import { C1, C2, configText, fromHex, RING, type Setup } from '../../dataplane/topology.js';
import { ListPort, MemoryUnderlay, MemoryWire } from '../memory-underlay.js';
import { refused } from '../refused.js';
import { BROADCAST, cipherOf, espOf, frame, pair, Running, settle } from '../running-node.js';

const { AddNode, ChangeNode, RemoveNode, AddNetwork, ChangeNetwork, RemoveNetwork } = ChangeKind;
const { AddEndpoint, ChangeEndpoint, RemoveEndpoint, SetKeys } = ChangeKind;
const C3 = '02420a000905';
const N1 = parseIp('192.168.50.1');
const N2 = parseIp('192.168.50.2');
const N3 = parseIp('192.168.50.3');
const THIRD: Setup = {
  nodes: ['n3: { vtep: "192.168.50.3" }'],
  endpoints: ['c3: { network: net, node: n3, mac: "02:42:0a:00:09:05" }'],
};

function nodeOf(vtep: Uint8Array): { name: string; vtep: Uint8Array; mac: undefined; mtu: number } {
  return { name: `n${vtep[3]}`, vtep, mac: undefined, mtu: 1500 };
}

function endpointOf(name: string, mac: string, vtep: Uint8Array, vni = 4097): EndpointRecord {
  return { name, vni, vtep, mac: fromHex(mac), ip: undefined };
}

function networkOf(more: Partial<Network>): Network {
  return { ...parseConfig(configText()).networks[0], ...more };
}

function ringOf(...tags: readonly number[]): KeyRing {
  const keys = tags.map((tag) => `  - { tag: ${tag}, key: "${String(tag).padStart(2, '0').repeat(15)}ff" }\n`).join('');
  const { ring } = parseConfig(configText({ encrypted: true }).replace(RING, `keys:\n${keys}`));
  assert.ok(ring !== undefined);
  return ring;
}

/** The two ways of changing a node: by a reload of its config, and by changes as they come. */
const WAYS: readonly (readonly [string, (node: Running, setup: Setup, changes: readonly TopologyChange[]) => void])[] =
  [
    ['a reload', ({ node }, setup) => void node.update(parseConfig(configText(setup)))],
    ['changes', ({ node }, _, changes) => changes.forEach((change) => node.apply([change]))],
  ];
const ADDED: readonly TopologyChange[] = [
  { kind: AddNode, node: { ...nodeOf(N3), name: 'n3' } },
  { kind: AddEndpoint, endpoint: endpointOf('c3', C3, N3) },
];
const GONE: readonly TopologyChange[] = [
  { kind: RemoveEndpoint, id: 'c3' },
  { kind: RemoveNode, vtep: N3 },
];

for (const [way, change] of WAYS) {
  describe(`${way} that adds an endpoint and removes it again`, () => {
    for (const profile of ['swarm', 'strict'] as const) {
      test(`keeps SAs, sequence numbers, replay windows and counters (${profile})`, () => {
        const setup: Setup = { encrypted: true, profile };
        const [n1, n2, wire] = pair(setup);
        const send = (): { spi: number; sequence: number } => {
          wire.sent.length = 0;
          n1.port('c1').outgoing.push(frame(C2, C1));
          settle(n1, n2);
          return espOf(wire.sent[0].bytes);
        };
        const first = send();
        const replayed = wire.sent[0].bytes;
        const outbound = n1.node.sas?.outbound(1);
        const inbound = [...(n2.node.sas?.inbound ?? [])];
        for (const node of [n1, n2]) change(node, { ...setup, ...THIRD }, ADDED);
        assert.deepEqual(send(), { spi: first.spi, sequence: 2 });
        for (const node of [n1, n2]) change(node, setup, GONE);
        assert.deepEqual(send(), { spi: first.spi, sequence: 3 });
        assert.equal(n1.node.sas?.outbound(1), outbound);
        assert.deepEqual([...(n2.node.sas?.inbound ?? [])].slice(0, inbound.length), inbound);
        if (profile === 'strict') {
          wire.waiting.set('192.168.50.2', [replayed]);
          settle(n2);
          assert.deepEqual(n2.node.counters.ingress.drops.byName(), { XfrmInStateSeqError_Replayed: 1 });
        }
        assert.deepEqual([n1.node.counters.sealed, n2.node.counters.opened], [3, 3]);
        assert.equal(n2.port('c2').given.length, 3);
        n1.balanced();
        n2.balanced();
      });
    }

    test('keeps learned MACs, except those of the removed node', () => {
      const setup: Setup = { learning: true, flood: 'replicate' };
      const [n1, n2] = pair(setup);
      for (const node of [n1, n2]) change(node, { ...setup, ...THIRD }, ADDED);
      const unknown = '020000000077';
      n2.node.apply([{ kind: AddEndpoint, endpoint: endpointOf('x', unknown, N2) }]);
      n2.port('c2').outgoing.push(frame(C1, unknown));
      settle(n1, n2);
      const { forwardingEntries } = n1.node;
      assert.equal(forwardingEntries, 4);
      change(n1, setup, GONE);
      assert.equal(n1.node.forwardingEntries, 3);
      assert.ok(n1.node.tables.forwarding.find(4097, fromHex(unknown), 0, 0));
      n1.balanced();
    });

    test('keeps the path MTUs learned from ICMP', () => {
      const setup: Setup = { family: 6 };
      const six = { nodes: ['n3: { vtep: "fd50::3" }'], endpoints: THIRD.endpoints ?? [] };
      const wire = new MemoryWire();
      const topology = parseConfig(configText(setup));
      const n1 = new Running(topology, 'n1', wire);
      const [own] = topology.nodes;
      const packet = told(6, 1400, ours(6));
      wire.waiting.set(own.vtep.join('.'), [packet]);
      settle(n1);
      const before = n1.node.mtuOf(0);
      assert.equal(before, 1400 - 70);
      const vtep = parseIp('fd50::3');
      const added = ADDED.map((each): TopologyChange => {
        if (each.kind === AddNode) return { kind: AddNode, node: { ...each.node, vtep } };
        return { kind: AddEndpoint, endpoint: endpointOf('c3', C3, vtep) };
      });
      change(n1, { ...setup, ...six }, added);
      assert.equal(n1.node.mtuOf(0), before);
      change(n1, setup, [GONE[0], { kind: RemoveNode, vtep }]);
      assert.equal(n1.node.mtuOf(0), before);
      n1.balanced();
    });

    test('keeps the ports of the remaining endpoints, which alone still get frames', () => {
      const [n1, n2] = pair();
      for (const node of [n1, n2]) change(node, THIRD, ADDED);
      n1.port('c1').outgoing.push(frame(C3, C1), frame(C2, C1));
      settle(n1, n2);
      for (const node of [n1, n2]) change(node, {}, GONE);
      n1.port('c1').outgoing.push(frame(C3, C1), frame(C2, C1));
      settle(n1, n2);
      assert.deepEqual([n1.port('c1').closed, n2.port('c2').closed, n2.port('c2').given.length], [0, 0, 2]);
      assert.deepEqual(n1.node.counters.egress.drops.byName(), { VXLAN_NO_REMOTE: 1 });
      n1.balanced();
      n2.balanced();
    });
  });
}

describe('changes of a running node', () => {
  test('close the port of a removed endpoint, and the next endpoint with its index inherits nothing', () => {
    const [n1, n2] = pair();
    const index = n1.node.tables.endpointWithId('c1');
    n1.node.apply([{ kind: RemoveEndpoint, id: 'c1' }]);
    assert.equal(n1.port('c1').closed, 1);
    n1.node.apply([{ kind: AddEndpoint, endpoint: endpointOf('next', C1, N1) }]);
    assert.equal(n1.node.tables.endpointWithId('next'), index);
    n2.port('c2').outgoing.push(frame(C1, C2), frame(C1, C2));
    settle(n1, n2);
    assert.deepEqual([n1.port('c1').given.length, n1.node.counters.noPort], [0, 2]);
    const port = n1.attach('next');
    n2.port('c2').outgoing.push(frame(C1, C2));
    settle(n1, n2);
    assert.deepEqual([port.given.length, n1.node.endpointReports.get('next')?.counters.sent], [1, 1]);
    refused(() => n1.node.attach('c1', new ListPort()), 'BAD_NODE', /no endpoint c1/);
    n1.balanced();
  });

  test('close the port of an endpoint that moves to another node, and keep that of one that moves to another network', () => {
    const networks = ['other: { vni: 5000 }'];
    const endpoints = ['d2: { network: other, node: n2, mac: "02:42:0a:00:09:06" }'];
    const [n1, n2, wire] = pair({ networks, endpoints });
    for (const { node } of [n1, n2]) node.apply([{ kind: ChangeEndpoint, endpoint: endpointOf('c1', C1, N1, 5000) }]);
    assert.equal(n1.port('c1').closed, 0);
    n1.port('c1').outgoing.push(frame('02420a000906', C1));
    settle(n1, n2);
    assert.equal(n2.port('d2').given.length, 1);
    assert.equal((wire.sent[0].bytes[33] << 8) | wire.sent[0].bytes[34], 5000);
    n1.node.apply([{ kind: ChangeEndpoint, endpoint: endpointOf('c1', C1, N2, 5000) }]);
    assert.equal(n1.port('c1').closed, 1);
    n1.balanced();
  });

  test('deliver broadcasts to the current endpoints', () => {
    const [n1, n2] = pair({ flood: 'replicate' });
    n2.node.apply([{ kind: AddEndpoint, endpoint: endpointOf('e2', C3, N2) }]);
    const port = n2.attach('e2');
    n1.port('c1').outgoing.push(frame(BROADCAST, C1));
    n2.port('c2').outgoing.push(frame(BROADCAST, C2));
    settle(n1, n2);
    assert.deepEqual([n2.port('c2').given.length, port.given.length], [1, 2]);
    n2.node.apply([{ kind: RemoveEndpoint, id: 'c2' }]);
    n1.port('c1').outgoing.push(frame(BROADCAST, C1));
    settle(n1, n2);
    assert.deepEqual([n2.port('c2').given.length, port.given.length], [1, 3]);
    n1.balanced();
    n2.balanced();
  });

  test('never reuse a sequence number with a node that is removed and added again, whatever its new index', () => {
    for (const profile of ['swarm', 'strict'] as const) {
      const [n1, n2, wire] = pair({ encrypted: true, profile });
      const sent = (): { spi: number; sequence: number } => {
        wire.sent.length = 0;
        n1.port('c1').outgoing.push(frame(C2, C1));
        settle(n1, n2);
        assert.equal(wire.sent[0].to, '192.168.50.2');
        return espOf(wire.sent[0].bytes);
      };
      const first = sent();
      const gone: readonly TopologyChange[] = [
        { kind: RemoveEndpoint, id: 'c2' },
        { kind: RemoveNode, vtep: N2 },
      ];
      const back: readonly TopologyChange[] = [
        { kind: AddNode, node: { ...nodeOf(N2), name: 'n2' } },
        { kind: AddEndpoint, endpoint: endpointOf('c2', C2, N2) },
      ];
      n1.node.apply([...gone, ...back]);
      assert.deepEqual(sent(), { spi: first.spi, sequence: 2 });
      n1.node.apply([...gone, { kind: AddNode, node: nodeOf(N3) }, ...back]);
      assert.equal(n1.node.tables.nodeOf(4, N3, 0), 1);
      assert.notEqual(n1.node.sas?.outbound(1)?.spi, first.spi);
      assert.deepEqual(sent(), { spi: first.spi, sequence: 3 });
      assert.deepEqual(
        [1, 2].map((peer) => n1.node.sas?.counts(peer)),
        Array(2).fill({ rx: 3, tx: 1 }),
      );
      assert.equal(n2.port('c2').given.length, 3);
      n1.balanced();
      n2.balanced();
    }
  });

  test('adopt new keys, from which nodes added with them get their SAs', () => {
    const [n1] = pair({ encrypted: true });
    const { tags } = n1.node.sas ?? assert.fail();
    assert.deepEqual(tags, [1, 2, 3]);
    assert.equal(
      n1.node.apply([
        { kind: AddNode, node: nodeOf(N3) },
        { kind: SetKeys, ring: ringOf(4, 5, 6) },
      ]),
      RingOutcome.Accepted,
    );
    assert.deepEqual([n1.node.sas?.tags, n1.node.sas?.counts(2)], [[4, 5, 6], { rx: 3, tx: 1 }]);
    assert.equal(n1.node.apply([{ kind: SetKeys, ring: ringOf(1, 2, 3) }]), RingOutcome.Stale);
    assert.equal(n1.node.apply([]), undefined);
  });

  test('add keys and an encrypted network to a node that had neither', () => {
    const [n1, n2, wire] = pair();
    for (const { node } of [n1, n2]) {
      assert.equal(
        node.apply([
          { kind: SetKeys, ring: ringOf(1, 2, 3) },
          { kind: ChangeNetwork, network: networkOf({ encrypted: true }) },
        ]),
        RingOutcome.Accepted,
      );
    }
    n1.port('c1').outgoing.push(frame(C2, C1));
    settle(n1, n2);
    assert.equal(wire.sent[0].bytes[9], 50);
    assert.equal(n2.port('c2').given.length, 1);
  });

  test('give peers no SAs before the first encrypted network, and then to all', () => {
    const [n1] = pair();
    const counts = (): unknown => [1, 2].map((peer) => n1.node.sas?.counts(peer));
    const none = { rx: 0, tx: 0 };
    n1.node.apply([
      { kind: SetKeys, ring: ringOf(1, 2, 3) },
      { kind: AddNode, node: nodeOf(N3) },
      { kind: AddNetwork, network: networkOf({ name: 'clear', vni: 5000 }) },
    ]);
    settle(n1);
    assert.deepEqual([n1.node.sas?.tags, counts(), n1.node.sas?.inbound.size], [[1, 2, 3], [none, none], 0]);
    n1.node.apply([{ kind: AddNetwork, network: networkOf({ name: 'secret', vni: 5001, encrypted: true }) }]);
    settle(n1);
    assert.deepEqual(counts(), Array(2).fill({ rx: 3, tx: 1 }));
  });

  describe('are rejected as a whole', () => {
    const setup: Setup = { encrypted: true, networks: ['other: { vni: 5000 }'] };
    const fine: readonly TopologyChange[] = [
      { kind: SetKeys, ring: ringOf(7, 8, 9) },
      { kind: AddNode, node: nodeOf(N3) },
      { kind: AddEndpoint, endpoint: endpointOf('c3', C3, N1) },
    ];
    const keeps = (changes: readonly TopologyChange[], refusal: (apply: () => unknown) => void): void => {
      const [n1, n2] = pair(setup);
      const { topology, forwardingEntries } = n1.node;
      refusal(() => n1.node.apply([...fine, ...changes]));
      assert.equal(n1.node.topology, topology);
      assert.equal(n1.node.forwardingEntries, forwardingEntries);
      assert.deepEqual([n1.node.sas?.tags, n1.node.sas?.counts(2)], [[1, 2, 3], { rx: 0, tx: 0 }]);
      n1.port('c1').outgoing.push(frame(C2, C1));
      settle(n1, n2);
      assert.deepEqual([n1.node.counters.sealed, n2.port('c2').given.length], [1, 1]);
      n1.balanced();
    };
    const no =
      (message: RegExp) =>
      (apply: () => unknown): void =>
        refused(apply, 'BAD_NODE', message);

    test('if they would send encrypted traffic in cleartext', () => {
      const clear = networkOf({ encrypted: false });
      keeps(
        [{ kind: ChangeNetwork, network: clear }],
        no(/^the network net \(VNI 4097\) was encrypted and would become clear;/),
      );
      const emptied: readonly TopologyChange[] = [
        { kind: RemoveEndpoint, id: 'c1' },
        { kind: RemoveEndpoint, id: 'c2' },
        { kind: RemoveEndpoint, id: 'c3' },
        { kind: RemoveNetwork, vni: 4097 },
      ];
      keeps([...emptied, { kind: AddNetwork, network: clear }], no(/^the network net \(VNI 4097\) was encrypted/));
      keeps(
        [{ kind: AddNetwork, network: networkOf({ encrypted: false, vni: 409 }) }],
        no(/^the network net \(VNI 409\) was encrypted/),
      );
      keeps(
        [{ kind: ChangeEndpoint, endpoint: endpointOf('c1', C1, N1, 5000) }],
        no(
          /^the endpoint c1 would move from an encrypted network to other \(VNI 5000\), which is clear; this requires a restart$/,
        ),
      );
      keeps(
        [
          { kind: RemoveEndpoint, id: 'c1' },
          { kind: AddEndpoint, endpoint: endpointOf('c1', C1, N1, 5000) },
        ],
        no(/^the endpoint c1 would move from an encrypted network/),
      );
      keeps(
        [
          { kind: RemoveEndpoint, id: 'c1' },
          { kind: AddEndpoint, endpoint: { ...endpointOf('c1', C1, N1, 5000), id: 'another' } },
        ],
        no(/^the endpoint c1 would move from an encrypted network/),
      );
    });

    test('if a VNI that was ever encrypted would come back in cleartext, even by several separate changes', () => {
      const [n1] = pair(setup);
      for (const change of [
        { kind: RemoveEndpoint, id: 'c1' },
        { kind: RemoveEndpoint, id: 'c2' },
        { kind: RemoveNetwork, vni: 4097 },
      ] as const) {
        n1.node.apply([change]);
      }
      const again = (encrypted: boolean): TopologyChange => ({
        kind: AddNetwork,
        network: networkOf({ encrypted, name: 'again' }),
      });
      refused(() => n1.node.apply([again(false)]), 'BAD_NODE', /^the network again \(VNI 4097\) was encrypted/);
      n1.node.apply([again(true)]);
      assert.equal(n1.node.tables.networkOf(4097), 0);
    });

    test('if they require a restart, or keys that are missing', () => {
      const own = { ...nodeOf(N1), name: 'n9' };
      keeps([{ kind: ChangeNode, node: own }], no(/^the node's name changed, which requires a restart$/));
      const wire = new MemoryWire();
      const topology = (): Topology => parseConfig(configText());
      const encrypt: TopologyChange = { kind: ChangeNetwork, network: networkOf({ encrypted: true }) };
      const keyless = new Running(topology(), 'n1', wire);
      refused(() => keyless.node.apply([encrypt]), 'BAD_NODE', /without keys/);
      const underlay = new MemoryUnderlay(wire, N1, false);
      const noRaw = new Running(topology(), 'n1', wire, { underlay, cipher: cipherOf() });
      refused(
        () => noRaw.node.apply([{ kind: SetKeys, ring: ringOf(1, 2, 3) }, encrypt]),
        'NOT_PERMITTED',
        /ESP needs raw sockets/,
      );
      assert.deepEqual([keyless.node.tables.columns.encrypted[0], noRaw.node.sas?.tags], [0, []]);
    });

    test('if one of them is invalid, or contains a wiped ring', () => {
      const unfit =
        (code: string) =>
        (apply: () => unknown): void =>
          assert.throws(apply, (error) => error instanceof OverlayError && error.code === code);
      keeps([{ kind: RemoveEndpoint, id: 'c9' }], unfit('BAD_CHANGE'));
      keeps([{ kind: RemoveNode, vtep: N1 }], unfit('BAD_CHANGE'));
      const wiped = ringOf(10, 11, 12);
      wiped.wipe();
      keeps([{ kind: SetKeys, ring: wiped }], unfit('KEY_WIPED'));
    });
  });
});
