/** Writes the headers of templates, with zeros in the fields that vary. */
import { EtherType, IcmpType, Icmpv6Type, IpProtocol, TCP_HEADER_LEN } from '../wire/index.js';
import { LaneKind, type LaneSpec } from './lane-spec.js';

/** Longest template: headers, and a frame or the begin of a payload. */
const MAX_TEMPLATE = 4096;

/** Writes headers one after the other. */
export class HeaderWriter {
  readonly bytes = new Uint8Array(MAX_TEMPLATE);
  readonly #view = new DataView(this.bytes.buffer);
  at = 0;

  /** Begins again, with zeros. */
  clear(): void {
    this.bytes.fill(0, 0, this.at);
    this.at = 0;
  }

  u8(...values: number[]): void {
    for (const value of values) this.#view.setUint8(this.at++, value);
  }

  u16(...values: number[]): void {
    for (const value of values) {
      this.#view.setUint16(this.at, value);
      this.at += 2;
    }
  }

  u32(value: number): void {
    this.#view.setInt32(this.at, value);
    this.at += 4;
  }

  put(bytes: Uint8Array): void {
    this.bytes.set(bytes, this.at);
    this.at += bytes.length;
  }

  skip(count: number): void {
    this.at += count;
  }

  ethernet(destination: Uint8Array, source: Uint8Array, vlan: number | undefined, type: number): void {
    this.put(destination);
    this.put(source);
    if (vlan !== undefined) this.u16(EtherType.Vlan, vlan);
    this.u16(type);
  }

  ip(source: Uint8Array, destination: Uint8Array, protocol: number, ttl: number, fragment: number): void {
    if (source.length === 4) {
      this.u16(0x4500, 0, 0, fragment);
      this.u8(ttl, protocol);
      this.u16(0);
    } else {
      this.u32(0x60000000);
      this.u16(0);
      this.u8(protocol, ttl);
    }
    this.put(source);
    this.put(destination);
  }
}

const WINDOW = 502;
const SYN_WINDOW = 64_240;
/** Shifts of the window: Linux's usual one, and one that takes a whole answer of large segments. */
const WINDOW_SCALE = 7;
const LARGE_WINDOW_SCALE = 12;
/** Segments of the longest answer. */
const ANSWER = 16;
const SYN_OPTIONS = 20;
const DATA_OPTIONS = 12;

/** Bytes of a TCP header with its options. */
export function tcpHeaderLength(syn: boolean): number {
  return TCP_HEADER_LEN + (syn ? SYN_OPTIONS : DATA_OPTIONS);
}

/** The inner protocol of a lane; 0 if it has none. */
export function protocolOf({ kind, from }: LaneSpec): number {
  if (kind === LaneKind.Tcp) return IpProtocol.Tcp;
  if (kind === LaneKind.Udp) return IpProtocol.Udp;
  return from.ip.length === 4 ? IpProtocol.Icmp : IpProtocol.Icmpv6;
}

/** Writes the transport header and the constant begin of the payload. */
export function writeTransport(writer: HeaderWriter, spec: LaneSpec): void {
  const { kind, reply = false, port = 0, syn = false, mss = 0, identifier = 0, payload } = spec;
  const source = reply ? port : 0;
  const destination = reply ? 0 : port;
  if (kind === LaneKind.Tcp) {
    writer.u16(source, destination);
    writer.skip(8);
    writer.u16((tcpHeaderLength(syn) / 4) << 12, syn ? SYN_WINDOW : WINDOW, 0, 0);
    // MSS, SACK permitted, timestamps, window scale; or two NOPs and timestamps.
    if (syn) {
      writer.u8(2, 4);
      writer.u16(mss);
      writer.u8(4, 2, 8, 10);
      writer.skip(8);
      writer.u8(1, 3, 3, mss * ANSWER > WINDOW << WINDOW_SCALE ? LARGE_WINDOW_SCALE : WINDOW_SCALE);
    } else {
      writer.u8(1, 1, 8, 10);
      writer.skip(8);
    }
  } else if (kind === LaneKind.Udp) {
    writer.u16(source, destination, 0, 0);
  } else {
    const [request, answer] =
      spec.from.ip.length === 4
        ? [IcmpType.EchoRequest, IcmpType.EchoReply]
        : [Icmpv6Type.EchoRequest, Icmpv6Type.EchoReply];
    writer.u8(reply ? answer : request, 0);
    writer.u16(0, identifier, 0);
  }
  if (payload !== undefined) writer.put(payload);
}
