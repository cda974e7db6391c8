import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { recordKey } from '../../../src/fleet/index.js';
import { Keyed } from '../../../src/fleet/node/records-table.js';
import { Compatibility } from '../../../src/overlay/index.js';
import { serviceDifferences } from '../../../src/overlay/internal.js';
import { endpointRecord, networkRecord, nodeRecord, serviceRecord } from './some-records.js';
import { type Record, TableFollower } from './table-follower.js';

const WEB = networkRecord('web', 4097, '10.0.9.0/24');
const N1 = nodeRecord('n1', '192.168.50.1');
const N2 = nodeRecord('n2', '192.168.50.2');
const MINE = endpointRecord('mine', 'web', 'me', '10.0.9.9');
const C1 = endpointRecord('c1', 'web', 'n1', '10.0.9.3');

describe('records become tables', () => {
  test('an endpoint waits for its network and its node, which may come in any order', () => {
    const follower = new TableFollower().put(C1, MINE).apply();
    assert.deepEqual(follower.endpoints, []);
    assert.equal(follower.table.counts.endpoints.waiting, 2);
    follower.put(WEB).apply();
    assert.deepEqual(follower.endpoints, ['web/mine on me']);
    follower.put(N1).apply();
    assert.deepEqual(follower.endpoints, ['web/c1 on n1', 'web/mine on me']);
    assert.equal(follower.table.counts.endpoints.waiting, 0);
  });

  test('the endpoints of a node without a record leave the tables, and come back with it', () => {
    const follower = new TableFollower().put(WEB, N1, C1, MINE).apply().delete(N1).apply();
    assert.deepEqual(follower.endpoints, ['web/mine on me']);
    follower.put(N1).apply();
    assert.deepEqual(follower.endpoints, ['web/c1 on n1', 'web/mine on me']);
  });

  test('a network is carried only with a container of this node on it, or if it is the ingress network', () => {
    const ingress = networkRecord('ingress', 4096, '10.0.0.0/24', { ingress: true });
    const follower = new TableFollower().put(WEB, ingress, N1, C1).apply();
    assert.deepEqual([...follower.table.carried], ['ingress']);
    follower.put(MINE).apply();
    assert.deepEqual(follower.endpoints, ['web/c1 on n1', 'web/mine on me']);
    follower.delete(MINE).apply();
    assert.deepEqual(follower.endpoints, []);
    assert.equal(follower.table.counts.endpoints.elsewhere, 1);
  });

  test('an endpoint waits again when its network is gone, also if this node did not carry it', () => {
    const follower = new TableFollower().put(WEB, N1, C1).apply();
    assert.equal(follower.table.counts.endpoints.elsewhere, 1);
    follower.delete(WEB).apply();
    assert.equal(follower.table.counts.endpoints.waiting, 1);
  });

  test('a load balancer alone does not keep a network', () => {
    const balancer = endpointRecord('lb-me', 'web', 'me', '10.0.9.8', { kind: 'balancer' });
    const follower = new TableFollower().put(WEB, MINE, balancer).apply();
    assert.deepEqual(follower.endpoints, ['web/lb-me on me', 'web/mine on me']);
    follower.delete(MINE).apply();
    assert.deepEqual(follower.endpoints, []);
  });

  test('an encrypted network is carried only with keys', () => {
    const follower = new TableFollower().put(networkRecord('web', 4097, '10.0.9.0/24', { encrypted: true }), MINE);
    follower.apply();
    assert.deepEqual(follower.endpoints, []);
    assert.match(follower.troubles[0] ?? '', /^networks\/web: it is encrypted, and this node has no key/);
    follower.table.keyed = Keyed.Waiting;
    follower.apply();
    assert.deepEqual(follower.endpoints, []);
    follower.table.keyed = Keyed.Ready;
    follower.apply();
    assert.deepEqual(follower.endpoints, ['web/mine on me']);
    assert.equal(follower.table.counts.troubles, 0);
  });

  test('services know a task once it runs and its service is known', () => {
    const task = endpointRecord('api.1', 'web', 'n1', '10.0.9.3', { service: 'api', slot: 1, running: false });
    const follower = new TableFollower().put(WEB, N1, MINE, task).apply();
    assert.deepEqual([...follower.services.keys()], ['web mine']);
    follower.put({ ...task, record: { ...task.record, running: true } }).apply();
    assert.deepEqual([...follower.services.keys()], ['web mine']);
    follower.put(serviceRecord('api', 'web', '10.0.9.2')).apply();
    const record = follower.services.get('web api.1') as { service?: { vip?: Uint8Array } };
    assert.deepEqual(record.service?.vip, Uint8Array.of(10, 0, 9, 2));
  });
});

