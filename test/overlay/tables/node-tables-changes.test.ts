import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parseConfig } from '../../../src/overlay/files.js';
import {
  ChangeKind,
  diffTopology,
  type EndpointRecord,
  FloodPolicy,
  LearnOutcome,
  type Network,
  type Node,
  NodeTables,
  OverlayError,
  TargetKind,
  type TopologyChange,
} from '../../../src/overlay/index.js';
import { formatMac } from '../../../src/wire/index.js';
import { type View, viewOf } from '../table-view.js';

const HERE = Uint8Array.of(10, 0, 0, 1);
const THERE = Uint8Array.of(10, 0, 0, 2);
const OTHER = Uint8Array.of(10, 0, 0, 3);
const VTEPS = [HERE, THERE, OTHER, Uint8Array.of(0xfd, ...Array<number>(14).fill(0), 9)];
const VNIS = [0, 7, 4097, 0xffffff];
const MACS = [1, 2, 3, 4].map((last) => Uint8Array.of(2, 0, 0, 0, 0, last));
const IPS = [Uint8Array.of(10, 9, 0, 1), Uint8Array.of(10, 9, 0, 2), Uint8Array.of(0xfd, ...Array<number>(15).fill(1))];
const QUESTIONS = { vteps: VTEPS, vnis: VNIS, macs: MACS, ips: IPS };

const { AddNode, ChangeNode, RemoveNode, AddNetwork, ChangeNetwork, RemoveNetwork } = ChangeKind;
const { AddEndpoint, ChangeEndpoint, RemoveEndpoint, SetAcceptUnknownVteps } = ChangeKind;

function tablesOf(limit = 1000): NodeTables {
  const topology = parseConfig(`
nodes: { a: { vtep: 10.0.0.1 }, b: { vtep: 10.0.0.2 } }
networks: { net: { vni: 7, learning: true, flood: replicate } }
endpoints:
  here: { network: net, node: a, mac: "02:00:00:00:00:01", ip: 10.9.0.1 }
  there: { network: net, node: b, mac: "02:00:00:00:00:02", ip: 10.9.0.2 }
`);
  return new NodeTables(topology, 'a', { limit });
}

function nodeOf(vtep: Uint8Array, mtu = 1500): Node {
  return { name: `node ${vtep.join('.')}`, vtep, mac: undefined, mtu };
}

function networkOf(vni: number, more: Partial<Network> = {}): Network {
  const { Drop } = FloodPolicy;
  const plain = { encrypted: false, mtu: undefined, flood: Drop, learning: false };
  return { name: `net ${vni}`, vni, subnets: [], gateways: [], ...plain, ...more };
}

function endpoint(name: string, mac: number, vtep = THERE, vni = 7, ip?: Uint8Array): EndpointRecord {
  return { name, vni, vtep, mac: MACS[mac - 1], ip };
}

function found(tables: NodeTables, mac: number, vni = 7): unknown {
  const { forwarding } = tables;
  if (!forwarding.find(vni, MACS[mac - 1], 0, 0)) return undefined;
  const { kind, target } = forwarding;
  return kind === TargetKind.Local ? tables.endpoints[target]?.name : tables.nodes[target]?.name;
}

function refused(tables: NodeTables, changes: readonly TopologyChange[], message: RegExp, code = 'BAD_CHANGE'): void {
  const before = viewOf(tables, QUESTIONS);
  const { topology } = tables;
  assert.throws(() => tables.apply(changes), { code, message });
  assert.deepEqual(viewOf(tables, QUESTIONS), before);
  assert.equal(tables.topology, topology);
}

