/** Changes packets: fields and payload first, then lengths and checksums to match. */
import {
  checksum,
  ETHERNET_HEADER_LEN,
  HeaderError,
  headerErrorText,
  IpProtocol,
  IPV6_HEADER_LEN,
  ipv4Layout,
  ipv6Layout,
  Layers,
  LinkType,
  parseIpv4,
  parseIpv6,
  parseMac,
  pseudoHeaderSum,
  tcpLayout,
  UDP_HEADER_LEN,
  udpLayout,
  VXLAN_HEADER_LEN,
  walkLink,
  writeIpv4Checksum,
} from '../wire/index.js';
import { CapturedPacket, splitNanoseconds } from './captured-packet.js';
import { FramesError } from './error.js';
import { type Carrier, Frame } from './frame.js';

/** New MAC addresses. */
export interface EthernetEdit {
  /** Such as `02:42:0a:00:09:03`. */
  readonly source?: string | undefined;
  /** In the same format. */
  readonly destination?: string | undefined;
}

/** New fields of an IP header. Addresses stay within their IP version. */
export interface IpEdit {
  /** IPv4 or IPv6 address as text. */
  readonly source?: string | undefined;
  /** IPv4 or IPv6 address as text. */
  readonly destination?: string | undefined;
  /** TTL or hop limit, 0 to 255. */
  readonly ttl?: number | undefined;
  /** 0 to 63. */
  readonly dscp?: number | undefined;
  /** 0 to 3. */
  readonly ecn?: number | undefined;
}

/** New ports. */
export interface UdpEdit {
  /** 0 to 65535. */
  readonly sourcePort?: number | undefined;
  /** 0 to 65535. */
  readonly destinationPort?: number | undefined;
}

/** New fields of a TCP header. */
export interface TcpEdit extends UdpEdit {
  /** 0 to 4294967295. */
  readonly sequence?: number | undefined;
  /** 0 to 4294967295. */
  readonly acknowledgment?: number | undefined;
  /** Not scaled, 0 to 65535. */
  readonly window?: number | undefined;
  /** All flags, as bits of `TcpFlag`. */
  readonly flags?: number | undefined;
}

const MAX_IP_LENGTH = 65_535;
const ICMP_CHECKSUM = 2;

function notEditable(message: string): FramesError {
  return new FramesError('NOT_EDITABLE', message);
}

function checkNumber(name: string, value: number, most: number): void {
  if (!Number.isInteger(value) || value < 0 || value > most) {
    throw new FramesError('BAD_EDIT', `${name} is a whole number from 0 to ${most}, not ${value}`);
  }
}

/** Edits one packet. Each method returns the editor, `finish` the changed packet; the original stays as it is. */
export class PacketEditor {
  readonly #layers = new Layers({ fromCapture: true });
  readonly #linkType: number;
  readonly #original: CapturedPacket;
  readonly #carrier: Carrier | undefined;
  #bytes: Uint8Array;
  #view: DataView;
  #payload: Uint8Array | undefined;

