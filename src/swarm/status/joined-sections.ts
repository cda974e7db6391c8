/** The sections of a status about a node's place in its swarm: never keys or tokens. */
import { PeerMark } from '../../dataplane/index.js';
import type { StatusSection, StatusSections } from '../../live/index.js';
import { formatAddress } from '../../overlay/index.js';
import { formatMac } from '../../wire/index.js';
import type { JoinedReport } from '../joined/joined-report.js';
import type { JoinedVtep } from '../joined-vtep.js';
import type { SwarmVtep } from '../swarm-vtep.js';

const MILLISECONDS = 1000;

/** The sections `swarm`, `attachments`, `peers` and `keys`. */
export function joinedSections(joined: JoinedVtep): StatusSections {
  return new Map([
    ['swarm', () => swarmSection(joined.report)],
    ['attachments', () => attachmentSection(joined.report)],
    ['peers', () => peerSection(joined.swarm)],
    ['keys', () => keySection(joined)],
  ]);
}

function swarmSection(report: JoinedReport): StatusSection {
  const { name, node, state, manager, error, managers, heartbeatAge, rotations, rejectedServices } = report;
  const expires = node?.certificateExpires;
  return {
    facts: {
      name,
      nodeId: node?.nodeId ?? null,
      clusterId: node?.clusterId ?? null,
      state,
      manager: manager ?? null,
      managers,
      problem: error?.code ?? null,
      problemText: error?.message ?? null,
      address: node?.address ?? null,
      availability: node?.availability ?? null,
      heartbeatAge: heartbeatAge === undefined ? null : Math.round(heartbeatAge),
      certificateExpires: expires === undefined ? null : new Date(expires).toISOString(),
      certificateSecondsLeft: expires === undefined ? null : Math.round((expires - Date.now()) / MILLISECONDS),
      keyRotations: rotations,
      rejectedServices,
    },
  };
}

function attachmentSection({ attachments, waiting }: JoinedReport): StatusSection {
  return {
    facts: { total: attachments.length + waiting.length, attached: attachments.length },
    rows: [
      ...attachments.map(({ attachment, device, netns, balancer, refused }) => ({
        network: attachment.networkName,
        networkId: attachment.networkId,
        state: refused === undefined ? 'attached' : 'refused',
        problem: refused?.code ?? null,
        address: attachment.address,
        mac: formatMac(attachment.mac, 0),
        interface: device,
        netns: netns ?? null,
        vni: attachment.vni,
        mtu: attachment.mtu,
        encrypted: attachment.encrypted,
        balancer: balancer ?? null,
      })),
      ...waiting.map(({ request, error }) => ({
        network: request.network,
        networkId: null,
        state: 'waiting',
        problem: error?.code ?? null,
        address: request.address ?? null,
        mac: null,
        interface: request.device ?? null,
        netns: request.netns ?? null,
        vni: null,
        mtu: null,
        encrypted: null,
        balancer: null,
      })),
    ],
  };
}

/** The other members of gossip, with what the tables and SAs have about them. */
function peerSection({ latest, vtep }: SwarmVtep): StatusSection {
  const { members = [], name: own } = latest?.gossip ?? {};
  const peers = members.filter(({ name }) => name !== own);
  return { facts: { total: peers.length }, rows: rows() };

  function* rows(): Generator<object> {
    const { tables, sas } = vtep.node;
    const indexes = new Map(tables.nodes.map((node, index) => [node?.name, index]));
    const silent = new Map((latest?.silent ?? []).map(({ node, mark }) => [node.name, mark]));
    const received = new Map<string, number>();
    for (const { source, lifetime } of sas?.inbound ?? []) {
      const address = formatAddress(source);
      received.set(address, (received.get(address) ?? 0) + lifetime.packets);
    }
    for (const { name, endpoint, state, seconds, tcpOnly, udpOnly, relayed } of peers) {
      const index = indexes.get(name);
      const node = index === undefined ? undefined : tables.nodes[index];
      const sa = index === undefined ? undefined : sas?.outbound(index);
      const mark = silent.get(name);
      yield {
        name,
        address: formatAddress(endpoint.addr),
        vtep: node === undefined ? null : formatAddress(node.vtep),
        state,
        seconds: Math.round(seconds),
        tcpOnly,
        udpOnly,
        relayed,
        silent: mark === undefined ? null : mark === PeerMark.Encrypted ? 'ESP' : 'VXLAN',
        endpoints: index === undefined ? 0 : tables.endpointsOn(index),
        espIn: node === undefined ? null : (received.get(formatAddress(node.vtep)) ?? null),
        espOut: sa === undefined ? null : sa.lifetime.packets,
      };
    }
  }
}

function keySection({ report: { keys }, swarm }: JoinedVtep): StatusSection {
  const received = new Map(swarm.latest?.gossip.keys.map((key) => [key.tag, key.received]));
  const rows = (['gossip', 'ipsec'] as const).flatMap((use) =>
    keys[use].map(({ tag, transmit, seconds }) => ({
      use,
      tag,
      transmit,
      age: Math.round(seconds),
      received: use === 'gossip' ? (received.get(tag) ?? null) : null,
    })),
  );
  return { facts: { total: rows.length }, rows };
}
