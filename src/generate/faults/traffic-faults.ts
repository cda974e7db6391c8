/** Faults that containers feel: connections that stall, end or are never answered. */
import { macOfIpv4, TcpFlag } from '../../wire/index.js';
import type { Endpoint } from '../../overlay/index.js';
import { TcpConversation, TcpLane } from '../script.js';
import { dnsAnswer, dnsQuery } from '../traffic/dns-flow.js';
import type { Fault } from './fault.js';
import { MS, SECOND, TIMEOUTS, unansweredConnection } from './script-parts.js';

const TCP_PORT = 8000;
const UDP_PORT = 9000;
const DNS_PORT = 53;
const CLIENT_PORT = 44_000;
const PAYLOAD = 200;
/** IPVS forgets connections after 900 s. */
const IDLE = 905 * SECOND;
/** A resolver's timeout of a query. */
const DNS_TIMEOUT = 5 * SECOND;
/** Host number of a network's first service. */
const VIP_HOST = 2;

const vipAsDestination: Fault = {
  name: 'vip-as-destination',
  makes: "connections to a service's virtual address that leave the node untranslated",
  needs: 'any',
  add(site) {
    const { builder, network, a, b } = site;
    const ip = builder.world.addressIn(network, VIP_HOST);
    site.ping(b, a, 5);
    // The MAC of whatever balancer answers for it on another node.
    const vip: Endpoint = { ...b, ip, mac: ip.length === 4 ? macOfIpv4(ip) : b.mac };
    for (let i = 0; i < 4; i++) {
      site.flow(
        builder.tcp(a, vip, TCP_PORT),
        (script) => {
          unansweredConnection(site, script, CLIENT_PORT + i);
        },
        20 + 500 * i,
      );
    }
  },
};

const idleConnectionCut: Fault = {
  name: 'idle-connection-cut',
  makes: 'a connection that is idle for 905 s, and is then reset',
  needs: 'any',
  add(site) {
    const { builder, a, b } = site;
    site.flow(builder.tcp(a, b, TCP_PORT), (script) => {
      const conversation = new TcpConversation();
      conversation.begin(builder.random.word(), builder.random.word());
      script.port = CLIENT_PORT;
      conversation.open(script);
      conversation.exchange(script, PAYLOAD, 2, 1000, 300);
      script.fault = site.index;
      conversation.send(script, TcpLane.Client, PAYLOAD, IDLE, true);
      script.segment(TcpLane.Server, 0.3 * MS, 0, TcpFlag.Rst, conversation.server, 0);
    });
  },
};

const retransmissionStorm: Fault = {
  name: 'retransmission-storm',
  makes: 'a connection in which every second segment is sent again, some of them four times',
  needs: 'any',
  add(site) {
    const { builder, a, b } = site;
    site.flow(builder.tcp(a, b, TCP_PORT), (script) => {
      const conversation = new TcpConversation();
      conversation.begin(builder.random.word(), builder.random.word());
      script.port = CLIENT_PORT;
      conversation.open(script);
      for (let i = 0; i < 20; i++) {
        conversation.send(script, TcpLane.Client, 1000, 5 * MS, true);
        script.fault = site.index;
        const times = i % 5 === 0 ? TIMEOUTS : TIMEOUTS.slice(0, 1);
        for (const timeout of times) conversation.again(script, TcpLane.Client, 1000, 1000, timeout);
        script.fault = -1;
        conversation.acknowledge(script, TcpLane.Server);
      }
      conversation.close(script);
    });
  },
};

const dnsTimeouts: Fault = {
  name: 'dns-timeouts',
  makes: 'DNS queries that are repeated and never answered, between others that are',
  needs: 'any',
  add(site) {
    const { builder, a, b } = site;
    const name = 'db.internal';
    const address = a.ip ?? new Uint8Array(4);
    const [query, answer] = [dnsQuery(name, address), dnsAnswer(name, address)];
    const lanes = builder.udp(a, b, DNS_PORT, { payload: query }, { payload: answer });
    site.flow(lanes, (script) => {
      for (let i = 0; i < 8; i++) {
        const id = builder.random.below(0x10000);
        script.port = CLIENT_PORT + i;
        if (i % 2 === 0) {
          script.add(0, 50 * MS, 0, id);
          script.add(1, 0.3 * MS, 0, id);
          continue;
        }
        script.fault = site.index;
        script.add(0, 50 * MS, 0, id);
        script.add(0, DNS_TIMEOUT, 0, id);
        script.fault = -1;
      }
      // Time enough for the last to be a timeout.
      script.add(0, DNS_TIMEOUT, 0, 7);
      script.add(1, 0.3 * MS, 0, 7);
    });
  },
};

const oneSidedTraffic: Fault = {
  name: 'one-sided-traffic',
  makes: 'TCP, UDP and pings of one container that another one, reached by others, never answers',
  needs: 'any',
  add(site) {
    const { builder, a, b } = site;
    site.flow(builder.tcp(a, b, TCP_PORT), (script) => {
      unansweredConnection(site, script, CLIENT_PORT);
    });
    site.flow(builder.udp(a, b, UDP_PORT), (script) => {
      script.port = CLIENT_PORT;
      script.fault = site.index;
      for (let i = 0; i < 40; i++) script.add(0, 100 * MS, PAYLOAD);
    });
    site.flow(builder.echo(a, b, 702), (script) => {
      script.fault = site.index;
      for (let i = 1; i <= 10; i++) script.add(0, SECOND / 2, 56, i);
    });
    // Both nodes are well otherwise: two other containers of theirs talk to each other.
    site.ping(site.container(a.node), site.container(b.node), 10);
  },
};

/** All of them. */
export const TRAFFIC_FAULTS: readonly Fault[] = [
  vipAsDestination,
  idleConnectionCut,
  retransmissionStorm,
  dnsTimeouts,
  oneSidedTraffic,
];
