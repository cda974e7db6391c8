import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  decodeRecord,
  encodeRecord,
  type FleetRecord,
  isKey,
  nameOf,
  recordKey,
  segmentOf,
} from '../../../src/fleet/index.js';

const RECORDS: readonly (readonly [string, FleetRecord])[] = [
  ['nodes/alpha', { kind: 'node', record: { version: 1, name: 'alpha', vtep: '192.168.50.1', mtu: 1500 } }],
  [
    'networks/my_5Fweb',
    {
      kind: 'network',
      record: {
        ...{ version: 1, id: 'r0ymuq8wfw590z4dmo6y22cvy', name: 'my_web', created: '2026-11-30T04:00:00Z', vni: 4097 },
        subnets: [{ subnet: '10.0.9.0/24', gateway: '10.0.9.1', range: '10.0.9.128/25' }],
        ...{ encrypted: true, dsr: false, attachable: true, internal: false, ingress: false },
        ...{ options: { encrypted: '' }, labels: { 'com.example.owner': 'web' } },
      },
    },
  ],
  [
    'networks/my_5Fweb/endpoints/c_2F1',
    {
      kind: 'endpoint',
      record: {
        ...{ version: 1, id: 'c/1', kind: 'container', name: 'c1', network: 'my_web', node: 'alpha' },
        ...{ mac: '02:42:0a:00:09:03', ip: '10.0.9.3', service: 'api', slot: 1, aliases: ['front'] },
        ...{ created: '2026-11-30T04:00:00Z', running: true, device: 'web0', netns: 'c1' },
      },
    },
  ],
  [
    'networks/web/addresses/fd00_3A_3A3',
    {
      kind: 'allocation',
      record: { version: 1, network: 'web', address: 'fd00::3', owner: { kind: 'endpoint', id: 'c1' } },
    },
  ],
  [
    'services/api',
    {
      kind: 'service',
      record: {
        ...{ version: 1, id: 'r0ymuq8wfw590z4dmo6y22cvy', name: 'api', mode: 'vip', deploy: 'replicated', replicas: 3 },
        networks: [{ network: 'web', vip: '10.0.9.2', aliases: [] }],
        ...{ created: '2026-11-30T04:00:00Z', updated: '2026-11-30T04:00:00Z', labels: {}, netns: '{{.Task.Name}}' },
        ports: [{ protocol: 'tcp', target: 80, published: 8080, mode: 'ingress' }],
      },
    },
  ],
  [
    'keys/ring',
    { kind: 'keys', record: { version: 1, rotated: '2026-11-30T04:00:00Z', rotations: 0, sealed: 'AAAA' } },
  ],
];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

test('each record has its key, and comes back from its bytes', () => {
  for (const [key, record] of RECORDS) {
    assert.equal(recordKey(record), key);
    assert.ok(isKey(key));
    assert.deepEqual(decodeRecord(key, encodeRecord(record)), record);
  }
});

test('a record under the key of another is unreadable', () => {
  for (const [key, record] of RECORDS) {
    assert.deepEqual(decodeRecord(`${key}x`, encodeRecord(record)).kind, 'unreadable');
  }
});

test('a record that lacks a field, or has a wrong one, is unreadable and says where', () => {
  for (const [key, { record }] of RECORDS) {
    for (const field of Object.keys(record)) {
      const wrong = { ...record, [field]: '\u001b[31m' };
      const read = decodeRecord(key, bytes(JSON.stringify(wrong)));
      assert.ok(read.kind === 'unreadable', field);
      assert.ok(!read.fault.includes('\u001b'));
    }
  }
});

test('a later version is unreadable, a field that is unknown is ignored', () => {
  for (const [key, record] of RECORDS) {
    const later = decodeRecord(key, bytes(JSON.stringify({ ...record.record, version: 2 })));
    assert.deepEqual(later, { kind: 'unreadable', fault: 'of version 2, and this vtep reads 1' });
    assert.deepEqual(decodeRecord(key, bytes(JSON.stringify({ ...record.record, unknown: [1] }))), record);
  }
});

test('an address has one form, so that it is allocated once', () => {
  for (const address of ['FD00::3', 'fd00:0::3', 'fd00::0003', '10.0.9.03', '10.0.9', '10.0.9.3 ']) {
    const owner = { kind: 'endpoint', id: 'c1' } as const;
    const allocation = { kind: 'allocation', record: { version: 1, network: 'web', address, owner } } as const;
    assert.equal(decodeRecord(recordKey(allocation), encodeRecord(allocation)).kind, 'unreadable', address);
  }
});

test('no bytes and no key make it throw', () => {
  const keys = fc.oneof(fc.constantFrom(...RECORDS.map(([key]) => key)), fc.string());
  const values = fc.oneof(fc.uint8Array(), fc.json().map(bytes));
  fc.assert(
    fc.property(keys, values, (key, value) => {
      assert.equal(decodeRecord(key, value).kind, 'unreadable');
    }),
  );
});

test('every name is a segment of its own, from which it comes back', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), (name) => {
      const segment = segmentOf(name);
      assert.match(segment, /^[A-Za-z0-9_.-]+$/);
      assert.equal(nameOf(segment), name);
    }),
  );
  for (const segment of ['', '_', '_5f', '_41', '_FF', 'a/b', '_4']) assert.equal(nameOf(segment), undefined, segment);
});
