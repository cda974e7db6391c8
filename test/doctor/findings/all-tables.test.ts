import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Evidence, InputKind, type NodeEvidence } from '../../../src/doctor/evidence/evidence.js';
import { ENGINE_FINDINGS } from '../../../src/doctor/findings/engine/index.js';
import { FIREWALL_FINDINGS } from '../../../src/doctor/findings/firewall/index.js';
import { NETWORK_FINDINGS } from '../../../src/doctor/findings/network/index.js';
import { NODE_FINDINGS } from '../../../src/doctor/findings/node/index.js';
import { SpiForm } from '../../../src/overlay/index.js';
import { isSilent } from '../assert-finding.js';
import {
  at,
  changed,
  counter,
  emptyNode,
  evidence,
  fdb as fdbRow,
  healthySwarm,
  ONE,
  policy,
  rule,
  sa,
  sasOf,
  spiOf,
  TAGS,
  TWO,
} from '../swarm-evidence.js';

const FINDINGS = [...NODE_FINDINGS, ...NETWORK_FINDINGS, ...ENGINE_FINDINGS, ...FIREWALL_FINDINGS];
/** Findings from captures that these explain, which are in rooms of their own. */
const OF_CAPTURES = new Set(
  (
    'one-sided-esp clear-vxlan-on-encrypted-network unknown-spi spi-collision outer-source-not-vtep mtu-too-big ' +
    'icmp-too-big-ignored checksum-broken-by-offload rotation-missed sequence-near-end sequence-gaps replayed-packets ' +
    'reordered-beyond-window nonce-reuse vxlan-reserved-bits arp-in-tunnel duplicate-address endpoint-moved wrong-port ' +
    'vip-as-destination idle-connection-cut retransmission-storm dns-timeouts one-sided-traffic gossip-suspicions ' +
    'gossip-wrong-keys gossip-one-way icv-invalid fragments-lost'
  ).split(' '),
);

/** The fields of a node that an input of a kind fills. */
const FIELDS: readonly (readonly [InputKind, Partial<NodeEvidence>])[] = [
  [InputKind.Capture, { captures: [] }],
  [InputKind.XfrmState, { sas: [] }],
  [InputKind.XfrmPolicy, { policies: [] }],
  [InputKind.XfrmStat, { xfrmCounters: [] }],
  [InputKind.Link, { links: [] }],
  [InputKind.Fdb, { fdb: [] }],
  [InputKind.Neighbours, { neighbours: [] }],
  [InputKind.Offloads, { offloads: [] }],
  [InputKind.Firewall, { rules: [] }],
  [InputKind.Conntrack, { connections: [] }],
  [InputKind.Ipvs, { virtualServers: [] }],
  [InputKind.Networks, { networks: [] }],
  [InputKind.Services, { services: [] }],
  [InputKind.Engine, { engines: [] }],
];

function without(swarm: Evidence, name: string, kinds: ReadonlySet<InputKind>): Evidence {
  const nodes = swarm.nodes.map((node) => {
    if (node.name !== name) return node;
    const has = new Set([...node.has].filter((kind) => !kinds.has(kind)));
    return FIELDS.reduce<NodeEvidence>((one, [kind, fields]) => (kinds.has(kind) ? { ...one, ...fields } : one), {
      ...node,
      has,
    });
  });
  return { ...swarm, nodes };
}

