/** Metrics of a node's place in its swarm, for Prometheus. */
import { JoinState } from '../../join/index.js';
import { PrometheusText } from '../../live/internal.js';
import type { JoinedVtep } from '../joined-vtep.js';

const MILLISECONDS = 1000;

/** The metrics `vtep_swarm_*`, to be appended to a page. */
export function joinedMetrics(joined: JoinedVtep): string {
  const text = new PrometheusText();
  const report = joined.report;
  const { node, keys, heartbeatAge } = report;
  const info = { node: node?.nodeId ?? '', swarm: node?.clusterId ?? '', availability: node?.availability ?? '' };
  text.family('vtep_swarm_info', 'gauge', 'The node in its swarm.', [[info, 1]]);
  text.family('vtep_swarm_connected', 'gauge', 'Whether a manager has registered the node.', [
    [{}, report.state === JoinState.Connected ? 1 : 0],
  ]);
  text.family('vtep_swarm_managers', 'gauge', 'Managers that the swarm named.', [[{}, report.managers.length]]);
  if (heartbeatAge !== undefined) {
    text.family('vtep_swarm_heartbeat_age_seconds', 'gauge', 'Time since a manager answered a heartbeat.', [
      [{}, heartbeatAge],
    ]);
  }
  if (node !== undefined) {
    text.family('vtep_swarm_certificate_expiry_seconds', 'gauge', 'When the certificate expires, since 1970.', [
      [{}, node.certificateExpires / MILLISECONDS],
    ]);
  }
  const refused = report.attachments.filter((one) => one.refused !== undefined).length;
  text.family('vtep_swarm_attachments', 'gauge', 'Networks, by state of the attachment.', [
    [{ state: 'attached' }, report.attachments.length - refused],
    [{ state: 'refused' }, refused],
    [{ state: 'waiting' }, report.waiting.length],
  ]);
  text.family(
    'vtep_swarm_key_tag',
    'gauge',
    'Tags of the keys, oldest first.',
    (['gossip', 'ipsec'] as const).flatMap((use) =>
      keys[use].map(
        ({ tag, transmit }, index) => [{ use, index: String(index), transmit: String(transmit) }, tag] as const,
      ),
    ),
  );
  text.family('vtep_swarm_key_rotations_total', 'counter', 'Rotations of keys.', [[{}, report.rotations]]);
  text.family('vtep_swarm_rejected_services_total', 'counter', 'Services whose tasks were rejected.', [
    [{}, report.rejectedServices],
  ]);
  return text.toString();
}
