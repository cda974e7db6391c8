/** Faults of packets that are too large. */
import type { Endpoint } from '../../overlay/index.js';
import { getWord } from '../../memory/internal.js';
import {
  ETHERNET_HEADER_LEN,
  EtherType,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  UDP_HEADER_LEN,
  writeIpv4,
} from '../../wire/index.js';
import { type InnerEnd, LaneKind } from '../lane-spec.js';
import { Alteration } from '../packet.js';
import { type Script, TcpConversation, TcpLane } from '../script.js';
import type { Fault, FaultSite } from './fault.js';
import { MS, SECOND, TIMEOUTS } from './script-parts.js';
import { ipPacket, tooBigMessage } from './underlay-packet.js';

const PORT = 8000;
const CLIENT_PORT = 41_000;
const UDP_PORT = 9000;
const GATEWAY_HOST = 1;
const DONT_FRAGMENT = 0x4000;
/** What a router's next link takes less than a network's MTU, in bytes. */
const SMALLER = 100;
/** Docker's MTU over an underlay whose MTU is that much smaller. */
const EXCESS = 80;

/** A connection whose answer has large segments. */
function download(site: FaultSite, script: Script, large: (conversation: TcpConversation, mss: number) => void): void {
  const conversation = new TcpConversation();
  conversation.begin(site.builder.random.word(), site.builder.random.word());
  script.port = CLIENT_PORT;
  conversation.open(script);
  conversation.send(script, TcpLane.Client, 120, MS, true);
  large(conversation, site.mtu - (site.builder.options.ipv6 ? 72 : 52));
}

/** What a path's MTU is that is too small for a network. */
function smallMtu(site: FaultSite): number {
  return site.builder.options.mtu - EXCESS;
}

const mtuTooBig: Fault = {
  name: 'mtu-too-big',
  makes: 'full TCP segments that the path takes only in two outer fragments',
  needs: 'any',
  add(site) {
    const mtu = smallMtu(site);
    const lanes = site.builder.tcp(site.a, site.b, PORT, { mtu });
    site.flow(lanes, (script) => {
      download(site, script, (conversation, mss) => {
        for (let burst = 0; burst < 6; burst++) {
          for (let i = 0; i < 4; i++) {
            script.fault = site.index;
            conversation.send(script, TcpLane.Server, mss, i === 0 ? 20 * MS : 12_000, i === 3);
            script.fault = -1;
            if (i % 2 === 1) conversation.acknowledge(script, TcpLane.Client, 100_000);
          }
          conversation.send(script, TcpLane.Client, 120, MS, true);
        }
        conversation.send(script, TcpLane.Server, 90, MS, true);
        conversation.close(script);
      });
    });
  },
};

const fragmentsLost: Fault = {
  name: 'fragments-lost',
  makes:
    'outer fragments of which the second never comes: the handshake works, full segments are retransmitted without success',
  needs: 'any',
  add(site) {
    const mtu = smallMtu(site);
    const lanes = site.builder.tcp(site.a, site.b, PORT, { mtu });
    site.flow(lanes, (script) => {
      download(site, script, (conversation, mss) => {
        conversation.acknowledge(script, TcpLane.Server, MS);
        script.fault = site.index;
        script.alterations = Alteration.LoseFragment;
        for (let i = 0; i < 3; i++) conversation.send(script, TcpLane.Server, mss, i === 0 ? MS : 12_000);
        for (const timeout of TIMEOUTS) conversation.again(script, TcpLane.Server, mss, 3 * mss, timeout);
        script.fault = -1;
        script.alterations = 0;
      });
    });
    site.ping(site.a, site.b, 5);
  },
};

const tooBigIgnored: Fault = {
  name: 'icmp-too-big-ignored',
  makes:
    "a router's messages that a container's UDP packets are too big, and the container, which goes on sending them",
  needs: 'any',
  add(site) {
    const { builder, a, b, network } = site;
    const router: InnerEnd = { mac: b.mac, ip: builder.world.addressIn(network, GATEWAY_HOST) };
    const given = messageFrame(router, a, b, site.mtu);
    const udp = builder.udp(a, b, UDP_PORT);
    const message = builder.lanes([builder.spec(b, a, LaneKind.Frame, { given })]);
    const lanes = builder.together(udp, message);
    const headers = udp.lanes[0].length - udp.lanes[0].innerIp;
    site.flow(lanes, (script) => {
      script.port = CLIENT_PORT;
      for (let i = 0; i < 12; i++) {
        // A sender has a second to react.
        script.fault = i < 4 ? -1 : site.index;
        script.add(0, 0.4 * SECOND, site.mtu - headers);
        script.fault = -1;
        script.add(2, 0.3 * MS, 0);
        // Small ones arrive.
        script.add(0, MS, 40);
        script.add(1, 0.2 * MS, 40);
      }
    });
  },
};

/** A frame with a router's message about a packet from one container to another. */
function messageFrame(router: InnerEnd, from: Endpoint, to: Endpoint, mtu: number): Uint8Array {
  const [source, destination] = [from.ip ?? new Uint8Array(4), to.ip ?? new Uint8Array(4)];
  const udp = new Uint8Array(UDP_HEADER_LEN);
  const view = new DataView(udp.buffer);
  view.setUint16(0, CLIENT_PORT);
  view.setUint16(2, UDP_PORT);
  view.setUint16(4, mtu - (source.length === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN));
  // As long as the packet was, though only its begin is quoted.
  const quote = ipPacket(source, destination, IpProtocol.Udp, udp);
  if (source.length === 4) {
    writeIpv4(quote, 0, 0, mtu, DONT_FRAGMENT, 63, IpProtocol.Udp, getWord(source, 0), getWord(destination, 0));
  } else new DataView(quote.buffer).setUint16(4, mtu - IPV6_HEADER_LEN);
  const packet = tooBigMessage(router.ip, source, mtu - SMALLER, quote);
  const frame = new Uint8Array(ETHERNET_HEADER_LEN + packet.length);
  frame.set(from.mac);
  frame.set(router.mac, 6);
  new DataView(frame.buffer).setUint16(12, source.length === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
  frame.set(packet, ETHERNET_HEADER_LEN);
  return frame;
}

/** All of them. */
export const MTU_FAULTS: readonly Fault[] = [mtuTooBig, fragmentsLost, tooBigIgnored];
