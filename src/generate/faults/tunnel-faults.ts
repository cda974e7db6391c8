/** Faults of the outer headers, of VXLAN, and of what tunnels carry. */
import { ArpOperation, ETHERNET_HEADER_LEN, EtherType, VXLAN_FLAG_G, VXLAN_FLAG_I } from '../../wire/index.js';
import type { Endpoint } from '../../overlay/index.js';
import { LaneKind } from '../lane-spec.js';
import { Alteration } from '../packet.js';
import { TcpLane } from '../script.js';
import { TcpFlag } from '../../wire/index.js';
import type { Fault, FaultSite } from './fault.js';
import { MS, SECOND, unansweredConnection } from './script-parts.js';
import { udpPacket } from './underlay-packet.js';

const UDP_PORT = 9000;
const TCP_PORT = 8000;
const CLIENT_PORT = 43_000;
const PAYLOAD = 200;
/** Linux's default, and flannel's. */
const LINUX_PORT = 8472;
const GOSSIP_PORT = 7946;
/** Group policy 100: the flag, and the id in the reserved bits. */
const GROUP_POLICY = ((VXLAN_FLAG_I | VXLAN_FLAG_G) << 24) | 100;
const BROADCAST = new Uint8Array(6).fill(0xff);

/** Requests and answers, of which all requests show the fault. */
function marked(site: FaultSite, count: number, lanes: ReturnType<FaultSite['builder']['udp']>, answers = true): void {
  site.flow(lanes, (script) => {
    script.port = CLIENT_PORT;
    for (let i = 0; i < count; i++) {
      script.fault = site.index;
      script.add(0, 40 * MS, PAYLOAD);
      script.fault = -1;
      if (answers) script.add(1, 0.2 * MS, PAYLOAD);
    }
  });
}

const checksumBroken: Fault = {
  name: 'checksum-broken-by-offload',
  makes: 'a node whose TCP and UDP checksums inside are all wrong, and whose ICMP is right',
  needs: 'any',
  add(site) {
    const { builder, a, b } = site;
    site.ping(a, b, 10);
    site.flow(builder.tcp(a, b, TCP_PORT), (script) => {
      script.alterations = Alteration.BadChecksum;
      unansweredConnection(site, script, CLIENT_PORT);
    });
    site.flow(builder.tcp(b, a, TCP_PORT), (script) => {
      const [client, server] = [builder.random.word(), builder.random.word()];
      script.port = CLIENT_PORT;
      for (let i = 0; i < 3; i++) {
        script.segment(TcpLane.ClientSyn, i * SECOND, 0, TcpFlag.Syn, client, 0);
        script.fault = site.index;
        script.alterations = Alteration.BadChecksum;
        script.segment(TcpLane.ServerSyn, 0.2 * MS, 0, TcpFlag.Syn | TcpFlag.Ack, server, client + 1);
        script.fault = -1;
        script.alterations = 0;
      }
    });
    site.flow(builder.udp(a, b, UDP_PORT), (script) => {
      script.port = CLIENT_PORT;
      script.fault = site.index;
      script.alterations = Alteration.BadChecksum;
      for (let i = 0; i < 10; i++) script.add(0, 200 * MS, PAYLOAD);
    });
  },
};

const outerSource: Fault = {
  name: 'outer-source-not-vtep',
  makes: "VXLAN from an address that isn't the node's VTEP",
  needs: 'clear',
  add(site) {
    const { builder, a, b } = site;
    const outer = builder.options.underlayIpv6
      ? Uint8Array.of(0xfd, 0, 0, 0x99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)
      : Uint8Array.of(172, 31, 0, 1);
    marked(site, 30, builder.udp(a, b, UDP_PORT, { outerSource: outer }, {}));
  },
};

const reservedBits: Fault = {
  name: 'vxlan-reserved-bits',
  makes: 'VXLAN with a group policy in its reserved bits, which receivers drop',
  needs: 'clear',
  add(site) {
    marked(site, 30, site.builder.udp(site.a, site.b, UDP_PORT, { vxlanFlags: GROUP_POLICY }, {}), false);
    site.ping(site.b, site.a, 3, {}, { vxlanFlags: GROUP_POLICY });
  },
};

const wrongPort: Fault = {
  name: 'wrong-port',
  makes: 'VXLAN to port 8472 instead of the data path port',
  needs: 'clear',
  add(site) {
    const { builder, a, b } = site;
    const vxlanPort = builder.options.port === LINUX_PORT ? 4789 : LINUX_PORT;
    site.flow(builder.udp(a, b, UDP_PORT, { vxlanPort }), (script) => {
      script.port = CLIENT_PORT;
      script.fault = site.index;
      for (let i = 0; i < 30; i++) {
        script.add(0, 40 * MS, PAYLOAD);
        script.add(1, 0.2 * MS, PAYLOAD);
      }
    });
  },
};

