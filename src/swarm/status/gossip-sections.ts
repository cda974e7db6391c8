/** The sections of a status about gossip: the member and its keys' tags, the other members, and own endpoints. */
import type { StatusSection, StatusSections } from '../../live/index.js';
import { formatAddress } from '../../overlay/index.js';
import { PeerMark } from '../../dataplane/index.js';
import { endpointText } from '../member/address-text.js';
import type { SwarmReport } from '../swarm-report.js';

/**
 * The sections `gossip` and `members`.
 * @param latest the last report; undefined before the first one
 */
export function gossipSections(latest: () => SwarmReport | undefined): StatusSections {
  return new Map([
    ['gossip', () => gossipSection(latest())],
    ['members', () => memberSection(latest())],
  ]);
}

function gossipSection(report: SwarmReport | undefined): StatusSection {
  if (report === undefined) return { facts: { running: false } };
  const { gossip, endpoints, learned, waiting, resynchronised, silent } = report;
  const { name, endpoint, health, keys, networks, counters } = gossip;
  return {
    facts: {
      running: true,
      name,
      address: endpointText(endpoint),
      health,
      members: gossip.members.filter(({ state }) => state === 'alive').length,
      networks: networks.map(({ id, nodes, entries }) => ({ id, nodes: nodes.length, entries })),
      keys: keys.map(({ tag, transmit, seconds, received }) => ({ tag, transmit, age: Math.round(seconds), received })),
      announced: endpoints.filter(({ announced }) => announced).length,
      unannounced: endpoints.filter(({ announced }) => !announced).map((one) => `${one.name}@${one.network}`),
      learned: { nodes: learned.nodes, endpoints: learned.endpoints, records: learned.records },
      refused: learned.refused,
      waiting,
      resynchronised,
      silent: silent.map(({ node, mark }) => ({
        node: node.name,
        vtep: formatAddress(node.vtep),
        protocol: mark === PeerMark.Encrypted ? 'ESP' : 'VXLAN',
      })),
      ...counters,
    },
  };
}

function memberSection(report: SwarmReport | undefined): StatusSection {
  const members = report?.gossip.members ?? [];
  return { facts: { total: members.length }, rows: rows() };

  function* rows(): Generator<object> {
    for (const { name, endpoint, state, seconds, tcpOnly, udpOnly, relayed } of members) {
      yield {
        name,
        address: endpointText(endpoint),
        state,
        seconds: Math.round(seconds),
        tcpOnly,
        udpOnly,
        relayed,
        self: name === report?.gossip.name,
      };
    }
  }
}