describe('labels of services', () => {
  const labels = { 'com.docker.lb.hosts': 'app.example.org' };
  const ports = [
    { protocol: 'tcp', target: 80, published: 8080, mode: 'ingress' },
    { protocol: 'tcp', target: 80, published: 8081, mode: 'host' },
    { protocol: 'udp', target: 53, published: 53, mode: 'ingress' },
  ] as const;

  test('come with the TCP ports that the service publishes and its networks, and without the ingress network', () => {
    const ingress = networkRecord('ingress', 4096, '10.0.0.0/24', { ingress: true });
    const service = serviceRecord('api', 'web', '10.0.9.2', {
      labels,
      ports: [...ports],
      networks: [
        { network: 'ingress', aliases: [] },
        { network: 'web', aliases: [] },
      ],
    });
    const follower = new TableFollower().put(service).apply();
    // Whether a network is the ingress network is known once its record is there.
    assert.deepEqual(follower.labels.get('api')?.networks, ['ingress', 'web']);
    follower.put(ingress, WEB).apply();
    assert.deepEqual(follower.labels.get('api'), { service: 'api', labels, ports: [80], networks: ['web'] });
  });

  test('follow the record of their service, of which there needs to be no task', () => {
    const service = serviceRecord('api', 'web', '10.0.9.2', { labels });
    const follower = new TableFollower().put(service).apply();
    assert.deepEqual([...follower.labels.keys()], ['api']);
    const { services: none } = follower.put(service).table.take();
    assert.deepEqual(none, []);
    follower.put(serviceRecord('api', 'web', '10.0.9.2', { labels: { ...labels, more: '1' } })).apply();
    assert.equal(follower.labels.get('api')?.labels['more'], '1');
    follower.put(serviceRecord('api', 'web', '10.0.9.2')).apply();
    assert.equal(follower.labels.size, 0);
    follower.put(service).apply().delete(service).apply();
    assert.equal(follower.labels.size, 0);
  });

  test('are set after the tasks that they lead to, and removed before them', () => {
    const service = serviceRecord('api', 'web', '10.0.9.2', { labels });
    const task = endpointRecord('api.1', 'web', 'n1', '10.0.9.3', { service: 'api', slot: 1 });
    const follower = new TableFollower().put(WEB, N1, MINE, task, service);
    const kinds = (): string[] => follower.table.take().services.map(({ kind }) => kind);
    assert.equal(kinds().at(-1), 'set-labels');
    follower.delete(task, service);
    assert.deepEqual(kinds(), ['remove-labels', 'remove-record']);
  });

  test('are part of the differences that bring tables back in line', () => {
    const follower = new TableFollower().put(serviceRecord('api', 'web', '10.0.9.2', { labels })).apply();
    const { taken } = follower.table;
    const before = { service: 'old', labels, ports: [], networks: [] };
    const none = { networks: [], records: [], gateway: undefined, compatibility: Compatibility.Docker };
    assert.deepEqual(serviceDifferences({ ...none, labels: [before] }, taken), [
      { kind: 'remove-labels', service: 'old' },
      { kind: 'set-labels', labels: follower.labels.get('api') },
    ]);
  });
});