describe('tables that change', () => {
  test('reflect an endpoint as soon as it is added, changed or removed', () => {
    const tables = tablesOf();
    tables.apply([{ kind: AddEndpoint, endpoint: endpoint('new', 3, THERE, 7, IPS[2]) }]);
    assert.equal(found(tables, 3), 'b');
    assert.ok(tables.neighbours.find(7, 6, IPS[2], 0) >= 0);
    tables.apply([{ kind: ChangeEndpoint, endpoint: endpoint('new', 4, HERE) }]);
    assert.deepEqual([found(tables, 3), found(tables, 4)], [undefined, 'new']);
    assert.equal(tables.neighbours.find(7, 6, IPS[2], 0), -1);
    assert.equal(tables.endpointOf(MACS[3], 0), tables.endpointWithId('new'));
    tables.apply([{ kind: RemoveEndpoint, id: 'new' }]);
    assert.deepEqual(
      [found(tables, 4), tables.endpointOf(MACS[3], 0), tables.endpointWithId('new')],
      [undefined, -1, -1],
    );
    assert.deepEqual([found(tables, 1), found(tables, 2)], ['here', 'b']);
  });

  test('keep the index of everything that remains, and reuse freed indices for additions', () => {
    const tables = tablesOf();
    tables.apply([{ kind: RemoveEndpoint, id: 'here' }]);
    assert.equal(tables.endpoints[0], undefined);
    assert.equal(tables.endpointWithId('there'), 1);
    tables.apply([{ kind: AddEndpoint, endpoint: endpoint('next', 3) }]);
    assert.deepEqual([tables.endpointWithId('next'), tables.endpoints.length], [0, 2]);
    assert.deepEqual(
      tables.topology.endpoints.map(({ name }) => name),
      ['next', 'there'],
    );
  });

  test('forget what was learned behind a removed node, so that the next node with its index inherits none of it', () => {
    const tables = tablesOf();
    tables.apply([{ kind: AddNode, node: nodeOf(OTHER) }]);
    const other = tables.nodeOf(4, OTHER, 0);
    const { forwarding } = tables;
    assert.equal(forwarding.learn(7, MACS[2], 0, TargetKind.Vtep, other, 0), LearnOutcome.Added);
    assert.equal(forwarding.learn(7, MACS[3], 0, TargetKind.Vtep, 1, 0), LearnOutcome.Added);
    tables.apply([{ kind: RemoveNode, vtep: OTHER }]);
    tables.apply([{ kind: AddNode, node: nodeOf(VTEPS[3]) }]);
    assert.equal(tables.nodeOf(6, VTEPS[3], 0), other);
    assert.deepEqual([found(tables, 3), found(tables, 4)], [undefined, 'b']);
  });

  test('keep learned entries and counters through unrelated changes', () => {
    const tables = tablesOf();
    const { forwarding } = tables;
    forwarding.learn(7, MACS[3], 0, TargetKind.Vtep, 1, 0);
    const { lookups, learned } = forwarding;
    tables.apply([
      { kind: AddNode, node: nodeOf(OTHER) },
      { kind: AddNetwork, network: networkOf(0) },
      { kind: AddEndpoint, endpoint: endpoint('new', 3, OTHER, 0) },
      { kind: ChangeNode, node: nodeOf(THERE, 9000) },
      { kind: ChangeNetwork, network: networkOf(7, { learning: true, mtu: 1000 }) },
      { kind: RemoveEndpoint, id: 'new' },
      { kind: RemoveNetwork, vni: 0 },
      { kind: RemoveNode, vtep: OTHER },
      { kind: RemoveEndpoint, id: 'there' },
    ]);
    assert.deepEqual([forwarding.lookups, forwarding.learned], [lookups, learned]);
    assert.equal(found(tables, 4), `node ${THERE.join('.')}`);
  });

  test('forget what a network learned once it is removed, stops learning, or becomes encrypted', () => {
    const changes: readonly TopologyChange[][] = [
      [{ kind: ChangeNetwork, network: networkOf(7) }],
      [{ kind: ChangeNetwork, network: networkOf(7, { learning: true, encrypted: true }) }],
      [
        { kind: RemoveEndpoint, id: 'here' },
        { kind: RemoveEndpoint, id: 'there' },
        { kind: RemoveNetwork, vni: 7 },
        { kind: AddNetwork, network: networkOf(7, { learning: true }) },
      ],
    ];
    for (const list of changes) {
      const tables = tablesOf();
      tables.forwarding.learn(7, MACS[3], 0, TargetKind.Vtep, 1, 0);
      tables.forwarding.learn(8, MACS[3], 0, TargetKind.Vtep, 1, 0);
      tables.apply(list);
      assert.equal(found(tables, 4), undefined);
      assert.equal(found(tables, 4, 8), 'b');
    }
  });

  test('never treat a removed network as cleartext', () => {
    const tables = tablesOf();
    tables.apply([{ kind: AddNetwork, network: networkOf(4097) }]);
    assert.equal(tables.columns.encrypted[1], 0);
    tables.apply([{ kind: RemoveNetwork, vni: 4097 }]);
    assert.deepEqual([tables.networkOf(4097), tables.columns.encrypted[1]], [-1, 1]);
    for (let vni = 100; vni < 200; vni++) tables.apply([{ kind: AddNetwork, network: networkOf(vni) }]);
    assert.equal(tables.columns.encrypted[tables.networks.length], 1);
  });

  test('give a MAC or an address to the first endpoint that claims it, then to the one that has waited longest', () => {
    const tables = tablesOf();
    tables.apply([{ kind: AddNode, node: nodeOf(OTHER) }]);
    // A container moves: its new location is reported first.
    tables.apply([{ kind: AddEndpoint, endpoint: endpoint('moved', 2, OTHER, 7, IPS[1]) }]);
    tables.apply([{ kind: AddEndpoint, endpoint: endpoint('late', 2, HERE, 7, IPS[1]) }]);
    assert.equal(found(tables, 2), 'b');
    tables.apply([{ kind: RemoveEndpoint, id: 'there' }]);
    assert.equal(found(tables, 2), `node ${OTHER.join('.')}`);
    assert.ok(tables.neighbours.find(7, 4, IPS[1], 0) >= 0);
    tables.apply([{ kind: RemoveEndpoint, id: 'late' }]);
    assert.equal(found(tables, 2), `node ${OTHER.join('.')}`);
    tables.apply([{ kind: RemoveEndpoint, id: 'moved' }]);
    assert.equal(found(tables, 2), undefined);
    assert.equal(tables.neighbours.find(7, 4, IPS[1], 0), -1);
  });

  test('apply all changes of a list, or none', () => {
    const tables = tablesOf();
    const fine: TopologyChange = { kind: AddEndpoint, endpoint: endpoint('new', 3) };
    const cases: readonly (readonly [TopologyChange, RegExp])[] = [
      [{ kind: AddEndpoint, endpoint: endpoint('here', 3) }, /^there already is an endpoint "here"$/],
      [{ kind: AddEndpoint, endpoint: endpoint('new', 3) }, /^there already is an endpoint "new"$/],
      [{ kind: AddEndpoint, endpoint: endpoint('x', 3, OTHER) }, /^there is no node with VTEP 10\.0\.0\.3$/],
      [{ kind: AddEndpoint, endpoint: endpoint('x', 3, THERE, 8) }, /^there is no network with VNI 8$/],
      [{ kind: AddEndpoint, endpoint: { ...endpoint('x', 3), mac: new Uint8Array(5) } }, /a MAC has 6 bytes, not 5$/],
      [{ kind: AddEndpoint, endpoint: { ...endpoint('x', 3), mac: new Uint8Array(6).fill(1) } }, /is a group address$/],
      [{ kind: AddEndpoint, endpoint: endpoint('x', 3, THERE, 7, new Uint8Array(5)) }, /4 or 16 bytes, not 5$/],
      [{ kind: ChangeEndpoint, endpoint: endpoint('x', 3) }, /^there is no endpoint "x"$/],
      [{ kind: RemoveEndpoint, id: 'x' }, /^there is no endpoint "x"$/],
      [{ kind: AddNode, node: nodeOf(THERE) }, /^there already is a node with VTEP 10\.0\.0\.2$/],
      [{ kind: AddNode, node: nodeOf(new Uint8Array(3)) }, /a VTEP address has 4 or 16 bytes, not 3$/],
      [{ kind: AddNode, node: nodeOf(OTHER, 0) }, /an MTU is from 1 to 65535 bytes, not 0$/],
      [{ kind: AddNode, node: { ...nodeOf(OTHER), mac: new Uint8Array(8) } }, /a MAC has 6 bytes, not 8$/],
      [{ kind: ChangeNode, node: nodeOf(OTHER) }, /^there is no node with VTEP 10\.0\.0\.3$/],
      [{ kind: RemoveNode, vtep: OTHER }, /^there is no node with VTEP 10\.0\.0\.3$/],
      [{ kind: RemoveNode, vtep: HERE }, /^the node with VTEP 10\.0\.0\.1 is this node itself$/],
      [{ kind: RemoveNode, vtep: THERE }, /^the node with VTEP 10\.0\.0\.2 still has 2 endpoints$/],
      [{ kind: AddNetwork, network: networkOf(7) }, /^there already is a network with VNI 7$/],
      [{ kind: AddNetwork, network: networkOf(1 << 24) }, /^a VNI is from 0 to 16777215, not 16777216$/],
      [{ kind: ChangeNetwork, network: networkOf(8) }, /^there is no network with VNI 8$/],
      [{ kind: RemoveNetwork, vni: 8 }, /^there is no network with VNI 8$/],
      [{ kind: RemoveNetwork, vni: 7 }, /^the network with VNI 7 still has 3 endpoints$/],
    ];
    for (const [change, message] of cases) refused(tables, [fine, change], message);
    refused(
      tables,
      [fine, { kind: RemoveEndpoint, id: 'new' }, { kind: RemoveEndpoint, id: 'new' }],
      /^there is no endpoint "new"$/,
    );
  });

  test('refuse more endpoints than the forwarding table has room for, and apply nothing of the list', () => {
    const tables = tablesOf(3);
    const adds = [3, 4].map((mac): TopologyChange => ({ kind: AddEndpoint, endpoint: endpoint(`e${mac}`, mac) }));
    refused(tables, adds, /no room for 4 endpoints$/, 'BAD_TABLE');
    tables.apply([adds[0], { kind: RemoveEndpoint, id: 'here' }, adds[1]]);
    assert.equal(tables.counts.endpoints, 3);
  });

  test('are unchanged if the check rejects the plan', () => {
    const tables = tablesOf();
    const before = viewOf(tables, QUESTIONS);
    const refuse = (): never => {
      throw new OverlayError('BAD_CONFIG', 'no');
    };
    assert.throws(() => tables.apply([{ kind: RemoveEndpoint, id: 'here' }], refuse), /^OverlayError: no$/);
    assert.deepEqual(viewOf(tables, QUESTIONS), before);
  });

  test('copy their input: reusing a buffer changes nothing', () => {
    const tables = tablesOf();
    const vtep = OTHER.slice();
    const record = { ...endpoint('new', 3), vtep, mac: MACS[2].slice(), ip: IPS[2].slice() };
    tables.apply([
      { kind: AddNode, node: nodeOf(vtep) },
      { kind: AddEndpoint, endpoint: record },
    ]);
    for (const bytes of [vtep, record.mac, record.ip]) bytes.fill(0);
    tables.apply([
      { kind: RemoveEndpoint, id: 'new' },
      { kind: RemoveNode, vtep: OTHER },
    ]);
    assert.deepEqual(viewOf(tables, QUESTIONS), viewOf(tablesOf(), QUESTIONS));
  });

  test('notify watchers of each change, after it is applied', () => {
    const tables = tablesOf();
    const told: unknown[] = [];
    tables.watch({
      node: (index, another) => told.push(['node', index, another, tables.nodes[index]?.mtu]),
      network: (index, another) => told.push(['network', index, another, tables.networks[index]?.vni]),
      endpoint: (index, another) => told.push(['endpoint', index, another, tables.endpoints[index]?.name]),
    });
    tables.apply([
      { kind: ChangeNode, node: nodeOf(THERE, 9000) },
      { kind: AddNode, node: nodeOf(OTHER) },
      { kind: AddNetwork, network: networkOf(0) },
      { kind: ChangeEndpoint, endpoint: endpoint('there', 3) },
      { kind: RemoveEndpoint, id: 'there' },
      { kind: RemoveNode, vtep: OTHER },
    ]);
    assert.deepEqual(told, [
      ['node', 1, false, 9000],
      ['node', 2, true, 1500],
      ['network', 1, true, 0],
      ['endpoint', 1, false, 'there'],
      ['endpoint', 1, true, undefined],
      ['node', 2, true, undefined],
    ]);
  });
});

