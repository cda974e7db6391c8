/** What differs between a node's tables and what they shall hold. */
import { type ServiceChange, ServiceChangeKind } from '../services/service-change.js';
import type { ServiceRecord, ServiceSet } from '../services/service-set.js';
import type { Endpoint, Topology } from '../topology.js';
import type { TakenState } from './pending-changes.js';
import type { TopologyChange } from './topology-change.js';
import { diffTopology } from './topology-diff.js';

/** The changes after which a topology is as given, in a valid order. Endpoints without a node or network are left out. */
export function topologyDifferences(
  before: Topology,
  { nodes: others, networks, endpoints }: TakenState,
): TopologyChange[] {
  // This node is the first one, and learns nothing about itself.
  const nodes = [before.nodes[0], ...others];
  const nodeOf = new Map(nodes.map(({ vtep }, index) => [vtep.join('.'), index]));
  const networkOf = new Map(networks.map(({ vni }, index) => [vni, index]));
  const placed = endpoints.flatMap(({ vni, vtep, ...endpoint }): Endpoint[] => {
    const node = nodeOf.get(vtep.join('.'));
    const network = networkOf.get(vni);
    return node === undefined || network === undefined ? [] : [{ ...endpoint, node, network }];
  });
  return diffTopology(before, { ...before, nodes, networks, endpoints: placed, ring: undefined });
}

/** The changes after which services are as given. Some may change nothing. */
export function serviceDifferences(
  before: ServiceSet | undefined,
  { serviceNetworks, records, labels }: TakenState,
): ServiceChange[] {
  const keyOf = ({ network, endpoint }: ServiceRecord): string => `${endpoint} ${network}`;
  const names = new Set(serviceNetworks.map(({ name }) => name));
  const keys = new Set(records.map(keyOf));
  const labelled = new Set(labels.map(({ service }) => service));
  const gone = (before?.records ?? []).filter((record) => !keys.has(keyOf(record)));
  return [
    ...(before?.labels ?? []).flatMap(({ service }): ServiceChange[] =>
      labelled.has(service) ? [] : [{ kind: ServiceChangeKind.RemoveLabels, service }],
    ),
    ...gone.map(({ network, endpoint }): ServiceChange => {
      return { kind: ServiceChangeKind.RemoveRecord, network, endpoint };
    }),
    ...(before?.networks ?? []).flatMap(({ name }): ServiceChange[] =>
      names.has(name) ? [] : [{ kind: ServiceChangeKind.RemoveNetwork, name }],
    ),
    ...serviceNetworks.map((network): ServiceChange => ({ kind: ServiceChangeKind.SetNetwork, network })),
    ...records.map((record): ServiceChange => ({ kind: ServiceChangeKind.SetRecord, record })),
    ...labels.map((one): ServiceChange => ({ kind: ServiceChangeKind.SetLabels, labels: one })),
  ];
}
