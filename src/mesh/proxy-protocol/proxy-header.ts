/**
 * HAProxy's PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt): a connection begins with the address of the
 * client, which a load balancer in between has lost.
 */
import { isIP } from 'node:net';
import { parseIp as parseAddress } from '../../overlay/index.js';
import { formatIp } from '../../wire/index.js';

/** A client's connection, as whoever took it first saw it. */
export interface ProxiedConnection {
  /** IPv4 or IPv6, as text. */
  readonly source: string;
  readonly sourcePort: number;
  /** The address that the client connected to. */
  readonly destination: string;
  readonly destinationPort: number;
}

const SIGNATURE = Uint8Array.of(0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a);
const VERSION_2_PROXY = 0x21;
const VERSION_2_LOCAL = 0x20;
const TCP4 = 0x11;
const TCP6 = 0x21;
const UNSPEC = 0x00;
/** Bytes before the addresses of version 2. */
const HEADER_2 = 16;
const MAX_PORT = 65_535;
/** Longest header of version 1, with its CR and LF. */
const MAX_HEADER_1 = 107;
/** Longest header of version 2 that is read: TLVs beyond that are for no one here. */
const MAX_HEADER_2 = HEADER_2 + 2048;
const V4_ADDRESSES = 12;
const V6_ADDRESSES = 36;
const LINE =
  /^PROXY (?:(UNKNOWN)(?: [!-~ ]*)?|(TCP[46]) ([0-9a-fA-F.:]{2,45}) ([0-9a-fA-F.:]{2,45}) (\d{1,5}) (\d{1,5}))\r\n$/;

/** What a connection begins with. */
export type ProxyHeader =
  /** More bytes are needed. */
  | { readonly kind: 'more' }
  /** No PROXY header, or a malformed one. */
  | { readonly kind: 'bad' }
  /** A header of so many bytes; without a connection if the sender speaks for itself, or doesn't know. */
  | { readonly kind: 'header'; readonly length: number; readonly connection: ProxiedConnection | undefined };

const MORE: ProxyHeader = { kind: 'more' };
const BAD: ProxyHeader = { kind: 'bad' };

/** The header of version 1: a line. */
export function proxyHeader1({ source, sourcePort, destination, destinationPort }: ProxiedConnection): string {
  const family = isV6(source) || isV6(destination) ? 'TCP6' : 'TCP4';
  const text = (address: string): string => (family === 'TCP6' ? mapped(address) : address);
  return `PROXY ${family} ${text(source)} ${text(destination)} ${sourcePort} ${destinationPort}\r\n`;
}

/** The header of version 2: bytes. */
export function proxyHeader2({ source, sourcePort, destination, destinationPort }: ProxiedConnection): Uint8Array {
  const v6 = isV6(source) || isV6(destination);
  const length = v6 ? 16 : 4;
  const addresses = v6 ? V6_ADDRESSES : V4_ADDRESSES;
  const bytes = new Uint8Array(HEADER_2 + addresses);
  bytes.set(SIGNATURE);
  const view = new DataView(bytes.buffer);
  view.setUint8(12, VERSION_2_PROXY);
  view.setUint8(13, v6 ? TCP6 : TCP4);
  view.setUint16(14, addresses);
  bytes.set(addressBytes(source, length), HEADER_2);
  bytes.set(addressBytes(destination, length), HEADER_2 + length);
  view.setUint16(HEADER_2 + 2 * length, sourcePort);
  view.setUint16(HEADER_2 + 2 * length + 2, destinationPort);
  return bytes;
}

/**
 * Reads the header of a connection, of either version.
 * @param bytes all bytes from the first on
 */
export function readProxyHeader(bytes: Uint8Array): ProxyHeader {
  const known = Math.min(bytes.length, SIGNATURE.length);
  let same = 0;
  while (same < known && bytes[same] === SIGNATURE[same]) same++;
  if (same === SIGNATURE.length) return readVersion2(bytes);
  if (same === bytes.length) return MORE;
  return readVersion1(bytes);
}

function readVersion1(bytes: Uint8Array): ProxyHeader {
  const start = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, MAX_HEADER_1)).toString('latin1');
  const end = start.indexOf('\r\n');
  if (end < 0) {
    const isPossible = 'PROXY '.startsWith(start.slice(0, 6)) && bytes.length < MAX_HEADER_1;
    return isPossible ? MORE : BAD;
  }
  const length = end + 2;
  const groups: readonly (string | undefined)[] = LINE.exec(start.slice(0, length))?.slice(1) ?? [];
  const [unknown, family, source = '', destination = '', sourcePort, destinationPort] = groups;
  if (unknown !== undefined) return { kind: 'header', length, connection: undefined };
  if (family === undefined) return BAD;
  const version = family === 'TCP6' ? 6 : 4;
  const ports = [Number(sourcePort), Number(destinationPort)];
  if (isIP(source) !== version || isIP(destination) !== version || ports.some((port) => port > MAX_PORT)) return BAD;
  return {
    kind: 'header',
    length,
    connection: { source, sourcePort: ports[0], destination, destinationPort: ports[1] },
  };
}

function readVersion2(bytes: Uint8Array): ProxyHeader {
  if (bytes.length < HEADER_2) return MORE;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const command = view.getUint8(12);
  const family = view.getUint8(13);
  const length = HEADER_2 + view.getUint16(14);
  if ((command !== VERSION_2_PROXY && command !== VERSION_2_LOCAL) || length > MAX_HEADER_2) return BAD;
  if (bytes.length < length) return MORE;
  if (command === VERSION_2_LOCAL || family === UNSPEC) return { kind: 'header', length, connection: undefined };
  if (family !== TCP4 && family !== TCP6) return BAD;
  const [size, version] = family === TCP4 ? [4, 4] : [16, 6];
  if (length < HEADER_2 + 2 * size + 4) return BAD;
  const ports = HEADER_2 + 2 * size;
  return {
    kind: 'header',
    length,
    connection: {
      source: formatIp(version, bytes, HEADER_2),
      sourcePort: view.getUint16(ports),
      destination: formatIp(version, bytes, HEADER_2 + size),
      destinationPort: view.getUint16(ports + 2),
    },
  };
}

function isV6(address: string): boolean {
  return isIP(address) === 6;
}

/** An address of IPv4 as one of IPv6 (RFC 4291 section 2.5.5.2). */
function mapped(address: string): string {
  return isV6(address) ? address : `::ffff:${address}`;
}

function addressBytes(address: string, length: number): Uint8Array {
  return parseAddress(length === 16 ? mapped(address) : address);
}