/** A topology in maps, changed as plainly as can be; who claims which key, the first one first. */
class Model {
  readonly nodes = new Map<string, Node>([HERE, THERE].map((vtep) => [vtep.join('.'), nodeOf(vtep)]));
  readonly networks = new Map<number, Network>([[7, networkOf(7)]]);
  readonly endpoints = new Map<string, EndpointRecord>();
  readonly claims = new Map<string, string[]>();

  keysOf({ vni, vtep, mac, ip }: EndpointRecord): string[] {
    return [
      `mac ${vni} ${formatMac(mac)}`,
      ...(ip === undefined ? [] : [`ip ${vni} ${ip.join('.')}`]),
      ...(vtep === HERE ? [`local ${formatMac(mac)}`] : []),
    ];
  }

  put(id: string, record: EndpointRecord): void {
    this.endpoints.set(id, record);
    for (const key of this.keysOf(record)) this.claims.set(key, [...(this.claims.get(key) ?? []), id]);
  }

  take(id: string): void {
    const record = this.endpoints.get(id);
    assert.ok(record);
    this.endpoints.delete(id);
    for (const key of this.keysOf(record)) {
      this.claims.set(key, this.claims.get(key)?.filter((other) => other !== id) ?? []);
    }
  }

  /** Makes a change; returns false if it doesn't fit. */
  change(change: TopologyChange): boolean {
    const uses = (test: (record: EndpointRecord) => boolean): boolean => [...this.endpoints.values()].some(test);
    const fits = ({ vni, vtep }: EndpointRecord): boolean => this.networks.has(vni) && this.nodes.has(vtep.join('.'));
    switch (change.kind) {
      case AddNode:
      case ChangeNode: {
        const key = change.node.vtep.join('.');
        if (this.nodes.has(key) !== (change.kind === ChangeNode)) return false;
        this.nodes.set(key, change.node);
        return true;
      }
      case RemoveNode:
        if (change.vtep === HERE || uses(({ vtep }) => vtep === change.vtep)) return false;
        return this.nodes.delete(change.vtep.join('.'));
      case AddNetwork:
      case ChangeNetwork:
        if (this.networks.has(change.network.vni) !== (change.kind === ChangeNetwork)) return false;
        this.networks.set(change.network.vni, change.network);
        return true;
      case RemoveNetwork:
        if (uses(({ vni }) => vni === change.vni)) return false;
        return this.networks.delete(change.vni);
      case AddEndpoint:
        if (this.endpoints.has(change.endpoint.name) || !fits(change.endpoint)) return false;
        this.put(change.endpoint.name, change.endpoint);
        return true;
      case ChangeEndpoint: {
        const { endpoint: now } = change;
        const before = this.endpoints.get(now.name);
        if (before === undefined || !fits(now)) return false;
        const same = [before, now].map(({ vni, vtep, mac, ip }) => JSON.stringify([vni, vtep, mac, ip]));
        if (same[0] === same[1]) return true;
        this.take(now.name);
        this.put(now.name, now);
        return true;
      }
      case RemoveEndpoint:
        if (!this.endpoints.has(change.id)) return false;
        this.take(change.id);
        return true;
      default:
        return true;
    }
  }

