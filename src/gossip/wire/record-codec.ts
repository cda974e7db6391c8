/** The records of NetworkDB's tables and bytes: `overlay_peer_table` and `endpoint_table`. */
import { ProtobufReader, ProtobufWriter } from '../../protobuf/internal.js';
import type { GossipFault } from './fault.js';
import { MAX_RECORD_ENTRIES, MAX_RECORD_TEXT } from './limits.js';
import type { EndpointRecord, PeerRecord, PortConfig, PortProtocol } from './messages.js';

const MAX_PORT_CONFIG = 2 * MAX_RECORD_TEXT;
/** The highest protocol: SCTP. */
const LAST_PROTOCOL = 2;
const UINT16 = 0xffff;

type Reader = ProtobufReader<GossipFault>;

function readText(reader: Reader): string {
  return reader.text(MAX_RECORD_TEXT, 'name-too-long');
}

/** Encodes a value of `overlay_peer_table`. */
export function encodePeerRecord(record: PeerRecord): Uint8Array {
  return new ProtobufWriter()
    .text(1, record.endpointIp)
    .text(2, record.endpointMac)
    .text(3, record.tunnelEndpointIp)
    .finish();
}

/** Decodes a value of `overlay_peer_table`. */
export function decodePeerRecord(bytes: Uint8Array): PeerRecord | GossipFault {
  const reader: Reader = new ProtobufReader(bytes);
  let endpointIp = '';
  let endpointMac = '';
  let tunnelEndpointIp = '';
  while (reader.next()) {
    if (reader.field === 1) endpointIp = readText(reader);
    else if (reader.field === 2) endpointMac = readText(reader);
    else if (reader.field === 3) tunnelEndpointIp = readText(reader);
    else reader.skip();
  }
  return reader.fault ?? { endpointIp, endpointMac, tunnelEndpointIp };
}

/** Encodes a value of `endpoint_table`. */
export function encodeEndpointRecord(record: EndpointRecord): Uint8Array {
  const out = new ProtobufWriter()
    .text(1, record.name)
    .text(2, record.serviceName)
    .text(3, record.serviceId)
    .text(4, record.virtualIp)
    .text(5, record.endpointIp);
  for (const port of record.ingressPorts) out.element(6, encodePort(port));
  for (const alias of record.aliases) out.element(7, alias);
  for (const alias of record.taskAliases) out.element(8, alias);
  return out.bool(9, record.serviceDisabled).finish();
}

function encodePort({ name, protocol, targetPort, publishedPort }: PortConfig): Uint8Array {
  return new ProtobufWriter().text(1, name).int(2, protocol).int(3, targetPort).int(4, publishedPort).finish();
}

/** Decodes a value of `endpoint_table`. */
export function decodeEndpointRecord(bytes: Uint8Array): EndpointRecord | GossipFault {
  const reader: Reader = new ProtobufReader(bytes);
  const texts = ['', '', '', '', ''];
  const ingressPorts: PortConfig[] = [];
  const aliases: string[] = [];
  const taskAliases: string[] = [];
  let serviceDisabled = false;
  while (reader.next()) {
    const { field } = reader;
    if (field <= 5) texts[field - 1] = readText(reader);
    else if (field === 6) ingressPorts.push(readPort(reader.message(MAX_PORT_CONFIG)));
    else if (field === 7) aliases.push(readText(reader));
    else if (field === 8) taskAliases.push(readText(reader));
    else if (field === 9) serviceDisabled = reader.bool();
    else reader.skip();
    if (Math.max(ingressPorts.length, aliases.length, taskAliases.length) > MAX_RECORD_ENTRIES) reader.fail('too-many');
  }
  const [name, serviceName, serviceId, virtualIp, endpointIp] = texts;
  const ports = { ingressPorts, aliases, taskAliases, serviceDisabled };
  return reader.fault ?? { name, serviceName, serviceId, virtualIp, endpointIp, ...ports };
}

function readPort(reader: Reader): PortConfig {
  let name = '';
  let protocol = 0;
  let targetPort = 0;
  let publishedPort = 0;
  while (reader.next()) {
    if (reader.field === 1) name = readText(reader);
    else if (reader.field === 2) protocol = reader.uint(LAST_PROTOCOL);
    else if (reader.field === 3) targetPort = reader.uint(UINT16);
    else if (reader.field === 4) publishedPort = reader.uint(UINT16);
    else reader.skip();
  }
  return { name, protocol: protocol as PortProtocol, targetPort, publishedPort };
}
