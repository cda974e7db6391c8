/** Faults that show in captures of two nodes, and of captures themselves. */
import { Alteration } from '../packet.js';
import type { Fault } from './fault.js';
import { MS, unansweredConnection } from './script-parts.js';
import { gossipLanes } from './tunnel-faults.js';

const UDP_PORT = 9000;
const TCP_PORT = 8000;
const CLIENT_PORT = 45_000;
const PAYLOAD = 300;

const lostBetweenCaptures: Fault = {
  name: 'lost-between-captures',
  makes: 'packets that one node sends and the other one never gets',
  needs: 'any',
  twoCaptures: true,
  add(site) {
    const { builder, a, b } = site;
    site.flow(builder.udp(a, b, UDP_PORT), (script) => {
      script.port = CLIENT_PORT;
      for (let i = 0; i < 200; i++) {
        const isLost = i % 10 === 5;
        script.fault = isLost ? site.index : -1;
        script.alterations = isLost ? Alteration.LostOnTheWay : 0;
        script.add(0, 25 * MS, PAYLOAD);
        script.fault = -1;
        script.alterations = 0;
        if (!isLost) script.add(1, 0.2 * MS, PAYLOAD);
      }
    });
  },
};

const espBlocked: Fault = {
  name: 'esp-blocked-between-captures',
  makes: 'ESP that leaves one node and never arrives at the other, which gossip reaches',
  needs: 'encrypted',
  twoCaptures: true,
  add(site) {
    const { builder, a, b } = site;
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      site.flow(builder.udp(from, to, UDP_PORT), (script) => {
        script.port = CLIENT_PORT;
        script.fault = site.index;
        script.alterations = Alteration.LostOnTheWay;
        for (let i = 0; i < 40; i++) script.add(0, 100 * MS, PAYLOAD);
      });
      site.flow(builder.tcp(from, to, TCP_PORT), (script) => {
        script.alterations = Alteration.LostOnTheWay;
        unansweredConnection(site, script, CLIENT_PORT);
      });
      site.flow(gossipLanes(site, from, to, 8), (script) => {
        for (let i = 0; i < 48; i++) script.add(i % 8, 200 * MS, 0);
      });
    }
  },
};

const captureTruncated: Fault = {
  name: 'capture-truncated',
  makes: 'a file that ends in the middle of a packet, and packets of which only the first 96 bytes were captured',
  needs: 'any',
  cut: 20,
  add(site) {
    const { builder, a, b } = site;
    site.flow(builder.udp(a, b, UDP_PORT), (script) => {
      script.port = CLIENT_PORT;
      script.fault = site.index;
      script.alterations = Alteration.Truncate;
      for (let i = 0; i < 20; i++) {
        script.add(0, 30 * MS, PAYLOAD);
        script.add(1, 0.2 * MS, PAYLOAD);
      }
    });
  },
};

/** All of them. */
export const CAPTURE_FAULTS: readonly Fault[] = [lostBetweenCaptures, espBlocked, captureTruncated];
