/** Records for tests of nodes. */
import { type FleetRecord } from '../../../src/fleet/index.js';

const CREATED = '2026-11-30T04:00:00Z';
const ID = 'r0ymuq8wfw590z4dmo6y22cvy';

type Of<K extends FleetRecord['kind']> = Extract<FleetRecord, { kind: K }>;

export function nodeRecord(name: string, vtep: string): Of<'node'> {
  return { kind: 'node', record: { version: 1, name, vtep, mtu: 1500 } };
}

export function networkRecord(
  name: string,
  vni: number,
  subnet: string,
  more: Partial<Of<'network'>['record']> = {},
): Of<'network'> {
  return {
    kind: 'network',
    record: {
      ...{ version: 1, id: ID, name, created: CREATED, vni, subnets: [{ subnet }], encrypted: false, dsr: false },
      ...{ attachable: true, internal: false, ingress: false, options: {}, labels: {}, ...more },
    },
  };
}

/** An endpoint with the MAC that Docker gives to its address. */
export function endpointRecord(
  id: string,
  network: string,
  node: string,
  ip: string,
  more: Partial<Of<'endpoint'>['record']> = {},
): Of<'endpoint'> {
  const digits = ip.split('.').map((byte) => Number(byte).toString(16).padStart(2, '0'));
  return {
    kind: 'endpoint',
    record: {
      ...{ version: 1, id, kind: 'container', name: id, network, node, ip, mac: `02:42:${digits.join(':')}` },
      ...{ created: CREATED, running: true, aliases: [], ...more },
    },
  };
}

export function serviceRecord(
  name: string,
  network: string,
  vip: string,
  more: Partial<Of<'service'>['record']> = {},
): Of<'service'> {
  return {
    kind: 'service',
    record: {
      ...{ version: 1, id: ID, name, created: CREATED, updated: CREATED, mode: 'vip', deploy: 'replicated' },
      ...{ replicas: 1, networks: [{ network, vip, aliases: [] }], ports: [], labels: {}, ...more },
    },
  };
}
