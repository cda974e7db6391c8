import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  announcedBalancer,
  announcedEndpoint,
  decodePeerRecord,
  encodeEndpointRecord,
  encodePeerRecord,
  LearnedTables,
  type LearnedTablesOptions,
  type TableChange,
  TableName,
} from '../../../src/gossip/index.js';
import { encodeHex } from '../../../src/memory/internal.js';
import {
  ChangeKind,
  FloodPolicy,
  NodeTables,
  parseIp,
  parsePrefix,
  type ServiceChange,
  ServiceChangeKind,
  type ServiceNetworkSet,
} from '../../../src/overlay/index.js';
import { parseMac } from '../../../src/wire/index.js';
import { TABLE_EVENTS } from '../wire/vectors.js';
import { aloneWith, recordedEntries } from './recorded.js';

const HERE = { name: 'me', vtep: Uint8Array.of(192, 168, 50, 9) };
const BALANCER = parseIp('10.0.9.250');

function network(id: string, vni: number, subnets: readonly string[], balancer?: Uint8Array) {
  const networks = subnets.map((subnet, index) => ({
    name: index === 0 ? `net-${id}` : `net-${id}-${index}`,
    vni: vni + index,
    subnets: [parsePrefix(subnet)],
    gateways: [],
    encrypted: false,
    mtu: undefined,
    flood: FloodPolicy.Drop,
    learning: false,
  }));
  return { id, networks, ingress: false, internal: false, dsr: false, balancer };
}

const NET = network('n', 4097, ['10.0.9.0/24', '10.0.10.0/24'], BALANCER);
const OTHER = network('o', 5000, ['10.1.0.0/16']);

function peer(key: string, owner: string, ip: string, vtep: string, mac = '', networkId = 'n'): TableChange {
  const [, , c, d] = parseIp(ip);
  const endpointMac = mac === '' ? `02:42:0a:00:${[c, d].map((n) => n.toString(16).padStart(2, '0')).join(':')}` : mac;
  const value = encodePeerRecord({ endpointIp: `${ip}/24`, endpointMac, tunnelEndpointIp: vtep });
  return { kind: 'created', networkId, tableName: TableName.Peers, key, owner, value, previous: undefined };
}

function named(key: string, owner: string, name: string, ip: string, networkId = 'n'): TableChange {
  const value = encodeEndpointRecord({
    name,
    serviceName: '',
    serviceId: '',
    virtualIp: '<nil>',
    endpointIp: ip,
    ingressPorts: [],
    aliases: [],
    taskAliases: [],
    serviceDisabled: false,
  });
  return { kind: 'created', networkId, tableName: TableName.Endpoints, key, owner, value, previous: undefined };
}

function gone(change: TableChange): TableChange {
  return { ...change, kind: 'deleted', previous: change.value };
}

/** Learned tables with a node's tables that follow, and its services. */
class Following {
  readonly tables = new NodeTables(aloneWith(HERE), HERE.name);
  readonly learned: LearnedTables;
  readonly networks = new Map<string, ServiceNetworkSet>();
  readonly records = new Map<string, string>();
  readonly told: string[] = [];

  constructor(options: Partial<LearnedTablesOptions> = {}, networks = [NET]) {
    this.learned = new LearnedTables({ ...HERE, mtu: 1500, onTrouble: (text) => this.told.push(text), ...options });
    for (const each of networks) this.learned.addNetwork(each);
    this.follow();
  }

  follow(...changes: readonly TableChange[]): void {
    for (const change of changes) this.learned.change(change);
    const { topology, services } = this.learned.take();
    // One by one: the order must be right at every step.
    for (const change of topology) this.tables.apply([change]);
    for (const change of services) this.#serve(change);
    assert.equal(this.learned.pending, false);
  }

  #serve(change: ServiceChange): void {
    switch (change.kind) {
      case ServiceChangeKind.SetNetwork:
        this.networks.set(change.network.name, change.network);
        return;
      case ServiceChangeKind.RemoveNetwork:
        assert.ok(this.networks.delete(change.name));
        return;
      case ServiceChangeKind.SetRecord: {
        const { network: where, endpoint, name } = change.record;
        assert.ok(this.networks.has(where));
        this.records.set(`${where} ${endpoint}`, name);
        return;
      }
      case ServiceChangeKind.RemoveRecord:
        assert.ok(this.records.delete(`${change.network} ${change.endpoint}`));
    }
  }

  /** The endpoints as lines: name, kind, VNI, address, VTEP. */
  get lines(): string[] {
    const { endpoints, networks, nodes } = this.tables;
    const lines = endpoints.flatMap((one) => {
      if (one === undefined) return [];
      const at = `${networks[one.network]?.vni} ${one.ip?.join('.')} ${nodes[one.node]?.vtep.join('.')}`;
      return [`${one.name} ${one.kind} ${at}`];
    });
    return lines.sort();
  }

  get nodes(): string[] {
    return this.tables.nodes.flatMap((node) => (node === undefined ? [] : [node.name])).sort();
  }
}

