/** The counters of gossip, for Prometheus. */
import { PrometheusText } from '../../live/internal.js';
import type { SwarmReport } from '../swarm-report.js';

const STATES = ['alive', 'suspect', 'dead', 'left'] as const;

/** Metrics in Prometheus's text format, to be appended to those of the VTEP; empty before the first report. */
export function gossipMetrics(report: SwarmReport | undefined): string {
  if (report === undefined) return '';
  const text = new PrometheusText();
  const { gossip, endpoints, learned, waiting, resynchronised, silent } = report;
  const { counters, members, networks, keys } = gossip;
  text.family('vtep_gossip_info', 'gauge', 'Name in gossip.', [[{ name: gossip.name }, 1]]);
  text.family('vtep_gossip_health', 'gauge', 'Health: 0 if all is well, up to 7 if this node is slow or cut off.', [
    [{}, gossip.health],
  ]);
  text.family(
    'vtep_gossip_members',
    'gauge',
    'Members, by state.',
    STATES.map((state) => [{ state }, members.filter((member) => member.state === state).length]),
  );
  text.family('vtep_gossip_tcp_only_members', 'gauge', 'Members that answer over TCP only.', [
    [{}, members.filter(({ tcpOnly }) => tcpOnly).length],
  ]);
  text.family(
    'vtep_gossip_udp_only_members',
    'gauge',
    'Members that are alive over UDP, but that TCP fails to or from.',
    [[{}, members.filter(({ udpOnly }) => udpOnly).length]],
  );
  text.family('vtep_gossip_relayed_members', 'gauge', 'Members that answer over UDP only through others.', [
    [{}, members.filter(({ relayed }) => relayed).length],
  ]);
  text.family(
    'vtep_gossip_entries',
    'gauge',
    'Entries of all tables, by network.',
    networks.map(({ id, entries }) => [{ network: id }, entries]),
  );
  text.family('vtep_gossip_packets_total', 'counter', 'Packets, by direction.', [
    [{ direction: 'in' }, counters.packetsReceived],
    [{ direction: 'out' }, counters.packetsSent],
  ]);
  text.family('vtep_gossip_bytes_total', 'counter', 'Bytes of packets and streams, by direction.', [
    [{ direction: 'in' }, counters.bytesReceived],
    [{ direction: 'out' }, counters.bytesSent],
  ]);
  text.family('vtep_gossip_streams_total', 'counter', 'TCP connections, by what became of them.', [
    [{ result: 'opened' }, counters.streamsOpened],
    [{ result: 'accepted' }, counters.streamsAccepted],
    [{ result: 'failed' }, counters.streamsFailed],
  ]);
  const dropped = Object.entries(counters.dropped);
  text.family(
    'vtep_gossip_dropped_total',
    'counter',
    'Packets and streams that were dropped, by reason.',
    dropped.map(([reason, count]) => [{ reason }, count]),
  );
  text.family(
    'vtep_gossip_key_age_seconds',
    'gauge',
    'Time since this node has had a key, by tag.',
    keys.map(({ tag, transmit, seconds }) => [{ tag: String(tag), transmit: String(transmit) }, seconds]),
  );
  text.family(
    'vtep_gossip_key_received_total',
    'counter',
    'Packets and streams that a key decrypted, by tag.',
    keys.map(({ tag, received }) => [{ tag: String(tag) }, received]),
  );
  text.family('vtep_gossip_learned', 'gauge', 'What was learned from others, by kind.', [
    [{ kind: 'nodes' }, learned.nodes],
    [{ kind: 'endpoints' }, learned.endpoints],
    [{ kind: 'records' }, learned.records],
  ]);
  text.family(
    'vtep_gossip_refused_total',
    'counter',
    'Entries of others that were not taken over, by reason.',
    Object.entries(learned.refused).map(([reason, count]) => [{ reason }, count]),
  );
  text.family('vtep_gossip_announced', 'gauge', 'Endpoints of this node, by whether they are announced.', [
    [{ announced: 'yes' }, endpoints.filter(({ announced }) => announced).length],
    [{ announced: 'no' }, endpoints.filter(({ announced }) => !announced).length],
  ]);
  text.family('vtep_gossip_waiting', 'gauge', 'Changes that are yet to be applied.', [[{}, waiting]]);
  text.family('vtep_gossip_resynchronised_total', 'counter', 'Comparisons of all tables after a change failed.', [
    [{}, resynchronised],
  ]);
  text.family('vtep_gossip_silent_peers', 'gauge', 'Nodes whose gossip arrives, but no overlay packets.', [
    [{}, silent.length],
  ]);
  return text.toString();
}
