import assert from 'node:assert/strict';
import test from 'node:test';
import { readAttachment } from '../../../src/join/attachment/attached-network.js';
import { NetworkAttachment } from '../../../src/join/messages.js';

const VNIS = 'com.docker.network.driver.overlay.vxlanid_list';

function attachment(changes: {
  options?: Record<string, string>;
  configs?: object[];
  addresses?: string[];
  driver?: string;
}) {
  const {
    options = {},
    configs = [{ subnet: '10.81.0.0/24', gateway: '10.81.0.1' }],
    addresses = ['10.81.0.2/24'],
  } = changes;
  return NetworkAttachment.decode(
    NetworkAttachment.encode({
      network: {
        id: 'n1',
        spec: { annotations: { name: 'two' } },
        driverState: {
          name: changes.driver ?? 'overlay',
          options: new Map(Object.entries({ [VNIS]: '4099', ...options })),
        },
        ipam: { configs },
      },
      addresses,
    }),
  );
}

test('the VNI is that of the subnet of the address', () => {
  const from = attachment({
    options: { [VNIS]: '4099,4100', 'com.docker.network.driver.mtu': '8950' },
    configs: [
      { subnet: '10.81.0.0/24', gateway: '10.81.0.1' },
      { subnet: '10.82.0.0/24' },
      { subnet: 'fd00::/64', gateway: 'fd00::1' },
    ],
    addresses: ['10.82.0.9/24'],
  });
  const { vni, subnets, mtu, address } = readAttachment({ network: 'two' }, 't1', from);
  assert.deepEqual([vni, mtu, address], [4100, 8900, '10.82.0.9/24']);
  assert.deepEqual(subnets, [
    { subnet: '10.81.0.0/24', gateway: '10.81.0.1', vni: 4099 },
    { subnet: '10.82.0.0/24', gateway: undefined, vni: 4100 },
  ]);
});

test('the presence of the option encrypts, whatever its value', () => {
  for (const encrypted of ['', 'true', 'false']) {
    const network = readAttachment({ network: 'two' }, 't1', attachment({ options: { encrypted } }));
    assert.deepEqual([network.encrypted, network.mtu], [true, 1424]);
  }
});

test('flags of the network and its driver are read', () => {
  const plain = readAttachment({ network: 'two' }, 't1', attachment({}));
  assert.deepEqual([plain.ingress, plain.internal, plain.dsr], [false, false, false]);
  const { network, addresses } = attachment({ options: { dsr: '' } });
  assert.ok(network?.spec);
  const spec = { ...network.spec, ingress: true, internal: true };
  const flagged = readAttachment({ network: 'two' }, 't1', { network: { ...network, spec }, addresses });
  assert.deepEqual([flagged.ingress, flagged.internal, flagged.dsr], [true, true, true]);
});

test('what makes no sense is refused with the network', () => {
  for (const changes of [
    { driver: 'bridge' },
    { options: { [VNIS]: '' } },
    { options: { [VNIS]: '99999999' } },
    { options: { 'com.docker.network.driver.mtu': '7' } },
    { addresses: [] },
    { addresses: ['nonsense'] },
    { addresses: ['10.99.0.2/24'] },
    { addresses: ['fd00::2/64'] },
    { configs: [] },
    { configs: [{ subnet: '10.81.0.0/24' }, { subnet: '10.82.0.0/24' }] },
    { configs: [{ subnet: '10.81.0.7/24' }] },
    { configs: [{ subnet: '10.81.0.0/24', gateway: 'x' }] },
  ]) {
    assert.throws(
      () => readAttachment({ network: 'two' }, 't1', attachment(changes)),
      (error: { code: string; message: string }) =>
        error.code === 'BAD_ANSWER' && error.message.startsWith('network "two": '),
      JSON.stringify(changes),
    );
  }
});
