/** What a node does with its store, for Prometheus. */
import { PrometheusText } from '../../live/internal.js';
import type { FleetReport } from './fleet-report.js';

/** Metrics in Prometheus's text format, to be appended to those of the VTEP. */
export function storeMetrics(report: FleetReport): string {
  const text = new PrometheusText();
  const { counts, latency } = report;
  const gauge = (name: string, help: string, value: number): void => {
    text.family(name, 'gauge', help, [[{}, value]]);
  };
  const counter = (name: string, help: string, value: number): void => {
    text.family(name, 'counter', help, [[{}, value]]);
  };
  gauge('vtep_store_connected', 'Whether the store is in reach.', Number(report.connected));
  gauge('vtep_store_lost_seconds', 'Seconds since the connection was lost; 0 while it is there.', report.lostSeconds);
  counter('vtep_store_losses_total', 'How often the connection was lost.', report.losses);
  gauge('vtep_store_registered', 'Whether this node holds its lease.', Number(report.registered));
  gauge('vtep_store_leader', 'Whether this node leads.', Number(report.leads));
  gauge('vtep_store_revision', 'Revision up to which all is in the tables.', report.revision);
  counter('vtep_store_snapshots_total', 'How often all records were read.', report.snapshots);
  text.family(
    'vtep_store_records',
    'gauge',
    'Records that this node follows, by kind.',
    Object.entries(counts.records).map(([kind, count]) => [{ kind }, count]),
  );
  text.family(
    'vtep_store_endpoints',
    'gauge',
    'Records of endpoints, by what became of them.',
    Object.entries(counts.endpoints).map(([state, count]) => [{ state }, count]),
  );
  gauge('vtep_store_record_problems', 'Records that have a problem.', counts.troubles);
  gauge('vtep_store_waiting', 'Changes from the store that are yet to be applied.', report.waiting);
  gauge('vtep_store_unwritten', 'Changes of this node that are yet to be written.', report.unwritten);
  counter('vtep_store_applied_total', 'Changes of the tables that were applied.', report.applied);
  counter('vtep_store_resynchronised_total', 'Comparisons of all tables after a change failed.', report.resynchronised);
  counter('vtep_store_withdrawn_total', 'Nodes that this one has withdrawn while it led.', report.withdrawn);
  counter('vtep_store_put_to_applied_total', 'Puts of this node that are in its tables.', latency.count);
  counter(
    'vtep_store_put_to_applied_seconds_total',
    'Seconds from these puts to the change in its tables, in all.',
    latency.sum,
  );
  gauge('vtep_store_put_to_applied_max_seconds', 'The longest of these times.', latency.max);
  return text.toString();
}
