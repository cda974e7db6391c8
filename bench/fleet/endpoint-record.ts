/** Records of endpoints as a service's tasks have them. */
import { type EndpointRecord, type FleetRecord } from '../../src/fleet/index.js';

/** The record of a task, in one of 20 networks and on one of the hosts. */
export function endpointRecord(index: number, hosts: number, created: Date): FleetRecord {
  const id = `web.${index}.${String(index).padStart(25, '0')}`;
  const record: EndpointRecord = {
    ...{ version: 1, id, kind: 'container', name: id, network: `net-${index % 20}`, node: `host-${index % hosts}` },
    ...{ mac: '02:42:0a:00:09:03', ip: '10.0.9.3', created: created.toISOString(), running: true },
    ...{ service: 'web', slot: index + 1, aliases: [] },
  };
  return { kind: 'endpoint', record };
}