const OWN_BALANCER = 'lb-net-n balancer 4097 10.0.9.250 192.168.50.9';

describe('tables learned from gossip', () => {
  test('names come before or after the endpoint, and subnets decide about the VNI', () => {
    const it = new Following();
    it.follow(peer('l', 'a', '10.0.9.2', '192.168.50.1'), named('k1', 'a', 'web', '10.0.9.3'));
    it.follow(peer('k1', 'a', '10.0.9.3', '192.168.50.1'), peer('k2', 'a', '10.0.10.3', '192.168.50.1'));
    it.follow(named('k2', 'a', 'db', '10.0.10.3'));
    assert.deepEqual(it.lines, [
      'db container 4098 10.0.10.3 192.168.50.1',
      'lb-net-n balancer 4097 10.0.9.2 192.168.50.1',
      OWN_BALANCER,
      'web container 4097 10.0.9.3 192.168.50.1',
    ]);
    assert.deepEqual([...it.records.values()].sort(), ['db', 'web']);
    assert.deepEqual(it.networks.get('net-n')?.balancers, { a: parseIp('10.0.9.2'), me: BALANCER });
  });

  test('a node is there while an entry names its VTEP, and gets the name of its owner', () => {
    const it = new Following();
    const [one, two] = [peer('k1', 'a', '10.0.9.3', '192.168.50.1'), peer('k2', 'b', '10.0.9.4', '192.168.50.1')];
    const second = peer('k3', 'a', '10.0.9.5', '192.168.50.2');
    it.follow(one, two, second);
    assert.deepEqual(it.nodes, ['a', 'a 192.168.50.2', 'me']);
    it.follow(gone(one));
    assert.deepEqual(it.nodes, ['a 192.168.50.2', 'b', 'me']);
    it.follow(gone(two), gone(second));
    assert.deepEqual([it.nodes, it.lines], [['me'], [OWN_BALANCER]]);
  });

  test('the first endpoint of a node without a name is its load balancer, until it gets one', () => {
    const it = new Following();
    it.follow(peer('k1', 'a', '10.0.9.3', '192.168.50.1'), peer('k2', 'a', '10.0.9.4', '192.168.50.1'));
    assert.deepEqual(it.networks.get('net-n')?.balancers['a'], parseIp('10.0.9.3'));
    it.follow(named('k1', 'a', 'web', '10.0.9.3'));
    assert.deepEqual(it.networks.get('net-n')?.balancers['a'], parseIp('10.0.9.4'));
    assert.ok(it.lines.includes('web container 4097 10.0.9.3 192.168.50.1'));
    assert.ok(it.lines.includes('lb-net-n balancer 4097 10.0.9.4 192.168.50.1'));
  });

  test('what cannot be used is counted by reason and changes nothing', () => {
    const it = new Following();
    const wrong: readonly (readonly [TableChange, string])[] = [
      [peer('k', 'a', '10.0.77.3', '192.168.50.1'), 'outside-subnets'],
      [named('k', 'a', 'x', '10.0.77.3'), 'outside-subnets'],
      [peer('k', 'a', '10.0.9.3', '192.168.50.9'), 'own-vtep'],
      [peer('k', 'a', '10.0.9.3', '224.0.0.1'), 'bad-vtep'],
      ...['255.255.255.255', '0.0.0.0', '0.1.2.3', '127.0.0.1', '2001:db8::1'].map(
        (vtep) => [peer('k', 'a', '10.0.9.3', vtep), 'bad-vtep'] as const,
      ),
      [peer('k', 'a', '10.0.9.3', '192.168.50.1', '01:00:5e:00:00:01'), 'bad-mac'],
      [peer('k', 'a', '10.0.9.250', '192.168.50.1'), 'own-address'],
      [named('k', 'a', 'x'.repeat(300), '10.0.9.3'), 'long-name'],
      [named('k', 'a', '', '10.0.9.3'), 'bad-record'],
      [{ ...peer('k', 'a', '10.0.9.3', '192.168.50.1'), value: Uint8Array.of(0xff) }, 'bad-record'],
      [{ ...peer('k', 'a', '10.0.9.3', '192.168.50.1'), networkId: 'x' }, 'unknown-network'],
      [{ ...peer('k', 'a', '10.0.9.3', '192.168.50.1'), tableName: 'x' }, 'unknown-table'],
      [peer('lb', 'a', '10.0.9.3', '192.168.50.1'), 'own-key'],
    ];
    for (const [change, reason] of wrong) {
      const before = it.learned.counts.refused;
      it.follow(change);
      const after = new Map(Object.entries(it.learned.counts.refused));
      assert.equal(after.get(reason), (new Map(Object.entries(before)).get(reason) ?? 0) + 1, reason);
      assert.deepEqual([it.lines, it.nodes, it.records.size], [[OWN_BALANCER], ['me'], 0], reason);
      it.follow(gone(change));
    }
    it.follow(peer('k', 'me', '10.0.9.3', '192.168.50.9'));
    assert.deepEqual(it.lines, [OWN_BALANCER]);
  });

  test("this node's endpoints keep their addresses: other claims are reported once, and count when they are gone", () => {
    const it = new Following();
    const own = { key: 'mine', name: 'db', address: parseIp('10.0.9.5'), mac: parseMac('02:42:0a:00:09:05') };
    const claim = peer('k', 'a', '10.0.9.5', '192.168.50.1', '02:00:00:00:00:01');
    it.follow(claim, named('k', 'a', 'thief', '10.0.9.5'));
    assert.ok(it.lines.includes('thief container 4097 10.0.9.5 192.168.50.1'));
    it.learned.addEndpoint('n', own);
    it.follow(
      peer('k2', 'a', '10.0.9.6', '192.168.50.1', '02:42:0a:00:09:05'),
      peer('mine', 'a', '10.0.9.7', '192.168.50.1'),
    );
    assert.deepEqual(it.lines, ['db container 4097 10.0.9.5 192.168.50.9', OWN_BALANCER]);
    assert.deepEqual([...it.records.values()], ['db']);
    assert.deepEqual(it.told, [
      'network "net-n": node "a" claims 10.0.9.5, but its address or MAC is that of this node\'s endpoint "db"',
    ]);
    assert.ok(it.learned.removeEndpoint('n', 'mine'));
    it.follow();
    assert.ok(it.lines.includes('thief container 4097 10.0.9.5 192.168.50.1'));
    assert.equal(it.lines.length, 3);
  });

  test('a network that changes keeps its entries, and one that is removed takes all with it', () => {
    const it = new Following({}, [NET, OTHER]);
    it.follow(peer('k', 'a', '10.0.9.3', '192.168.50.1'), named('k', 'a', 'web', '10.0.9.3'));
    it.follow(peer('k', 'a', '10.1.0.3', '192.168.50.1', '', 'o'));
    it.learned.addNetwork({ ...network('n', 6000, ['10.0.8.0/22']), balancer: undefined });
    it.follow();
    assert.deepEqual(it.lines, [
      'lb-net-o balancer 5000 10.1.0.3 192.168.50.1',
      'web container 6000 10.0.9.3 192.168.50.1',
    ]);
    assert.ok(it.learned.removeNetwork('n') && it.learned.removeNetwork('o'));
    it.follow();
    assert.deepEqual([it.lines, it.nodes, it.records.size, it.networks.size], [[], ['me'], 0, 0]);
    assert.deepEqual(
      it.tables.networks.filter((one) => one !== undefined),
      [],
    );
    const { nodes, endpoints, records } = it.learned.counts;
    assert.deepEqual([nodes, endpoints, records], [0, 0, 0]);
  });

  test('networks that share a name, a VNI or bad addresses are refused', () => {
    const { learned } = new Following();
    const bad = { code: 'BAD_GOSSIP' };
    assert.throws(() => learned.addNetwork({ ...NET, id: 'x' }), bad);
    assert.throws(() => learned.addNetwork(network('a/b', 7000, ['10.3.0.0/24'])), bad);
    assert.throws(() => learned.addNetwork(network('x', 7000, ['10.3.0.0/24'], BALANCER)), bad);
    assert.throws(
      () => learned.addEndpoint('n', { key: 'k', name: 'x', address: parseIp('10.3.0.1'), mac: new Uint8Array(6) }),
      bad,
    );
    assert.equal(learned.pending, false);
  });

  test('a flood of entries stays within the limits, and room is found again', () => {
    const it = new Following({ maxNodes: 5, maxEndpoints: 100, maxPerNetwork: 80, maxBytes: 10_000 }, [NET, OTHER]);
    for (let i = 0; i < 5000; i++) {
      it.learned.change(peer(`k${i}`, `a${i}`, `10.1.${i >> 8}.${i & 255}`, `192.168.${i >> 8}.${i & 255}`, '', 'o'));
      it.learned.change(peer(`k${i}`, 'a', '10.0.9.3', '192.168.50.1'));
      it.learned.change(named(`r${i}`, 'a', `x${i}`, '10.0.9.3'));
    }
    it.follow();
    const { nodes, endpoints, records, refused, changes } = it.learned.counts;
    assert.ok(nodes <= 5 && endpoints + records <= 100, `${nodes} ${endpoints} ${records}`);
    assert.equal(changes, 15_000);
    assert.ok((refused['too-many-endpoints'] ?? 0) > 14_000 && (refused['too-many-nodes'] ?? 0) > 10);
    for (let i = 0; i < 5000; i++) {
      it.learned.change(gone(peer(`k${i}`, `a${i}`, '10.1.0.1', '192.168.0.1', '', 'o')));
      it.learned.change(gone(peer(`k${i}`, 'a', '10.0.9.3', '192.168.50.1')));
      it.learned.change(gone(named(`r${i}`, 'a', '', '')));
    }
    it.follow(peer('k', 'a', '10.0.9.3', '192.168.50.1'));
    assert.deepEqual(it.nodes, ['a', 'me']);
  });
});