/** A broadcast request for an address. */
function arpRequest(from: Endpoint, target: Uint8Array): Uint8Array {
  const frame = new Uint8Array(42);
  const view = new DataView(frame.buffer);
  frame.set(BROADCAST);
  frame.set(from.mac, 6);
  view.setUint16(12, EtherType.Arp);
  // Ethernet and IPv4, with addresses of 6 and 4 bytes.
  view.setUint16(ETHERNET_HEADER_LEN, 1);
  view.setUint16(ETHERNET_HEADER_LEN + 2, EtherType.Ipv4);
  frame[18] = 6;
  frame[19] = 4;
  view.setUint16(20, ArpOperation.Request);
  frame.set(from.mac, 22);
  frame.set(ipv4Of(from.ip), 28);
  frame.set(ipv4Of(target), 38);
  return frame;
}

function ipv4Of(address: Uint8Array | undefined): Uint8Array {
  return address?.length === 4 ? address : Uint8Array.of(10, 0, 0, address?.[15] ?? 1);
}

const arpInTunnel: Fault = {
  name: 'arp-in-tunnel',
  makes: 'ARP requests that are flooded to other nodes instead of being answered by the own one',
  needs: 'any',
  add(site) {
    const { builder, a, b } = site;
    const given = arpRequest(a, b.ip ?? new Uint8Array(4));
    const lanes = builder.lanes([builder.spec(a, b, LaneKind.Frame, { given })]);
    site.flow(lanes, (script) => {
      script.fault = site.index;
      for (let i = 0; i < 12; i++) script.add(0, 300 * MS, 0);
    });
    site.ping(a, b, 5);
  },
};

const duplicateAddress: Fault = {
  name: 'duplicate-address',
  makes: 'two containers on two nodes with one address and two MACs',
  needs: 'any',
  add(site) {
    const { builder, a, b } = site;
    const twin = { ...site.container(), ip: a.ip };
    const other = site.container();
    marked(site, 40, builder.udp(a, b, UDP_PORT));
    site.flow(builder.udp(twin, other, UDP_PORT), (script) => {
      script.port = CLIENT_PORT + 1;
      for (let i = 0; i < 40; i++) {
        script.fault = site.index;
        script.add(0, 40 * MS, PAYLOAD);
        script.fault = -1;
        script.add(1, 0.2 * MS, PAYLOAD);
      }
    });
    // The same peer hears both.
    site.flow(builder.udp(twin, b, UDP_PORT), (script) => {
      script.port = CLIENT_PORT + 2;
      for (let i = 0; i < 40; i++) {
        script.fault = site.index;
        script.add(0, 40 * MS, PAYLOAD);
        script.fault = -1;
        script.add(1, 0.2 * MS, PAYLOAD);
      }
    });
  },
};

const endpointMoved: Fault = {
  name: 'endpoint-moved',
  makes: 'a container that moves to another node, while a peer goes on sending to the old one',
  needs: 'any',
  add(site) {
    const { builder, a, b } = site;
    const third = builder.world.addNode();
    const moved = { ...a, node: builder.world.nodes.indexOf(third) };
    const before = builder.udp(b, a, UDP_PORT);
    const after = builder.udp(b, moved, UDP_PORT);
    const lanes = builder.together(before, after);
    site.flow(lanes, (script) => {
      script.port = CLIENT_PORT;
      for (let i = 0; i < 25; i++) {
        script.add(0, 40 * MS, PAYLOAD);
        script.add(1, 0.2 * MS, PAYLOAD);
      }
      script.fault = site.index;
      // To the old node, whose answers don't come; the container itself is heard from the new one.
      for (let i = 0; i < 25; i++) {
        script.add(0, 300 * MS, PAYLOAD);
        script.add(3, 10 * MS, PAYLOAD);
      }
      script.fault = -1;
      for (let i = 0; i < 10; i++) {
        script.add(2, 40 * MS, PAYLOAD);
        script.add(3, 0.2 * MS, PAYLOAD);
      }
    });
  },
};

/** Encrypted gossip: its version byte, and what can't be told from random bytes. */
function gossip(site: FaultSite): Uint8Array {
  const payload = new Uint8Array(1 + 12 + 60 + 16);
  site.builder.random.fill(payload);
  payload[0] = 1;
  return payload;
}

/** Lanes of gossip from one node to another, with different contents. */
export function gossipLanes(
  site: FaultSite,
  from: Endpoint,
  to: Endpoint,
  count: number,
): ReturnType<FaultSite['builder']['lanes']> {
  const { builder } = site;
  const { nodes } = builder.world;
  const ports = [GOSSIP_PORT, GOSSIP_PORT] as const;
  return builder.lanes(
    Array.from({ length: count }, () => {
      const given = udpPacket(nodes[from.node].vtep, nodes[to.node].vtep, ports, gossip(site));
      return builder.spec(from, to, LaneKind.Packet, { given, sas: [] });
    }),
  );
}

const gossipOneWay: Fault = {
  name: 'gossip-one-way',
  makes: 'gossip on UDP port 7946 from one node to another, and none back',
  needs: 'any',
  add(site) {
    const { a, b } = site;
    const lanes = gossipLanes(site, a, b, 16);
    site.flow(lanes, (script) => {
      script.fault = site.index;
      for (let i = 0; i < 64; i++) script.add(i % 16, 200 * MS, 0);
    });
    site.ping(a, b, 5);
  },
};

/** All of them. */
export const TUNNEL_FAULTS: readonly Fault[] = [
  checksumBroken,
  outerSource,
  reservedBits,
  arpInTunnel,
  duplicateAddress,
  endpointMoved,
  wrongPort,
  gossipOneWay,
];