  /** What tables should say. */
  get view(): View {
    const view: View = {};
    const records = [...this.endpoints];
    const holder = (key: string): string | undefined => this.claims.get(key)?.[0];
    for (const vtep of VTEPS) {
      const node = this.nodes.get(vtep.join('.'));
      const count = records.filter(([, record]) => record.vtep === vtep).length;
      view[`node ${vtep.join('.')}`] = node === undefined ? 'none' : [node, count];
    }
    for (const vni of VNIS) {
      const network = this.networks.get(vni);
      const own = records.filter(([, record]) => record.vni === vni);
      view[`network ${vni}`] = network === undefined ? 'none' : [network, own.length];
      if (network !== undefined) {
        view[`columns ${vni}`] = [vni, Number(network.encrypted), Number(network.learning)];
        const homes = own.length > 0 ? new Set(own.map(([, { vtep }]) => vtep.join('.'))) : new Set(this.nodes.keys());
        homes.delete(HERE.join('.'));
        view[`flood ${vni}`] = network.flood === FloodPolicy.Drop ? [] : [...homes].sort();
        view[`local ${vni}`] = own.flatMap(([id, { vtep }]) => (vtep === HERE ? [id] : [])).sort();
      }
      for (const mac of MACS) {
        const id = holder(`mac ${vni} ${formatMac(mac)}`);
        const vtep = id === undefined ? undefined : this.endpoints.get(id)?.vtep;
        view[`mac ${vni} ${formatMac(mac)}`] = vtep === undefined ? 'none' : vtep === HERE ? id : vtep.join('.');
      }
      for (const ip of IPS) {
        const id = holder(`ip ${vni} ${ip.join('.')}`);
        const mac = id === undefined ? undefined : this.endpoints.get(id)?.mac;
        view[`ip ${vni} ${ip.join('.')}`] = mac === undefined ? 'none' : formatMac(mac);
      }
    }
    for (const mac of MACS) view[`local ${formatMac(mac)}`] = holder(`local ${formatMac(mac)}`) ?? 'none';
    const held = (kind: string): number =>
      [...this.claims].filter(([key, ids]) => key.startsWith(kind) && ids.length > 0).length;
    const counts = { nodes: this.nodes.size, endpoints: records.length };
    view['entries'] = [held('mac'), held('ip'), counts, false];
    return view;
  }

