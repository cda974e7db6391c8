/** The records of NetworkDB's tables and what vtep's own tables hold: services' records, and endpoints with VTEPs. */
import { VtepError } from '../../error.js';
import {
  parseIp,
  type PublishedPort,
  PublishMode,
  PortProtocol as ServiceProtocol,
  type RecordService,
  type ServiceRecord,
} from '../../overlay/index.js';
import { formatIp, formatMac, parseMac } from '../../wire/index.js';
import type { GossipFault } from './fault.js';
import { type EndpointRecord, type PeerRecord, type PortConfig, type PortProtocol } from './messages.js';

/** What Docker writes for a service without a virtual IP: Go's text for an address that is nil. */
const NO_VIP = '<nil>';
/** Name of the load balancers' records on the ingress network. */
export const INGRESS_ENDPOINT = 'ingress-endpoint';
const PROTOCOLS = [ServiceProtocol.Tcp, ServiceProtocol.Udp, ServiceProtocol.Sctp] as const;

/** Where a record was found. */
export interface RecordPlace {
  /** Name of its network in the topology. */
  readonly network: string;
  /** Its key. */
  readonly endpoint: string;
  /** Name of its owner in the topology. */
  readonly node: string;
}

/** Whether a record is of a node's load balancer on the ingress network: no container, and no name. */
export function isIngressBalancer(record: EndpointRecord): boolean {
  return record.name === INGRESS_ENDPOINT && record.serviceId === '';
}

/**
 * What a record of `endpoint_table` says, as services use it. A virtual IP that can't be parsed is none, as in Docker.
 * @returns `bad-record` if the endpoint's address is not one
 */
export function serviceRecordOf(record: EndpointRecord, place: RecordPlace): ServiceRecord | GossipFault {
  const address = addressOf(record.endpointIp);
  if (address === undefined) return 'bad-record';
  const { name, serviceId, taskAliases, serviceDisabled } = record;
  return {
    ...place,
    name,
    addresses: [address],
    service: serviceId === '' ? undefined : serviceOf(record),
    aliases: taskAliases,
    ...(serviceDisabled && { disabled: true }),
  };
}

function serviceOf({ serviceId, serviceName, virtualIp, aliases, ingressPorts }: EndpointRecord): RecordService {
  const vip = addressOf(virtualIp);
  return {
    id: serviceId,
    name: serviceName,
    vip: vip?.length === 4 ? vip : undefined,
    aliases,
    ports: ingressPorts.map(({ protocol, targetPort, publishedPort }): PublishedPort => ({
      protocol: PROTOCOLS[protocol],
      target: targetPort,
      published: publishedPort,
      mode: PublishMode.Ingress,
    })),
  };
}

/**
 * The record of `endpoint_table` for an endpoint. Of its ports, it has those in ingress mode.
 * @throws VtepError `BAD_GOSSIP` if it has no address
 */
export function endpointRecordOf(record: ServiceRecord): EndpointRecord {
  const [address] = record.addresses as readonly (Uint8Array | undefined)[];
  if (address === undefined) throw new VtepError('BAD_GOSSIP', 'a record without an address cannot be sent');
  const { service } = record;
  return {
    name: record.name,
    serviceName: service?.name ?? '',
    serviceId: service?.id ?? '',
    virtualIp: service?.vip === undefined ? NO_VIP : formatAddress(service.vip),
    endpointIp: formatAddress(address),
    ingressPorts: (service?.ports ?? [])
      .filter(({ mode }) => mode === PublishMode.Ingress)
      .map(({ protocol, target, published }): PortConfig => {
        const index = PROTOCOLS.indexOf(protocol);
        return { name: '', protocol: index as PortProtocol, targetPort: target, publishedPort: published };
      }),
    aliases: service?.aliases ?? [],
    taskAliases: record.aliases ?? [],
    serviceDisabled: record.disabled === true,
  };
}

/** Where an endpoint of an overlay network is. */
export interface PeerEndpoint {
  /** 4 or 16 bytes. */
  readonly address: Uint8Array;
  /** Prefix length of its subnet, in bits. */
  readonly prefixLength: number;
  /** 6 bytes. */
  readonly mac: Uint8Array;
  /** Its node's VTEP: 4 or 16 bytes. */
  readonly vtep: Uint8Array;
}

/**
 * What a record of `overlay_peer_table` says.
 * @returns `bad-record` if an address or the MAC is not one
 */
export function peerEndpointOf(record: PeerRecord): PeerEndpoint | GossipFault {
  const [text, bits, ...rest] = record.endpointIp.split('/') as [string, string?, ...string[]];
  const address = addressOf(text);
  const vtep = addressOf(record.tunnelEndpointIp);
  const mac = macOf(record.endpointMac);
  const prefixLength = bits !== undefined && /^\d{1,3}$/.test(bits) && rest.length === 0 ? Number(bits) : -1;
  const valid = address !== undefined && vtep !== undefined && mac !== undefined;
  if (!valid || prefixLength < 0 || prefixLength > 8 * address.length) return 'bad-record';
  return { address, prefixLength, mac, vtep };
}

/** The record of `overlay_peer_table` for an endpoint. */
export function peerRecordOf({ address, prefixLength, mac, vtep }: PeerEndpoint): PeerRecord {
  return {
    endpointIp: `${formatAddress(address)}/${prefixLength}`,
    endpointMac: formatMac(mac),
    tunnelEndpointIp: formatAddress(vtep),
  };
}

function formatAddress(address: Uint8Array): string {
  return formatIp(address.length === 4 ? 4 : 6, address);
}

/** An address of 4 or 16 bytes; undefined for what isn't one. */
export function addressOf(text: string): Uint8Array | undefined {
  try {
    return parseIp(text);
  } catch {
    return undefined;
  }
}

function macOf(text: string): Uint8Array | undefined {
  try {
    return parseMac(text);
  } catch {
    return undefined;
  }
}
