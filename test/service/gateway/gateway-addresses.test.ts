import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type GatewaySettings, parsePrefix } from '../../../src/overlay/index.js';
import { GatewayAddresses, GatewayError, sandboxAddress } from '../../../src/service/index.js';
import { formatIpv4, parseIpv4 } from '../../../src/wire/index.js';

function addresses(subnet: string, gateway: string): GatewayAddresses {
  return new GatewayAddresses(parsePrefix(subnet), parseIpv4(gateway));
}

function settings(subnet: string, gateway: string): GatewaySettings {
  const own = { subnet: parsePrefix(subnet), gateway: parseIpv4(gateway) };
  return { name: 'gateway0', ...own, mtu: 1500, icc: false, masquerade: true };
}

describe('the addresses of a gateway network', () => {
  test('the load balancer has the first one after the gateway, and containers the lowest free one', () => {
    const pool = addresses('172.18.0.0/16', '172.18.0.1');
    assert.equal(formatIpv4(pool.sandbox), '172.18.0.2');
    assert.deepEqual(
      ['a', 'b', 'c'].map((key) => formatIpv4(pool.take(key))),
      ['172.18.0.3', '172.18.0.4', '172.18.0.5'],
    );
    pool.release('b');
    pool.release('a');
    // A released address is given out at once: not serial, unlike on overlays.
    assert.equal(formatIpv4(pool.take('d')), '172.18.0.3');
    assert.equal(formatIpv4(pool.take('e')), '172.18.0.4');
    assert.equal(formatIpv4(pool.take('f')), '172.18.0.6');
  });

  test('a container keeps its address, and its release may come twice', () => {
    const pool = addresses('172.18.0.0/16', '172.18.0.1');
    assert.deepEqual(pool.take('a'), pool.take('a'));
    pool.release('a');
    pool.release('a');
    assert.equal(formatIpv4(pool.take('b')), '172.18.0.3');
  });

  test('a gateway in the middle is skipped', () => {
    const pool = addresses('10.1.1.0/29', '10.1.1.2');
    assert.equal(formatIpv4(pool.sandbox), '10.1.1.1');
    assert.equal(formatIpv4(pool.take('a')), '10.1.1.3');
  });

  test('a full subnet gives none, neither network nor broadcast address, until one is released', () => {
    const pool = addresses('10.1.1.0/29', '10.1.1.1');
    const taken = ['a', 'b', 'c', 'd'].map((key) => formatIpv4(pool.take(key)));
    assert.deepEqual(taken, ['10.1.1.3', '10.1.1.4', '10.1.1.5', '10.1.1.6']);
    assert.throws(() => pool.take('e'), { code: 'GATEWAY_FULL' });
    pool.release('c');
    assert.equal(formatIpv4(pool.take('e')), '10.1.1.5');
  });

  test("the sandbox's address is the lowest one that isn't the gateway's; unusable settings have none", () => {
    assert.equal(sandboxAddress(settings('172.18.0.0/16', '172.18.0.1')), '172.18.0.2');
    assert.equal(sandboxAddress(settings('172.18.0.0/16', '172.18.255.254')), '172.18.0.1');
    assert.equal(sandboxAddress(settings('10.1.1.0/24', '10.1.2.1')), undefined);
    assert.equal(sandboxAddress(undefined), undefined);
  });

  for (const [what, subnet, gateway] of [
    ['too small a subnet', '10.1.1.0/31', '10.1.1.1'],
    ['a gateway outside it', '10.1.1.0/24', '10.1.2.1'],
    ['the network address as gateway', '10.1.1.0/24', '10.1.1.0'],
    ['the broadcast address as gateway', '10.1.1.0/24', '10.1.1.255'],
    ['a subnet of IPv6', 'fd00::/64', '10.1.1.1'],
  ] as const) {
    test(`${what} is refused`, () => {
      assert.throws(
        () => addresses(subnet, gateway),
        (error) => error instanceof GatewayError && error.code === 'BAD_GATEWAY',
      );
    });
  }
});