describe('all findings from dumps and tables', () => {
  it('have ids and titles of their own', () => {
    assert.equal(new Set(FINDINGS.map(({ id }) => id)).size, FINDINGS.length);
    assert.equal(new Set(FINDINGS.map(({ title }) => title)).size, FINDINGS.length);
    for (const { id, means, looksAt, fires, threads } of FINDINGS) {
      assert.match(id, /^[a-z][a-z0-9-]+$/);
      for (const text of [means, looksAt, fires]) assert.ok(text.length > 0, id);
      assert.ok(threads.length > 0 && threads.every((thread) => /^[\w-]+\/[\w-]+#\d+$/.test(thread)), id);
    }
  });

  it('explain findings that there are', () => {
    const ids = new Set([...OF_CAPTURES, ...FINDINGS.map(({ id }) => id)]);
    for (const { id, explains } of FINDINGS) {
      assert.deepEqual(
        explains.filter((other) => !ids.has(other)),
        [],
        id,
      );
      assert.ok(!explains.includes(id), id);
    }
  });

  it('do not explain one another in a circle, which would hide both', () => {
    const explains = new Map(FINDINGS.map((finding) => [finding.id, finding.explains]));
    const reach = (from: string, seen: Set<string>): Set<string> => {
      for (const next of explains.get(from) ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        reach(next, seen);
      }
      return seen;
    };
    for (const { id } of FINDINGS) assert.ok(!reach(id, new Set()).has(id), id);
  });

  it('find nothing in a healthy swarm', () => {
    const swarm = healthySwarm();
    for (const finding of FINDINGS) isSilent(finding, swarm);
  });

  it('find nothing where nothing is known', () => {
    for (const finding of FINDINGS) {
      isSilent(finding, evidence([]));
      isSilent(finding, evidence([emptyNode(), emptyNode('node1')]));
    }
  });

  it('find nothing in a healthy swarm of which some inputs are missing', () => {
    const swarm = healthySwarm();
    const kinds = FIELDS.map(([kind]) => kind);
    for (const name of ['node1', 'node2']) {
      for (const kind of kinds) {
        for (const finding of FINDINGS) {
          isSilent(finding, without(swarm, name, new Set([kind])));
          isSilent(finding, without(swarm, name, new Set(kinds.filter((one) => one !== kind))));
        }
      }
    }
  });

  it('find nothing in a healthy swarm of which a node has no name, no addresses, or only one is known', () => {
    const swarm = healthySwarm();
    const [one, two] = swarm.nodes;
    const variants: readonly (readonly NodeEvidence[])[] = [
      [one],
      [two],
      [{ ...one, name: '' }, two],
      [
        { ...one, addresses: [] },
        { ...two, addresses: [] },
      ],
      [{ ...without(swarm, 'node1', new Set([InputKind.Engine, InputKind.XfrmPolicy])).nodes[0], addresses: [] }, two],
    ];
    for (const nodes of variants) for (const finding of FINDINGS) isSilent(finding, { ...swarm, nodes });
  });

  it('find nothing in a healthy swarm whose inputs were all given without a node', () => {
    const { nodes, ...rest } = healthySwarm();
    const [one, two] = nodes;
    const keys = ['sas', 'fdb', 'neighbours', 'networks', 'engines', 'policies', 'links', 'rules'] as const;
    for (const [a, b] of [
      [one, two],
      [two, one],
    ]) {
      for (const key of keys) {
        const mixed = { ...a, name: '', addresses: [], [key]: b[key] } as NodeEvidence;
        for (const finding of FINDINGS) isSilent(finding, { ...rest, nodes: [mixed] });
      }
    }
  });

  it('lead to one cause, which explains the others', () => {
    const next = TAGS.map((tag) => tag + 4);
    const scenarios: readonly (readonly [cause: string, swarm: Evidence])[] = [
      [
        'sa-keys-differ',
        changed('node2', ({ sas }) => ({
          sas: sas.map((each) => ({ ...each, keyId: 'deadbeef', integrityErrors: 40, packets: 0 })),
          xfrmCounters: [counter('XfrmInStateProtoError', 4, 44)],
        })),
      ],
      [
        'spi-forms-differ',
        changed('node2', ({ engines }) => ({
          sas: sasOf(TWO, ONE, 'node2.txt', TAGS, SpiForm.Short),
          policies: [policy(TWO, ONE, 'node2.txt', { spi: spiOf(TWO, ONE, TAGS[1], SpiForm.Short) })],
          engines: engines.map((one) => ({ ...one, version: '29.1.3' })),
          xfrmCounters: [counter('XfrmInNoStates', 4, 44)],
        })),
      ],
      [
        'node-behind-in-rotation',
        changed('node2', () => ({
          sas: sasOf(TWO, ONE, 'node2.txt', next),
          policies: [policy(TWO, ONE, 'node2.txt', { spi: spiOf(TWO, ONE, next[1]) })],
          xfrmCounters: [counter('XfrmInNoStates', 4, 44)],
        })),
      ],
      [
        'kernel-refuses-sas',
        changed('node2', ({ log }) => ({
          sas: [],
          policies: [],
          log: [...log, { place: at('log'), text: 'Failed Adding rSA{SPI: 0x1f279ba7}: invalid argument' }],
          xfrmCounters: [counter('XfrmInNoStates', 4, 44)],
        })),
      ],
      [
        'policy-without-sa',
        changed('node1', ({ sas }) => ({
          sas: [...sas.filter(({ source }) => source !== ONE), sa(ONE, TWO, TAGS[1], { spi: 0 })],
          xfrmCounters: [counter('XfrmOutNoStates', 4, 44)],
        })),
      ],
      [
        'gossip-blocked',
        changed('node2', ({ networks, rules, fdb }) => ({
          rules: [
            rule('INPUT', '-A INPUT -p udp --dport 7946 -j DROP', {
              protocol: 'udp',
              destinationPorts: [7946],
              verdict: 'drop',
            }),
            ...rules,
          ],
          networks: networks.map((view) => (view.name === 'web' ? { ...view, peers: [TWO] } : view)),
          fdb: fdb.filter(({ destination, vni }) => destination === '' || vni !== 4097),
        })),
      ],
      [
        'local-endpoint-with-remote-entry',
        changed('node1', ({ fdb }) => ({ fdb: [...fdb, fdbRow('02:42:0a:00:01:03', TWO)] })),
      ],
    ];
    for (const [cause, swarm] of scenarios) {
      const found = FINDINGS.filter((finding) => [...finding.find(swarm)].length > 0);
      const explained = new Set(found.flatMap(({ explains }) => explains));
      assert.deepEqual(
        found.map(({ id }) => id).filter((id) => !explained.has(id)),
        [cause],
        `${cause} among ${found.map(({ id }) => id).join(', ')}`,
      );
    }
  });

  it('survive text that is no address', () => {
    const swarm = healthySwarm();
    const garbage = JSON.parse(
      JSON.stringify(swarm, (_name, value: unknown) =>
        typeof value === 'string' && /^[\d.:/]+$/.test(value) ? '999/x' : value,
      ),
    ) as Evidence;
    const nodes = garbage.nodes.map((node, index) => ({ ...node, has: swarm.nodes[index].has }));
    for (const finding of FINDINGS)
      for (const { summary } of finding.find({ ...garbage, nodes })) assert.ok(summary.length > 0);
  });
});