  /** Whether any endpoints wait for a key: newly built tables may give it to a different one. */
  get contested(): boolean {
    return [...this.claims.values()].some((ids) => ids.length > 1);
  }
}

const NODE = fc.record({ vtep: fc.constantFrom(...VTEPS), mtu: fc.constantFrom(1400, 9000) });
const NETWORK = fc.record({
  vni: fc.constantFrom(...VNIS),
  encrypted: fc.boolean(),
  learning: fc.boolean(),
  flood: fc.constantFrom(FloodPolicy.Drop, FloodPolicy.Replicate),
});
const ENDPOINT = fc.record({
  name: fc.constantFrom('e1', 'e2', 'e3', 'e4', 'e5', 'e6'),
  vni: fc.constantFrom(...VNIS),
  vtep: fc.constantFrom(...VTEPS),
  mac: fc.constantFrom(...MACS),
  ip: fc.constantFrom(undefined, ...IPS),
});
const CHANGE: fc.Arbitrary<TopologyChange> = fc.oneof(
  { weight: 2, arbitrary: NODE.map(({ vtep, mtu }): TopologyChange => ({ kind: AddNode, node: nodeOf(vtep, mtu) })) },
  {
    weight: 1,
    arbitrary: NODE.map(({ vtep, mtu }): TopologyChange => ({ kind: ChangeNode, node: nodeOf(vtep, mtu) })),
  },
  { weight: 1, arbitrary: NODE.map(({ vtep }): TopologyChange => ({ kind: RemoveNode, vtep })) },
  {
    weight: 3,
    arbitrary: NETWORK.map((all): TopologyChange => ({ kind: AddNetwork, network: networkOf(all.vni, all) })),
  },
  {
    weight: 1,
    arbitrary: NETWORK.map((all): TopologyChange => ({ kind: ChangeNetwork, network: networkOf(all.vni, all) })),
  },
  { weight: 1, arbitrary: NETWORK.map(({ vni }): TopologyChange => ({ kind: RemoveNetwork, vni })) },
  { weight: 12, arbitrary: ENDPOINT.map((all): TopologyChange => ({ kind: AddEndpoint, endpoint: all })) },
  { weight: 4, arbitrary: ENDPOINT.map((all): TopologyChange => ({ kind: ChangeEndpoint, endpoint: all })) },
  { weight: 4, arbitrary: ENDPOINT.map(({ name }): TopologyChange => ({ kind: RemoveEndpoint, id: name })) },
);