describe('records that contradict each other', () => {
  test('of two networks with one VNI the older one counts, and the other one is reported', () => {
    const older = networkRecord('old', 4097, '10.0.8.0/24', { created: '2026-11-29T04:00:00Z' });
    const follower = new TableFollower().put(WEB, MINE).apply();
    follower.put(older, endpointRecord('too', 'old', 'me', '10.0.8.9')).apply();
    assert.deepEqual(follower.endpoints, ['old/too on me']);
    assert.deepEqual(follower.troubles, ['networks/web: its VNI 4097 is that of network "old"']);
    follower.delete(older).apply();
    assert.deepEqual(follower.endpoints, ['web/mine on me']);
  });

  test('a node with the VTEP address of another one, or of this one, is not taken over', () => {
    const follower = new TableFollower();
    follower.put(N2, nodeRecord('n3', '192.168.50.2'), nodeRecord('n4', '192.168.50.9'), nodeRecord('n5', 'fd00::1'));
    follower.apply();
    assert.deepEqual(
      follower.tables.topology.nodes.map(({ name }) => name),
      ['me', 'n2'],
    );
    assert.equal(follower.troubles.length, 3);
    follower.delete(N2).apply();
    assert.deepEqual(
      follower.tables.topology.nodes.map(({ name }) => name),
      ['me', 'n3'],
    );
  });

  test('of endpoints with one MAC or address the older one counts; outside the subnets none does', () => {
    const young = endpointRecord('young', 'web', 'n1', '10.0.9.9', { created: '2026-12-01T04:00:00Z' });
    const outside = endpointRecord('outside', 'web', 'n1', '10.7.0.1');
    const follower = new TableFollower().put(WEB, N1, young, outside).put(MINE).apply();
    assert.deepEqual(follower.endpoints, ['web/mine on me']);
    assert.equal(follower.table.counts.endpoints.refused, 2);
    follower.put(endpointRecord('mine', 'web', 'me', '10.0.9.10')).apply();
    assert.deepEqual(follower.endpoints, ['web/mine on me', 'web/young on n1']);
  });

  test('each problem is reported once, and beyond a limit only that there are more', () => {
    const follower = new TableFollower();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 40; i++) follower.table.put(`networks/n${i}`, { kind: 'unreadable', fault: 'not JSON' });
    }
    assert.equal(follower.troubles.length, 17);
    assert.equal(follower.table.counts.records.unreadable, 40);
    assert.equal(follower.table.counts.troubles, 40);
  });
});

describe('any order of records', () => {
  const names = fc.constantFrom('a', 'b', 'c');
  const LABELS: readonly Readonly<{ [key: string]: string }>[] = [{}, { key: '1' }, { key: '2' }];
  const times = fc.constantFrom('2026-11-29T04:00:00Z', '2026-11-30T04:00:00Z');
  const nodes = fc.constantFrom('me', 'n1', 'n2', 'n3');
  const record: fc.Arbitrary<Record> = fc.oneof(
    fc.record({ name: nodes, last: fc.constantFrom(1, 2, 9) }).map(({ name, last }) => {
      return nodeRecord(name, `192.168.50.${last}`);
    }),
    fc
      .record({
        name: names,
        vni: fc.constantFrom(1, 2),
        ingress: fc.boolean(),
        encrypted: fc.boolean(),
        created: times,
      })
      .map(({ name, vni, ...more }) => networkRecord(name, vni, '10.0.9.0/24', more)),
    fc.record({ name: names, network: names, label: fc.constantFrom(...LABELS) }).map(({ name, network, label }) => {
      return serviceRecord(name, network, '10.0.9.2', { labels: label });
    }),
    fc
      .record({
        ...{ id: names, network: names, node: nodes, last: fc.constantFrom(1, 2, 3, 4), created: times },
        ...{ running: fc.boolean(), service: fc.option(names, { nil: undefined }), balancer: fc.boolean() },
      })
      .map(({ id, network, node, last, balancer, service, ...more }) => {
        const kind = balancer ? 'balancer' : 'container';
        const record = endpointRecord(id, network, node, `10.0.9.${last}`, { ...more, kind });
        return service === undefined ? record : { ...record, record: { ...record.record, service } };
      }),
  );
  const change = fc.record({ record, deleted: fc.boolean(), apply: fc.boolean(), keyed: fc.option(fc.boolean()) });

  test('and any pieces end with the same tables as all of them at once, and each piece can be applied', () => {
    fc.assert(
      fc.property(fc.array(change, { maxLength: 60 }), fc.boolean(), (changes, keyed) => {
        const follower = new TableFollower();
        const left = new Map<string, Record>();
        for (const { record: one, deleted, apply, keyed: now } of changes) {
          if (deleted) follower.delete(one);
          else follower.put(one);
          if (deleted) left.delete(recordKey(one));
          else left.set(recordKey(one), one);
          if (now !== null) follower.table.keyed = now ? Keyed.Ready : Keyed.Waiting;
          if (apply) follower.apply();
        }
        const sorted = [...left].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
        const whole = new TableFollower().put(...sorted);
        for (const each of [follower, whole]) {
          each.table.keyed = keyed ? Keyed.Ready : Keyed.Waiting;
          each.apply();
        }
        assert.deepEqual(follower.state, whole.state);
      }),
      { numRuns: 500 },
    );
  });
});
