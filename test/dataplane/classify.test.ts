/** A node handles tunnel-mode ESP as it would the same packets unencrypted. */
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { hkdfSha256, nodeBackend } from '../../src/aead/index.js';
import { IngressChain } from '../../src/dataplane/index.js';
import { InboundSa, Keymat, OutboundEsp, OutboundSa, type SecurityAssociation } from '../../src/ipsec/index.js';
import { Arena, PacketBatch } from '../../src/memory/index.js';
import { NodeSas, NodeTables } from '../../src/overlay/index.js';
import { IpProtocol, VXLAN_PORT } from '../../src/wire/index.js';
import { split } from '../fragment/split.js';
import { FRAME, ip, udpIp, vxlan } from './build.js';
import { topologyOf } from './topology.js';

const aead = nodeBackend.create();
const SOURCE = { 4: '192.168.50.1', 6: 'fd50::1' } as const;
const HERE = { 4: '192.168.50.2', 6: 'fd50::2' } as const;
const ELSEWHERE = { 4: '192.168.50.77', 6: 'fd50::77' } as const;

function association(family: 4 | 6): SecurityAssociation {
  const keymat = new Keymat(Uint8Array.from({ length: 20 }, (_, i) => 17 * i));
  const ends = { source: SOURCE[family], destination: HERE[family] };
  return { spi: 0x4001, ...ends, mode: 'tunnel', keymat, icvLength: 8, esn: false, replayWindow: 0 };
}

/** A node of an encrypted network that also has a tunnel-mode SA, and its sender. */
class Tunnelled {
  readonly delivered: Uint8Array[] = [];
  readonly chain: IngressChain;
  readonly #arena = new Arena({ slots: 64, frameBytes: 4000, debug: true });
  readonly #sender: OutboundSa;
  readonly #sealer = new OutboundEsp(aead, 1);

  constructor(family: 4 | 6) {
    const topology = topologyOf({ encrypted: true, family });
    const random = (bytes: Uint8Array): void => void bytes.fill(0x30);
    const sas = NodeSas.ofTopology(topology, 1, aead, { hkdf: hkdfSha256, random });
    sas.inbound.add(new InboundSa(association(family), aead));
    this.#sender = new OutboundSa(association(family), aead, { ivMask: new Uint8Array(8) });
    const keep = ({ arena, count, start, end }: PacketBatch): void => {
      for (let i = 0; i < count; i++) this.delivered.push(arena.bytes.slice(start[i], end[i]));
    };
    this.chain = new IngressChain(new NodeTables(topology, 'n2'), this.#arena, keep, { aead, sas });
  }

  /** An IP packet in ESP. */
  seal(packet: Uint8Array): Uint8Array {
    const bytes = new Uint8Array(128 + packet.length);
    bytes.set(packet, 80);
    assert.equal(this.#sealer.push(this.#sender, bytes, 80, 80 + packet.length, 0), 0);
    this.#sealer.flush();
    return bytes.slice(this.#sealer.start, this.#sealer.end);
  }

  receive(packets: readonly Uint8Array[], now = 0): void {
    const batch = new PacketBatch(this.#arena);
    for (const bytes of packets) assert.ok(batch.copyIn(bytes, 0, bytes.length) >= 0);
    this.chain.run(batch, now);
    const {
      packets: came,
      reassembledFragments,
      reassembled,
      copies,
      delivered,
      dropped,
      held,
    } = this.chain.accounting;
    assert.equal(came - reassembledFragments + reassembled + copies, delivered + dropped + held);
    assert.deepEqual(this.#arena.holders(), []);
  }

  get drops(): object {
    return this.chain.drops.byName();
  }
}

for (const family of [4, 6] as const) {
  describe(`tunnel-mode ESP over IPv${family}`, () => {
    const overlay = udpIp(family, VXLAN_PORT, vxlan(4097, FRAME));
    const parts = (bytes = overlay, id = 1): Uint8Array[] => {
      const packet = bytes.slice();
      if (family === 4) packet.set([id >>> 8, id & 0xff], 4);
      const headerLength = family === 4 ? 20 : 40;
      return split({ bytes: packet, headerLength, announcedAt: family === 4 ? -1 : 6 }, [4, 9], { id });
    };

    test('delivers the frame of a whole packet', () => {
      const node = new Tunnelled(family);
      node.receive([node.seal(overlay)]);
      assert.deepEqual([node.delivered, node.drops], [[FRAME], {}]);
    });

    test('RFC 4301 section 7: delivers the frame of a packet fragmented inside the tunnel', () => {
      const node = new Tunnelled(family);
      const sealed = parts().map((part) => node.seal(part));
      node.receive(sealed.slice(0, 2));
      assert.deepEqual([node.delivered, node.chain.held], [[], 2]);
      node.receive(sealed.slice(2));
      assert.deepEqual([node.delivered, node.drops, node.chain.held], [[FRAME], {}, 0]);
    });

    test('delivers it if the ESP packets are fragmented too', () => {
      const node = new Tunnelled(family);
      const sealed = parts().flatMap((part, i) => parts(node.seal(part), 40 + i));
      node.receive(sealed);
      assert.deepEqual([node.delivered, node.drops, node.chain.held], [[FRAME], {}, 0]);
    });

    test('never combines fragments from ESP with unencrypted ones', () => {
      for (const other of [0, 1, 2]) {
        const node = new Tunnelled(family);
        node.receive(parts().map((part, i) => (i === other ? part : node.seal(part))));
        assert.deepEqual([node.delivered, node.chain.held], [[], 3]);
      }
    });

    test('drops a packet inside for another host: OTHERHOST', () => {
      const node = new Tunnelled(family);
      node.receive([node.seal(udpIp(family, VXLAN_PORT, vxlan(4097, FRAME), 'right', '', ELSEWHERE[family]))]);
      assert.deepEqual([node.delivered, node.drops], [[], { OTHERHOST: 1 }]);
    });

    test('drops nested ESP and other protocols: NOT_OVERLAY', () => {
      const node = new Tunnelled(family);
      node.receive([
        node.seal(node.seal(overlay)),
        node.seal(ip(family, IpProtocol.Tcp, new Uint8Array(20).fill(0x50))),
      ]);
      assert.deepEqual([node.delivered, node.drops], [[], { NOT_OVERLAY: 2 }]);
    });

    test('drops a packet inside with a wrong UDP checksum: UDP_CSUM', () => {
      const node = new Tunnelled(family);
      node.receive([node.seal(udpIp(family, VXLAN_PORT, vxlan(4097, FRAME), 1))]);
      assert.deepEqual([node.delivered, node.drops], [[], { UDP_CSUM: 1 }]);
    });
  });
}

test('RFC 1122 section 3.2.1.2: drops a packet inside with a wrong IPv4 header checksum: IP_CSUM', () => {
  const node = new Tunnelled(4);
  const packet = udpIp(4, VXLAN_PORT, vxlan(4097, FRAME));
  packet[10] ^= 1;
  node.receive([node.seal(packet)]);
  assert.deepEqual([node.delivered, node.drops, node.chain.open.opened], [[], { IP_CSUM: 1 }, 1]);
});
