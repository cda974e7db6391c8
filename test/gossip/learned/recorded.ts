/** The recorded swarm's networks, and what its gossip said, as changes of tables. */
import { readFileSync } from 'node:fs';
import {
  encodeEndpointRecord,
  encodePeerRecord,
  type EndpointTableRecord,
  type LearnedNetwork,
  type PeerTableRecord,
  type TableChange,
  TableName,
} from '../../../src/gossip/index.js';
import { FloodPolicy, type KeyRing, parsePrefix, Profile, type Topology } from '../../../src/overlay/index.js';
import { gossipOf } from '../../inspect/gossip/recorded.js';
import { fixture } from '../../repository.js';

/** A node of it: its name in gossip and its VTEP. */
export const RECORDED_NODES = [
  { name: '631fe2f865ed', vtep: Uint8Array.of(192, 168, 50, 1) },
  { name: '5f6fa7f699a8', vtep: Uint8Array.of(192, 168, 50, 2) },
] as const;

interface InspectedNetwork {
  readonly Id: string;
  readonly Name: string;
  readonly Driver: string;
  readonly Internal: boolean;
  readonly Ingress: boolean;
  readonly IPAM: { readonly Config: readonly { readonly Subnet: string }[] | null };
  readonly Options: Readonly<Record<string, string>> | null;
  readonly Containers: Readonly<Record<string, InspectedContainer>> | null;
}

/** A container on a node, as `docker network inspect` shows it there. */
export interface InspectedContainer {
  readonly Name: string;
  readonly EndpointID: string;
  readonly MacAddress: string;
  readonly IPv4Address: string;
}

/** The overlay networks that `docker network inspect` shows on a node, with its containers. */
export function inspectedNetworks(
  node: 'node1' | 'node2',
): { readonly network: LearnedNetwork; readonly containers: readonly InspectedContainer[] }[] {
  const list = JSON.parse(readFileSync(fixture(`docker/${node}.network-inspect.json`), 'utf8')) as InspectedNetwork[];
  return list
    .filter(({ Driver }) => Driver === 'overlay')
    .map(({ Id, Name, Internal, Ingress, IPAM, Options, Containers }) => {
      const vnis = (Options?.['com.docker.network.driver.overlay.vxlanid_list'] ?? '').split(',').map(Number);
      const networks = (IPAM.Config ?? []).map(({ Subnet }, index) => ({
        name: index === 0 ? Name : `${Name}-${index}`,
        vni: vnis[index],
        subnets: [parsePrefix(Subnet)],
        gateways: [],
        encrypted: Options?.['encrypted'] !== undefined,
        mtu: undefined,
        flood: FloodPolicy.Drop,
        learning: false,
      }));
      const network = { id: Id, networks, ingress: Ingress, internal: Internal, dsr: false, balancer: undefined };
      return { network, containers: Object.values(Containers ?? {}) };
    });
}

/** The entries that existed at the end of a recording. */
export async function recordedEntries(recording: string): Promise<TableChange[]> {
  const { entries } = await gossipOf(recording);
  return entries.flatMap(({ table, network, key, owner, deleted, record }): TableChange[] => {
    if (deleted || record === null) return [];
    const value =
      table === TableName.Peers
        ? encodePeerRecord(record as object as PeerTableRecord)
        : encodeEndpointRecord(record as object as EndpointTableRecord);
    return [{ kind: 'created', networkId: network, tableName: table, key, owner, value, previous: undefined }];
  });
}

/** A topology with a node alone. */
export function aloneWith(node: { readonly name: string; readonly vtep: Uint8Array }, ring?: KeyRing): Topology {
  return {
    profile: Profile.Swarm,
    port: 4789,
    nodes: [{ ...node, mac: undefined, mtu: 1500 }],
    networks: [],
    endpoints: [],
    ring,
  };
}
