/** The sections of a status about a node's place in its swarm: never keys or tokens. */
import type { StatusSection, StatusSections } from '../../live/index.js';
import { formatMac } from '../../wire/index.js';
import type { JoinedReport, JoinedVtep } from '../joined-vtep.js';

const MILLISECONDS = 1000;

/** The sections `swarm`, `attachments` and `keys`. */
export function joinedSections(joined: JoinedVtep): StatusSections {
  return new Map([
    ['swarm', () => swarmSection(joined.report)],
    ['attachments', () => attachmentSection(joined.report)],
    ['keys', () => keySection(joined.report)],
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

function keySection({ keys }: JoinedReport): StatusSection {
  const rows = (['gossip', 'ipsec'] as const).flatMap((use) =>
    keys[use].map(({ tag, transmit, seconds }) => ({ use, tag, transmit, age: Math.round(seconds) })),
  );
  return { facts: { total: rows.length }, rows };
}
