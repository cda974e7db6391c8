/** Arbitrary bytes: no decoder throws, and none reads outside the packet. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  checkArp,
  checkEsp,
  checkIcmp,
  checkIcmpv6,
  checkIpv4,
  checkIpv6,
  checkTcp,
  checkUdp,
  checkVxlan,
  EtherType,
  HeaderError,
  Layers,
} from '../../src/wire/index.js';
import { ECHO_IN_VXLAN } from './golden.js';

const layers = new Layers();
const CHECKS = [checkArp, checkEsp, checkIcmp, checkIcmpv6, checkIpv4, checkIpv6, checkTcp, checkUdp, checkVxlan];

/** Everything the decoders report about a packet at offset 16 of a larger array. */
function everything(bytes: Uint8Array, end: number, limit: number): unknown[] {
  const found: unknown[] = CHECKS.map((check) => check(bytes, 16, end));
  for (const etherType of [-1, EtherType.Ipv4, EtherType.Ipv6, EtherType.Vlan]) {
    const headerError =
      etherType < 0 ? layers.walkEthernet(bytes, 16, end, limit) : layers.walkNetwork(bytes, etherType, 16, end, limit);
    found.push(headerError);
    if (headerError !== HeaderError.None) continue;
    const { networkOffset, networkEnd, transportOffset, payloadOffset, payloadEnd, family, isFragment } = layers;
    assert.ok(networkOffset >= 16 && networkOffset <= networkEnd && networkEnd <= limit);
    if (family !== 0) assert.ok(transportOffset > networkOffset && transportOffset <= networkEnd);
    if (payloadOffset !== 0) assert.ok(payloadOffset <= payloadEnd && payloadEnd <= networkEnd && payloadOffset <= end);
    found.push(networkOffset, networkEnd, family, isFragment, layers.sourcePort, layers.destinationPort);
  }
  return found;
}

function survives(packet: Uint8Array, beyond: number): void {
  const end = 16 + packet.length;
  const around = [0x00, 0xff].map((filler) => {
    const bytes = new Uint8Array(end + 64).fill(filler);
    bytes.set(packet, 16);
    return everything(bytes, end, end + beyond);
  });
  // The bytes around the packet must make no difference.
  assert.deepEqual(around[0], around[1]);
}

describe('arbitrary bytes', () => {
  test('random bytes never throw (40,000 cases)', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), fc.nat(40), survives), {
      seed: 20261121,
      numRuns: 40_000,
    });
  });

  test('packets with changed bytes and truncated ends never throw (80,000 cases)', () => {
    const changes = fc.array(fc.tuple(fc.nat(ECHO_IN_VXLAN.length - 1), fc.nat(255)), { maxLength: 6 });
    fc.assert(
      fc.property(changes, fc.nat(ECHO_IN_VXLAN.length), fc.nat(40), (list, cut, beyond) => {
        const packet = ECHO_IN_VXLAN.slice(0, cut < 20 ? ECHO_IN_VXLAN.length : cut);
        for (const [at, value] of list) if (at < packet.length) packet[at] = value;
        survives(packet, beyond);
      }),
      { seed: 20261121, numRuns: 80_000 },
    );
  });
});
