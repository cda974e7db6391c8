import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TapDevice } from '../../../src/live/index.js';
import { addDefaultRoute } from '../../../src/live/tap/default-route.js';
import { parseIpv4, parseMac } from '../../../src/wire/index.js';
import { inNamespace } from '../namespaces/in-namespace.js';
import { NamespaceBench } from '../namespaces/namespace-bench.js';
import type { NetworkNamespace } from '../namespaces/network-namespace.js';
import { requirements } from '../namespaces/requirements.js';

describe('the default route through a TAP device', { skip: requirements() }, () => {
  const bench = new NamespaceBench();
  let inside: NetworkNamespace;
  const tap = (): TapDevice =>
    new TapDevice({
      device: 'eth1',
      netns: inside.name,
      mac: parseMac('02:42:ac:12:00:03'),
      mtu: 1500,
      address: { address: parseIpv4('172.18.0.3'), length: 16 },
      defaultGateway: parseIpv4('172.18.0.1'),
      loopback: true,
    });
  const routes = (): string[] =>
    inside
      .ip('route show default')
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '');
  before(() => (inside = bench.namespace('svc-gateway-route')));
  after(() => bench.close());

  test('comes and goes with the device, and loopback is up', () => {
    inside.ip('link set lo down');
    const device = tap();
    assert.deepEqual(routes(), ['default via 172.18.0.1 dev eth1']);
    assert.match(inside.ip('link show lo'), /[<,]UP[,>]/);
    device.close();
    assert.deepEqual(routes(), []);
  });

  test('stays one route when it is set again', () => {
    const device = tap();
    inNamespace(inside.name, () => addDefaultRoute('eth1', parseIpv4('172.18.0.1')));
    assert.deepEqual(routes(), ['default via 172.18.0.1 dev eth1']);
    device.close();
  });

  test('needs a device, and a gateway on one of its subnets', () => {
    const device = tap();
    for (const [name, gateway, code] of [
      ['eth7', '172.18.0.1', 'NOT_THERE'],
      ['eth1', '192.0.2.1', 'SYSTEM_CALL'],
    ] as const) {
      assert.throws(() => inNamespace(inside.name, () => addDefaultRoute(name, parseIpv4(gateway))), {
        code,
        message: new RegExp(`can't add the default route through ${name} `),
      });
    }
    device.close();
  });
});
