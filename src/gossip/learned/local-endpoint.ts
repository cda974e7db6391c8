/** This node's endpoints, and the entries of NetworkDB's tables by which the others learn of them. */
import { VtepError } from '../../error.js';
import { formatAddress, type Prefix, prefixContains, type ServiceRecord } from '../../overlay/index.js';
import { macOfIpv4 } from '../../wire/index.js';
import { TableName } from '../wire/messages.js';
import { encodeEndpointRecord, encodePeerRecord } from '../wire/record-codec.js';
import { endpointRecordOf, INGRESS_ENDPOINT, peerRecordOf } from '../wire/overlay-records.js';
import { shortKey } from './learned-endpoint.js';
import type { LearnedNetwork } from './learned-network.js';

/** An endpoint of this node. */
export interface LocalEndpoint {
  /** Its key in gossip: 64 hexadecimal digits in Docker. */
  readonly key: string;
  /** Its name in DNS. */
  readonly name: string;
  /** Further names of it. */
  readonly aliases?: readonly string[] | undefined;
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Name of its interface. */
  readonly device?: string | undefined;
  /** The interface's network namespace: an `ip netns` name or a path. */
  readonly netns?: string | undefined;
}

/** An entry of a table, to be created. */
export interface AnnouncedEntry {
  readonly tableName: TableName;
  readonly key: string;
  readonly value: Uint8Array;
}

/**
 * The entries of an endpoint of this node, as Docker writes those of a plain container: where it is, and its names.
 * @param vtep this node's VTEP: 4 or 16 bytes
 * @throws VtepError `BAD_GOSSIP` if its address is in none of the network's subnets
 * @example
 * import { announcedEndpoint, type LearnedNetwork } from 'vtep/gossip';
 * import { parseIp } from 'vtep/overlay';
 * import { parseMac } from 'vtep/wire';
 *
 * function announce(network: LearnedNetwork): void {
 *   const endpoint = { key: 'c0ffee', name: 'db', address: parseIp('10.0.9.5'), mac: parseMac('02:42:0a:00:09:05') };
 *   for (const { tableName, key } of announcedEndpoint(network, endpoint, parseIp('192.168.50.9'))) {
 *     console.log(tableName, key);
 *   }
 * }
 */
export function announcedEndpoint(
  network: LearnedNetwork,
  endpoint: LocalEndpoint,
  vtep: Uint8Array,
): readonly AnnouncedEntry[] {
  const { key, address, mac } = endpoint;
  const record = endpointRecordOf(localRecord(network.networks[0]?.name ?? '', endpoint, ''));
  return [
    { tableName: TableName.Peers, key, value: peerValue(network, address, mac, vtep) },
    { tableName: TableName.Endpoints, key, value: encodeEndpointRecord(record) },
  ];
}

/**
 * The entries of this node's load balancer on a network: where it is; on the ingress network also a record. None if the
 * node has no load balancer there.
 * @param key its key in gossip: 64 hexadecimal digits in Docker
 * @param vtep this node's VTEP: 4 or 16 bytes
 * @throws VtepError `BAD_GOSSIP` if its address is in none of the network's subnets
 */
export function announcedBalancer(network: LearnedNetwork, key: string, vtep: Uint8Array): readonly AnnouncedEntry[] {
  const { balancer, ingress } = network;
  if (balancer === undefined) return [];
  const value = peerValue(network, balancer, macOfIpv4(balancer), vtep);
  const peer = { tableName: TableName.Peers, key, value };
  if (!ingress) return [peer];
  const record = endpointRecordOf({
    network: '',
    endpoint: key,
    name: INGRESS_ENDPOINT,
    node: '',
    addresses: [balancer],
  });
  return [peer, { tableName: TableName.Endpoints, key, value: encodeEndpointRecord(record) }];
}

/** The record of an endpoint of this node, for this node's services: the others get the same. */
export function localRecord(network: string, endpoint: LocalEndpoint, node: string): ServiceRecord {
  const { key, name, address, aliases = [] } = endpoint;
  return { network, endpoint: key, name, node, addresses: [address], aliases: [...aliases, shortKey(key)] };
}

/** The network that has an address, and the subnet of it; undefined if none has. */
export function placeOf(
  { networks }: Pick<LearnedNetwork, 'networks'>,
  address: Uint8Array,
): { readonly vni: number; readonly subnet: Prefix } | undefined {
  for (const { vni, subnets } of networks) {
    for (const subnet of subnets) if (prefixContains(subnet, address)) return { vni, subnet };
  }
  return undefined;
}

function peerValue(network: LearnedNetwork, address: Uint8Array, mac: Uint8Array, vtep: Uint8Array): Uint8Array {
  const place = placeOf(network, address);
  if (place === undefined) {
    throw new VtepError('BAD_GOSSIP', `${formatAddress(address)} is in none of the network's subnets`);
  }
  return encodePeerRecord(peerRecordOf({ address, prefixLength: place.subnet.length, mac, vtep }));
}