/** Numbers from a seed: mulberry32. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % below;
  };
}

describe('random changes', () => {
  test('always apply step by step, and end in what the last state alone gives', () => {
    for (let seed = 1; seed <= 150; seed++) {
      const random = numbers(seed);
      const it = new Following({}, [NET, OTHER]);
      const entries = new Map<string, TableChange>();
      for (let step = 0; step < 120; step++) {
        const id = random(12);
        const networkId = random(3) === 0 ? 'o' : 'n';
        const owner = `n${random(4)}`;
        const vtep = random(5) === 0 ? `192.168.50.${1 + random(9)}` : `192.168.50.${owner.slice(1)}`;
        const ip = networkId === 'o' ? `10.1.0.${id}` : `10.0.${9 + random(3)}.${id + 1}`;
        const change =
          random(2) === 0
            ? peer(`k${id}`, owner, ip, vtep, '', networkId)
            : named(`k${id}`, owner, `c${id}`, ip, networkId);
        const key = `${change.tableName} ${networkId} ${change.key}`;
        const known = entries.get(key);
        if (known !== undefined && random(3) === 0) {
          entries.delete(key);
          it.learned.change(gone(known));
        } else {
          entries.delete(key);
          entries.set(key, change);
          it.learned.change(known === undefined ? change : { ...change, kind: 'updated', previous: known.value });
        }
        if (random(3) === 0) it.follow();
      }
      it.follow();
      const last = new Following({}, [NET, OTHER]);
      last.follow(...entries.values());
      // Which endpoint without a name is the load balancer depends on the order, and so do names of nodes.
      const plain = (lines: readonly string[]): string[] =>
        lines.map((line) => line.replace(/^\S+ (container|balancer)/, '')).sort();
      assert.deepEqual(plain(it.lines), plain(last.lines), `seed ${seed}`);
      assert.deepEqual([...it.records].sort(), [...last.records].sort(), `seed ${seed}`);
      const vteps = ({ tables }: Following): string[] =>
        tables.nodes.flatMap((node) => (node ? [node.vtep.join('.')] : [])).sort();
      assert.deepEqual(vteps(it), vteps(last), `seed ${seed}`);
      for (const entry of [...entries.values()].reverse()) it.learned.change(gone(entry));
      it.follow();
      assert.deepEqual([it.lines, it.nodes, it.records.size], [[OWN_BALANCER], ['me'], 0], `seed ${seed}`);
      assert.equal(it.tables.forwarding.size, 1);
    }
  });

  test('each object changes once, however often its entry does', () => {
    const it = new Following();
    for (let i = 0; i < 100; i++) it.learned.change(peer('k', 'a', `10.0.9.${i + 1}`, '192.168.50.1'));
    const { topology } = it.learned.take();
    assert.deepEqual(
      topology.map(({ kind }) => kind),
      [ChangeKind.AddNode, ChangeKind.AddEndpoint],
    );
    assert.deepEqual(it.learned.take(), { topology: [], services: [] });
  });
});

describe("entries of a node's own endpoints", () => {
  const isRecorded = (table: string, value: Uint8Array): boolean =>
    TABLE_EVENTS.some((event) => event.table === table && event.value_hex === encodeHex(value));

  test("are as Docker's for a plain container", () => {
    const key = `efe0ed8ada81${'0'.repeat(52)}`;
    const endpoint = {
      key,
      name: 'att',
      aliases: ['alias1'],
      address: parseIp('10.0.9.13'),
      mac: parseMac('02:42:0a:00:09:0d'),
    };
    const [first, second] = announcedEndpoint(NET, endpoint, parseIp('192.168.50.2'));
    assert.deepEqual([first.tableName, first.key, second.key], [TableName.Peers, key, key]);
    assert.ok(isRecorded(TableName.Endpoints, second.value));
    assert.deepEqual(decodePeerRecord(first.value), {
      endpointIp: '10.0.9.13/24',
      endpointMac: '02:42:0a:00:09:0d',
      tunnelEndpointIp: '192.168.50.2',
    });
    assert.throws(() => announcedEndpoint(OTHER, endpoint, HERE.vtep), { code: 'BAD_GOSSIP' });
  });

  test("are as Docker's for a load balancer: on the ingress network it has a record", async () => {
    const ingress = { ...network('i', 4096, ['10.0.0.0/24'], parseIp('10.0.0.2')), ingress: true };
    const [peerEntry, record] = announcedBalancer(ingress, 'k', parseIp('192.168.50.1'));
    const entries = await recordedEntries('08-scale-and-attach.underlay');
    const values = new Set(entries.map(({ value }) => encodeHex(value)));
    assert.ok(values.has(encodeHex(peerEntry.value)) && values.has(encodeHex(record.value)));
    assert.deepEqual(announcedBalancer({ ...ingress, ingress: false }, 'k', HERE.vtep).length, 1);
    assert.deepEqual(announcedBalancer({ ...ingress, balancer: undefined }, 'k', HERE.vtep), []);
  });
});

test('nobody can make names expensive by taking those that others would get', () => {
  const it = new Following({ maxNodes: 3000 });
  const owner = (index: number): string => ['a', 'a 9.9.9.9'][index] ?? `a 9.9.9.9 #${index}`;
  for (let i = 0; i < 2000; i++) {
    it.learned.change(peer(`k${i}`, owner(i), '10.0.9.3', `172.16.${i >> 8}.${i & 0xff}`));
  }
  it.learned.take();
  const nameOf = (): string | undefined => {
    it.learned.change(flapping);
    const added = it.learned.take().topology.find(({ kind }) => kind === ChangeKind.AddNode);
    it.learned.change(gone(flapping));
    it.learned.take();
    return added?.kind === ChangeKind.AddNode ? added.node.name : undefined;
  };
  const flapping = peer('flapping', 'a', '10.0.9.4', '9.9.9.9');
  // A search that starts over each time would find the same one.
  const names = [nameOf(), nameOf(), nameOf()];
  assert.ok(names.every((name) => name?.startsWith('a 9.9.9.9 #') === true));
  assert.equal(new Set(names).size, 3);
});

test('an own endpoint that comes and goes reconsiders exactly the entries that claim what it has', () => {
  const it = new Following();
  it.follow(peer('k1', 'a', '10.0.9.3', '192.168.50.1'), named('k1', 'a', 'web', '10.0.9.3'));
  it.follow(peer('k2', 'a', '10.0.9.4', '192.168.50.1', '02:42:0a:00:09:63'), named('k3', 'b', 'db', '10.0.9.3'));
  const before = it.lines;
  const own = { key: 'own', name: 'own', address: parseIp('10.0.9.3'), mac: parseMac('02:42:0a:00:09:63') };
  it.learned.addEndpoint(NET.id, own);
  it.follow();
  assert.deepEqual(it.lines, [OWN_BALANCER, 'own container 4097 10.0.9.3 192.168.50.9'].sort());
  assert.deepEqual([...it.records.values()], ['own']);
  it.learned.removeEndpoint(NET.id, 'own');
  it.follow();
  assert.deepEqual(it.lines, before);
  assert.deepEqual([...it.records.values()].sort(), ['db', 'web']);
});