  /** @internal */
  constructor(bytes: Uint8Array, linkType: number, original: CapturedPacket, carrier?: Carrier) {
    this.#bytes = new Uint8Array(bytes);
    this.#view = viewOf(this.#bytes);
    this.#linkType = linkType;
    this.#original = original;
    this.#carrier = carrier;
    const end = this.#bytes.length;
    const error = walkLink(this.#layers, linkType, this.#bytes, 0, end, end);
    if (error !== HeaderError.None) throw notEditable(`a header of the packet is damaged: ${headerErrorText(error)}`);
  }

  /**
   * Changes MAC addresses.
   * @throws FramesError `NOT_EDITABLE` if the packet has no Ethernet header; VtepError `BAD_ADDRESS`
   */
  ethernet({ source, destination }: EthernetEdit): this {
    if (this.#linkType !== LinkType.Ethernet) throw notEditable('the packet has no Ethernet header');
    if (destination !== undefined) this.#bytes.set(parseMac(destination), 0);
    if (source !== undefined) this.#bytes.set(parseMac(source), 6);
    return this;
  }

  /**
   * Changes fields of the IP header.
   * @throws FramesError `NOT_EDITABLE` if there is none, or for the addresses of a fragment, since the transport's
   * checksum is over all fragments; `BAD_EDIT`; VtepError `BAD_ADDRESS`
   */
  ip({ source, destination, ttl, dscp, ecn }: IpEdit): this {
    const { family, networkOffset: ip, addressOffset, isFragment } = this.#layers;
    if (family === 0) throw notEditable('the packet has no IP header');
    if (isFragment && (source !== undefined || destination !== undefined)) {
      throw notEditable('the packet is a fragment: the checksum of what it carries is over all of its fragments');
    }
    const span = family === 4 ? 4 : 16;
    if (source !== undefined) this.#bytes.set(this.#address(source), addressOffset);
    if (destination !== undefined) this.#bytes.set(this.#address(destination), addressOffset + span);
    if (ttl !== undefined) {
      checkNumber('ttl', ttl, 0xff);
      this.#bytes[ip + (family === 4 ? ipv4Layout.offsetOf('ttl') : ipv6Layout.offsetOf('hopLimit'))] = ttl;
    }
    if (dscp !== undefined) {
      checkNumber('dscp', dscp, 0x3f);
      this.#tos((this.#tosOf() & 3) | (dscp << 2));
    }
    if (ecn !== undefined) {
      checkNumber('ecn', ecn, 3);
      this.#tos((this.#tosOf() & ~3) | ecn);
    }
    return this;
  }

  /**
   * Changes fields of the TCP header.
   * @throws FramesError `NOT_EDITABLE` if there is none, `BAD_EDIT`
   */
  tcp({ sequence, acknowledgment, window, flags, ...ports }: TcpEdit): this {
    const at = this.#transport(IpProtocol.Tcp, 'TCP');
    this.#ports(at, ports);
    if (sequence !== undefined) {
      checkNumber('sequence', sequence, 0xffffffff);
      this.#view.setUint32(at + tcpLayout.offsetOf('sequence'), sequence);
    }
    if (acknowledgment !== undefined) {
      checkNumber('acknowledgment', acknowledgment, 0xffffffff);
      this.#view.setUint32(at + tcpLayout.offsetOf('acknowledgment'), acknowledgment);
    }
    if (window !== undefined) {
      checkNumber('window', window, 0xffff);
      this.#view.setUint16(at + tcpLayout.offsetOf('window'), window);
    }
    if (flags !== undefined) {
      checkNumber('flags', flags, 0xff);
      this.#bytes[at + tcpLayout.bitsOf('dataOffset').offset + 1] = flags;
    }
    return this;
  }

  /**
   * Changes UDP ports.
   * @throws FramesError `NOT_EDITABLE` if there is no UDP header, `BAD_EDIT`
   */
  udp(ports: UdpEdit): this {
    this.#ports(this.#transport(IpProtocol.Udp, 'UDP'), ports);
    return this;
  }

  /**
   * Replaces the payload, of any length: what follows the TCP or UDP header; of other protocols what follows the IP
   * header; of frames without IP what follows the Ethernet header and its tags.
   * @param payload copied by `finish`
   * @throws FramesError `NOT_EDITABLE` for a fragment or an 802.3 frame, `BAD_EDIT` for what isn't bytes
   */
  payload(payload: Uint8Array): this {
    const { isFragment, llcOffset } = this.#layers;
    if (!((payload as unknown) instanceof Uint8Array)) throw new FramesError('BAD_EDIT', 'a payload is a Uint8Array');
    if (isFragment) throw notEditable('the packet is a fragment');
    if (llcOffset >= 0) throw notEditable('the packet is an 802.3 frame');
    this.#payload = payload;
    return this;
  }

  /**
   * Puts the frame, with the changes so far, back into the packet that carried it, and edits that: its outer headers
   * and UDP ports. A packet that was encrypted is written unencrypted.
   * @throws FramesError `NOT_EDITABLE` if the frame wasn't in VXLAN
   */
  outer(): PacketEditor {
    const carrier = this.#carrier;
    if (carrier === undefined) throw notEditable('the packet was not in VXLAN');
    const frame = this.finish().bytes;
    const payload = new Uint8Array(VXLAN_HEADER_LEN + frame.length);
    const { bytes, frameStart, linkType } = carrier;
    payload.set(bytes.subarray(frameStart - VXLAN_HEADER_LEN, frameStart));
    payload.set(frame, VXLAN_HEADER_LEN);
    return new PacketEditor(bytes, linkType, this.#original).payload(payload);
  }

  /**
   * Applies the changes: sets the IP and UDP lengths and computes the checksums of IPv4, TCP, UDP, ICMP and ICMPv6. A
   * UDP checksum of 0 over IPv4 (none) stays 0.
   * @returns the changed packet, with the number and the time of the original
   * @throws FramesError `BAD_EDIT` if the packet became longer than IP allows
   */
  finish(): CapturedPacket {
    const layers = this.#layers;
    const { family, networkOffset: ip } = layers;
    if (this.#payload !== undefined) this.#replace(this.#payload);
    if (family !== 0) {
      if (!layers.isFragment) {
        this.#setLengths();
        this.#setTransportChecksum();
      }
      if (family === 4) writeIpv4Checksum(this.#bytes, ip);
    }
    const { timeNanoseconds, number } = this.#original;
    const [seconds, nanoseconds] = timeNanoseconds === undefined ? [Number.NaN, 0] : splitNanoseconds(timeNanoseconds);
    return new CapturedPacket(new Uint8Array(this.#bytes), seconds, nanoseconds, number, this.#linkType);
  }

  #address(text: string): Uint8Array {
    const { family } = this.#layers;
    if (text.includes(':') !== (family === 6)) {
      throw new FramesError('BAD_EDIT', `the packet is IPv${family}, and its addresses stay so`);
    }
    return family === 4 ? parseIpv4(text) : parseIpv6(text);
  }

  #tosOf(): number {
    const { family, networkOffset: ip } = this.#layers;
    return family === 4 ? this.#bytes[ip + 1] : (this.#view.getUint16(ip) >>> 4) & 0xff;
  }

  #tos(value: number): void {
    const { family, networkOffset: ip } = this.#layers;
    if (family === 4) this.#bytes[ip + 1] = value;
    else this.#view.setUint16(ip, (this.#view.getUint16(ip) & 0xf00f) | (value << 4));
  }

  /** Offset of the transport header. */
  #transport(protocol: number, name: string): number {
    const { family, isFragment, transportOffset } = this.#layers;
    if (family === 0 || isFragment || this.#layers.protocol !== protocol) {
      throw notEditable(`the packet has no ${name} header`);
    }
    return transportOffset;
  }

  // TCP and UDP have their ports at the same offsets.
  #ports(at: number, { sourcePort, destinationPort }: UdpEdit): void {
    if (sourcePort !== undefined) {
      checkNumber('sourcePort', sourcePort, 0xffff);
      this.#view.setUint16(at, sourcePort);
    }
    if (destinationPort !== undefined) {
      checkNumber('destinationPort', destinationPort, 0xffff);
      this.#view.setUint16(at + 2, destinationPort);
    }
  }

  /** Whether there are ports, and so a TCP or UDP header. */
  get #ported(): boolean {
    const { family, protocol } = this.#layers;
    return family !== 0 && (protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp);
  }

  #replace(payload: Uint8Array): void {
    const layers = this.#layers;
    const start = this.#ported
      ? layers.payloadOffset
      : layers.family === 0
        ? Math.max(layers.networkOffset, this.#linkType === LinkType.Ethernet ? ETHERNET_HEADER_LEN : 0)
        : layers.transportOffset;
    const bytes = new Uint8Array(start + payload.length);
    bytes.set(this.#bytes.subarray(0, start));
    bytes.set(payload, start);
    this.#payload = undefined;
    this.#bytes = bytes;
    this.#view = viewOf(bytes);
    layers.networkEnd = bytes.length;
    if (this.#ported) layers.payloadEnd = bytes.length;
  }

  #setLengths(): void {
    const { family, networkOffset: ip, networkEnd, protocol, transportOffset, payloadEnd, lengthUnset } = this.#layers;
    const length = networkEnd - ip - (family === 4 ? 0 : IPV6_HEADER_LEN);
    if (length > MAX_IP_LENGTH) {
      // Captured that way on the sender (BIG TCP): no length can represent it.
      if (lengthUnset) return;
      throw new FramesError('BAD_EDIT', `the packet would be ${length} bytes long; IP allows ${MAX_IP_LENGTH}`);
    }
    const field = family === 4 ? ipv4Layout.offsetOf('totalLength') : ipv6Layout.offsetOf('payloadLength');
    this.#view.setUint16(ip + field, length);
    if (protocol === IpProtocol.Udp) {
      this.#view.setUint16(transportOffset + udpLayout.offsetOf('length'), payloadEnd - transportOffset);
    }
  }

  #setTransportChecksum(): void {
    const { family, protocol, transportOffset: at, networkEnd, payloadEnd, addressOffset } = this.#layers;
    let field: number;
    let end = networkEnd;
    let pseudo = true;
    switch (protocol) {
      case IpProtocol.Tcp:
        field = at + tcpLayout.offsetOf('checksum');
        break;
      case IpProtocol.Udp:
        field = at + udpLayout.offsetOf('checksum');
        end = payloadEnd;
        if (family === 4 && at + UDP_HEADER_LEN <= end && this.#view.getUint16(field) === 0) return;
        break;
      case IpProtocol.Icmp:
        field = at + ICMP_CHECKSUM;
        pseudo = false;
        break;
      case IpProtocol.Icmpv6:
        field = at + ICMP_CHECKSUM;
        break;
      default:
        return;
    }
    if (field + 2 > end) return;
    this.#view.setUint16(field, 0);
    const initial = pseudo ? pseudoHeaderSum(family, this.#bytes, addressOffset, protocol, end - at) : 0;
    const sum = checksum(this.#bytes, at, end, initial);
    // RFC 768: a computed checksum of 0 is sent as all ones.
    this.#view.setUint16(field, protocol === IpProtocol.Udp && sum === 0 ? 0xffff : sum);
  }
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/**
 * Edits a copy of a packet: of a frame, its inner headers (`outer()` goes on to the outer ones); of a captured packet
 * (`frame.packet`), its headers as captured; of bytes, an Ethernet frame. `finish()` sets lengths and checksums.
 * @throws FramesError `NOT_EDITABLE` for a packet with a damaged header, or one that the capture truncated
 * @example
 * import { createCapture, edit, openOverlay } from 'vtep';
 *
 * const output = await createCapture('edited.pcapng');
 * for await (const frame of openOverlay('wire.pcap')) {
 *   if (frame.inner.protocol !== 'UDP') continue;
 *   const edited = edit(frame).ip({ destination: '10.0.9.99' }).payload(new Uint8Array(100)).finish();
 *   await output.write(edited);
 * }
 * await output.close();
 */
export function edit(packet: Frame | CapturedPacket | Uint8Array): PacketEditor {
  if (packet instanceof Uint8Array) {
    const captured = new CapturedPacket(packet);
    return new PacketEditor(packet, LinkType.Ethernet, captured);
  }
  if (!((packet as unknown) instanceof Frame || (packet as unknown) instanceof CapturedPacket)) {
    throw notEditable('not a packet: pass a frame, a captured packet or bytes');
  }
  if (packet.truncated) throw notEditable('the capture truncated the packet, so its checksums are unknown');
  if (packet instanceof Frame) {
    const { bytes, carrier, vni } = packet;
    const linkType = vni === undefined ? packet.packet.linkType : LinkType.Ethernet;
    return new PacketEditor(bytes, linkType, packet.packet, carrier);
  }
  return new PacketEditor(packet.bytes, packet.linkType, packet);
}
