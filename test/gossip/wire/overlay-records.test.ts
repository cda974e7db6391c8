/** Records of NetworkDB's tables, and what vtep's tables hold. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  decodeEndpointRecord,
  decodePeerRecord,
  encodeEndpointRecord,
  encodePeerRecord,
  endpointRecordOf,
  isFault,
  isIngressBalancer,
  peerEndpointOf,
  peerRecordOf,
  serviceRecordOf,
  TableName,
} from '../../../src/gossip/index.js';
import { decodeHex, encodeHex } from '../../../src/memory/internal.js';
import { TABLE_EVENTS } from './vectors.js';

const PLACE = { network: 'my-network', endpoint: 'e1', node: 'node1' };
const EMPTY = {
  name: 'c',
  serviceName: '',
  serviceId: '',
  virtualIp: '',
  endpointIp: '10.0.9.3',
  ingressPorts: [],
  aliases: [],
  taskAliases: [],
  serviceDisabled: false,
};

describe('records', () => {
  test('recorded ones become records of services or endpoints, and the same bytes again', () => {
    for (const { table, value_hex } of TABLE_EVENTS) {
      if (table === TableName.Peers) {
        const record = decodePeerRecord(decodeHex(value_hex));
        const endpoint = isFault(record) ? record : peerEndpointOf(record);
        assert.ok(!isFault(endpoint));
        assert.equal(encodeHex(encodePeerRecord(peerRecordOf(endpoint))), value_hex);
      } else {
        const record = decodeEndpointRecord(decodeHex(value_hex));
        const service = isFault(record) ? record : serviceRecordOf(record, PLACE);
        assert.ok(!isFault(service));
        assert.equal(encodeHex(encodeEndpointRecord(endpointRecordOf(service))), value_hex);
      }
    }
  });

  test('a task of a service with a published port', () => {
    const record = {
      ...EMPTY,
      name: 'web.1.x',
      serviceName: 'web',
      serviceId: 's1',
      virtualIp: '10.0.9.2',
      ingressPorts: [{ name: 'p', protocol: 1, targetPort: 53, publishedPort: 5300 } as const],
      aliases: ['w'],
      taskAliases: ['0123456789ab'],
      serviceDisabled: true,
    };
    assert.deepEqual(serviceRecordOf(record, PLACE), {
      ...PLACE,
      name: 'web.1.x',
      addresses: [Uint8Array.of(10, 0, 9, 3)],
      service: {
        id: 's1',
        name: 'web',
        vip: Uint8Array.of(10, 0, 9, 2),
        aliases: ['w'],
        ports: [{ protocol: 'udp', target: 53, published: 5300, mode: 'ingress' }],
      },
      aliases: ['0123456789ab'],
      disabled: true,
    });
  });

  test('a virtual IP that cannot be parsed is none, and a plain container has no service', () => {
    for (const virtualIp of ['', '<nil>', 'x', '::1']) {
      const record = serviceRecordOf({ ...EMPTY, serviceId: 's', virtualIp }, PLACE);
      assert.equal(isFault(record) ? record : record.service?.vip, undefined);
    }
    const plain = serviceRecordOf(EMPTY, PLACE);
    assert.equal(isFault(plain) ? plain : plain.service, undefined);
    assert.ok(isIngressBalancer({ ...EMPTY, name: 'ingress-endpoint' }));
    assert.ok(!isIngressBalancer(EMPTY));
  });

  test('addresses that are none: bad-record', () => {
    assert.equal(serviceRecordOf({ ...EMPTY, endpointIp: '10.0.9' }, PLACE), 'bad-record');
    const peer = { endpointIp: '10.0.9.3/24', endpointMac: '02:42:0a:00:09:03', tunnelEndpointIp: '192.168.50.1' };
    assert.ok(!isFault(peerEndpointOf(peer)));
    for (const wrong of [
      { endpointIp: '10.0.9.3' },
      { endpointIp: '10.0.9.3/33' },
      { endpointIp: '10.0.9.3/2/4' },
      { endpointMac: '02:42' },
      { tunnelEndpointIp: '' },
    ]) {
      assert.equal(peerEndpointOf({ ...peer, ...wrong }), 'bad-record');
    }
    assert.throws(() => endpointRecordOf({ ...PLACE, name: 'x', addresses: [] }), { code: 'BAD_GOSSIP' });
  });
});
