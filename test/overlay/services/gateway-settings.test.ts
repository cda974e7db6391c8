/** The section `gateway` of a config. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { GatewaySettings } from '../../../src/overlay/index.js';
import { parseConfig } from '../../../src/overlay/files.js';
import { formatAddress, formatPrefix } from '../../../src/overlay/prefix.js';

const SWARM = `nodes: { node1: { vtep: 192.0.2.1 } }
networks:
  ingress: { ingress: true, subnet: 10.0.0.0/24 }
  net: { subnet: 10.0.9.0/24 }
`;

function gatewayOf(text: string): GatewaySettings | undefined {
  return parseConfig(`${SWARM}${text}`).services?.gateway;
}

describe('the gateway', () => {
  test("is Docker's own bridge, if a service publishes ports or the section is there", () => {
    assert.equal(gatewayOf('services: { web: { networks: [net] } }'), undefined);
    for (const text of [
      "services: { web: { networks: [net], ports: ['8080:80'] } }",
      "services: { web: { networks: [net], ports: ['published=8080,target=80,mode=host'] } }",
      'gateway: {}',
    ]) {
      const gateway = gatewayOf(text);
      assert.ok(gateway !== undefined);
      const { name, subnet, gateway: address, mtu, icc, masquerade } = gateway;
      assert.deepEqual(
        [name, formatPrefix(subnet), formatAddress(address), mtu, icc, masquerade],
        ['docker_gwbridge', '172.18.0.0/16', '172.18.0.1', 1500, false, true],
      );
    }
  });

  test('can be another', () => {
    const fields = '{ name: gw0, subnet: 10.1.0.0/20, gateway: 10.1.3.4, mtu: 1400, icc: true, masquerade: false }';
    const gateway = gatewayOf(`gateway: ${fields}`);
    assert.ok(gateway !== undefined);
    const { name, subnet, gateway: address, mtu, icc, masquerade } = gateway;
    assert.deepEqual(
      [name, formatPrefix(subnet), formatAddress(address), mtu, icc, masquerade],
      ['gw0', '10.1.0.0/20', '10.1.3.4', 1400, true, false],
    );
  });

  for (const [fields, says] of [
    ['gateway: 172.19.0.1', 'gateway.gateway: 172.19.0.1 is outside its subnet 172.18.0.0/16'],
    ['gateway: 172.18.0.0', 'gateway.gateway: 172.18.0.0 is the address of the subnet 172.18.0.0/16 itself'],
    ['gateway: 172.18.255.255', 'gateway.gateway: 172.18.255.255 is the broadcast address of 172.18.0.0/16'],
    ['gateway: "fd00::1"', 'gateway.gateway: fd00::1 is not an IPv4 address'],
    ['subnet: "fd00::/64"', 'gateway.subnet: fd00::/64 is not IPv4'],
    ['subnet: 10.0.9.128/30', 'gateway.subnet: 10.0.9.128/30 is too small; the longest prefix is /29'],
    ['subnet: 10.0.8.0/21', 'gateway.subnet: 10.0.8.0/21 overlaps 10.0.9.0/24 of net; give the gateway another subnet'],
    ['mtu: 67', 'gateway.mtu: 67 is not an MTU (68 to 65535)'],
    ['name: docker/gwbridge', 'gateway.name: an interface name has 1 to 15 characters: letters, digits and ._-'],
    ['icc: 1', 'gateway.icc: 1 is not true or false'],
    ['nat: true', 'gateway: unknown field "nat"; there are name, subnet, gateway, mtu, icc, masquerade'],
  ] as const) {
    test(`refuses ${fields} with the line`, () => {
      assert.throws(
        () => gatewayOf(`gateway:\n  ${fields}\n`),
        (error: { position?: { line: number }; reason?: string } & Error) => {
          assert.ok(error.reason?.startsWith(says.slice(0, 24)), error.message);
          assert.equal(error.reason, says);
          assert.equal(error.position?.line, 6);
          return true;
        },
      );
    });
  }

  test('refuses the name of an interface of an endpoint on the host', () => {
    const endpoint = 'endpoints: { c1: { network: net, node: node1, ip: 10.0.9.9, device: gw0 } }';
    assert.throws(() => gatewayOf(`gateway: { name: gw0 }\n${endpoint}`), /c1 of node1 has gw0 already/);
    assert.ok(gatewayOf(`gateway: { name: gw0 }\n${endpoint.replace('device', 'netns: c1, device')}`));
  });

  test('refuses the default subnet where a network has it', () => {
    const text = SWARM.replace('10.0.9.0/24', '172.18.4.0/24');
    assert.throws(
      () => parseConfig(`${text}gateway:\n  mtu: 1400\n`),
      /gateway\.subnet: 172\.18\.0\.0\/16 overlaps 172\.18\.4\.0\/24 of net; give the gateway another subnet/,
    );
  });
});
