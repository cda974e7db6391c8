/** The chain decrypts ESP by the mode of the SA, whatever its next header. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import { OutboundEsp, outboundHeadroom, outboundTailroom } from '../../src/ipsec/index.js';
import { NodeSas } from '../../src/overlay/index.js';
import { EtherType, IpProtocol, VXLAN_PORT } from '../../src/wire/index.js';
import { ethernet, FRAME, ip, join, udpIp, vxlan } from './build.js';
import { pairOf, topologyOf } from './topology.js';

/** An IP packet that the first node encrypts for the second, as on the wire. */
function sealed(family: 4 | 6, packet: Uint8Array): Uint8Array {
  const aead = nodeBackend.create();
  const random = (bytes: Uint8Array): void => void bytes.fill(0x30);
  const sa = NodeSas.ofTopology(topologyOf({ encrypted: true, family }), 0, aead, {
    hkdf: hkdfSha256,
    random,
  }).outbound(1);
  assert.ok(sa !== undefined);
  const head = outboundHeadroom(sa);
  const bytes = join(new Uint8Array(head), packet, new Uint8Array(outboundTailroom(sa)));
  const esp = new OutboundEsp(aead);
  assert.equal(esp.push(sa, bytes, head, head + packet.length, 0), 0);
  esp.flush();
  return ethernet(bytes.slice(esp.start, esp.end), family === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
}

for (const [family, protocol] of [
  [4, IpProtocol.Ipip],
  [6, IpProtocol.Ipv6],
] as const) {
  describe(`a transport-mode SA over IPv${family}`, () => {
    const overlay = udpIp(family, VXLAN_PORT, vxlan(4097, FRAME));

    test('delivers the frame of an overlay packet', () => {
      const [, two] = pairOf({ encrypted: true, family });
      two.receive([sealed(family, overlay)]);
      assert.deepEqual(
        two.delivered.map(({ bytes }) => bytes),
        [FRAME],
      );
    });

    test(`RFC 4301 section 5.2: does not unwrap a packet of protocol ${protocol}, as the SA is not a tunnel`, () => {
      const [, two] = pairOf({ encrypted: true, family });
      two.receive([sealed(family, ip(family, protocol, overlay))]);
      assert.equal(two.ingress.open.opened, 1);
      assert.deepEqual(two.delivered, []);
      assert.deepEqual(two.ingress.drops.byName(), { NOT_OVERLAY: 1 });
      two.balanced();
    });
  });
}