function startOf(): NodeTables {
  const topology = parseConfig('{ nodes: { a: { vtep: 10.0.0.1 } }, networks: {} }');
  const tables = new NodeTables(topology, 'a');
  tables.apply([
    { kind: ChangeNode, node: nodeOf(HERE) },
    { kind: AddNode, node: nodeOf(THERE) },
    { kind: AddNetwork, network: networkOf(7) },
  ]);
  return tables;
}

describe('any sequence of changes', () => {
  test('leaves tables that match the topology, and equal tables newly built from it', () => {
    let taken = 0;
    let contested = 0;
    fc.assert(
      fc.property(fc.array(CHANGE, { maxLength: 80, size: 'max' }), (changes) => {
        const tables = startOf();
        const model = new Model();
        for (const change of changes) {
          if (model.change(change)) {
            tables.apply([change]);
            taken++;
          } else {
            assert.throws(() => tables.apply([change]), { code: 'BAD_CHANGE' });
          }
        }
        assert.deepEqual(viewOf(tables, QUESTIONS), model.view);
        if (model.contested) {
          contested++;
          return;
        }
        const { topology } = tables;
        const anew = new NodeTables(topology, tables.here.name);
        assert.deepEqual(viewOf(anew, QUESTIONS), model.view);
        assert.deepEqual(diffTopology(anew.topology, topology), []);
      }),
      { numRuns: 200 },
    );
    assert.ok(taken > 1000 && contested > 10, `${taken} taken, ${contested} contested`);
  });

  test('gives the same tables at once as one by one', () => {
    fc.assert(
      fc.property(fc.array(CHANGE, { maxLength: 80, size: 'max' }), (changes) => {
        const model = new Model();
        const fitting = changes.filter((change) => model.change(change));
        const tables = startOf();
        tables.apply([...fitting, { kind: SetAcceptUnknownVteps, accept: false }]);
        assert.deepEqual(viewOf(tables, QUESTIONS), model.view);
      }),
      { numRuns: 100 },
    );
  });
});

test('addresses given as Buffers are copied', () => {
  const tables = tablesOf();
  const node = { name: 'c', vtep: Buffer.from(OTHER), mac: undefined, mtu: 1500 };
  const endpoint = {
    kind: 'container',
    name: 'e',
    vni: 7,
    vtep: node.vtep,
    mac: Buffer.from(MACS[2]),
    ip: Buffer.from([10, 9, 0, 9]),
  } as const;
  tables.apply([
    { kind: AddNode, node },
    { kind: AddEndpoint, endpoint },
  ]);
  for (const bytes of [node.vtep, endpoint.mac, endpoint.ip]) bytes.fill(0xff);
  const added = tables.topology.endpoints.find(({ name }) => name === 'e');
  assert.deepEqual([added?.mac, added?.ip?.join('.')], [MACS[2], '10.9.0.9']);
  assert.deepEqual(tables.topology.nodes.find(({ name }) => name === 'c')?.vtep, OTHER);
});
