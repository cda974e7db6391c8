/** A swarm's service as in the recordings: my-web with tasks on both nodes, and a client on node1. */
import { parseConfig } from '../../../src/overlay/files.js';
import type { Topology } from '../../../src/overlay/index.js';
import { pairsOf } from '../../service/balance/recording.js';

/** What differs from the recordings' network. */
export interface SwarmSetup {
  /** UDP port of the nodes. */
  readonly port?: number;
  /** The tasks' nodes, or the task's fields. */
  readonly tasks?: readonly Readonly<Record<string, unknown>>[];
  /** Further members of the config. */
  readonly more?: Readonly<Record<string, unknown>>;
  /** @default 'my-web' */
  readonly service?: string;
}

const TASKS = [
  { node: 'node1', ip: '10.0.9.3' },
  { node: 'node2', ip: '10.0.9.4' },
];

/** The topology, with VTEPs on loopback. */
export function swarm({ port = 4789, tasks = TASKS, more = {}, service = 'my-web' }: SwarmSetup = {}): Topology {
  const config = {
    port,
    nodes: { node1: { vtep: '127.0.0.2' }, node2: { vtep: '127.0.0.3' } },
    networks: {
      'my-network': { vni: 4097, subnet: '10.0.9.0/24', balancers: { node1: '10.0.9.7', node2: '10.0.9.6' } },
    },
    services: { [service]: { networks: ['my-network'], vip: '10.0.9.2', tasks } },
    endpoints: { busybox: { network: 'my-network', node: 'node1', ip: '10.0.9.10', mac: '02:42:0a:00:09:0a' } },
    ...more,
  };
  return parseConfig(JSON.stringify(config));
}

/** The first segments that busybox sends to the VIP, each of another connection: 3 of them. */
export function segmentsToVip(): Uint8Array[] {
  const seen = new Set<string>();
  const frames = pairsOf('nat-ipvs', 'ipvs-2-weight0.pcap').map(({ before_hex }) => before_hex);
  return frames
    .filter((hex) => hex.startsWith('02420a00090702420a00090a') && hex.slice(94, 96) === '02')
    .filter((hex) => !seen.has(hex.slice(68, 72)) && seen.add(hex.slice(68, 72)))
    .map((hex) => Buffer.from(hex, 'hex'));
}
