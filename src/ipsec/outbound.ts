/**
 * IP packets to ESP packets (RFC 4301 section 5.1, RFC 4303 section 3.1): transport mode moves the IP header forward to
 * make room after it, tunnel mode prepends a new one; UDP goes in between if the SA says so (RFC 3948).
 */
import type { Aead } from '../aead/portable.js';
import { getWord, viewOf } from '../memory/internal.js';
import {
  checkIpv4,
  checkIpv6,
  HeaderError,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  Ipv4View,
  Ipv6View,
  Ipv6ExtensionWalk,
  ipv4Layout,
  ipv6Layout,
  UDP_HEADER_LEN,
  UdpView,
  VERSION_4_IHL_5,
  writeIpv4,
  writeIpv4Length,
  writeIpv6,
} from '../wire/index.js';
import { EspDrop } from './esp-drop.js';
import { ESP_HEADER_BYTES, espBytes } from './esp-format.js';
import { EspSealer } from './esp-sealer.js';
import type { OutboundSa } from './outbound-sa.js';
import { SaFlag, type SaMemory, SaWord } from './sa-table.js';

const IPV4_PROTOCOL = ipv4Layout.offsetOf('protocol');
const IPV6_SOURCE = ipv6Layout.offsetOf('source');
const MAX_IP_PACKET = 65_535;
const HOP_LIMIT = 64;
const DONT_FRAGMENT = 0x4000;
const ANY_FRAGMENT = 0x3fff;
/** Packets shorter than this stay within IP's limit whatever ESP adds. */
const SURELY_SEALABLE = MAX_IP_PACKET - 64;

/** Free bytes needed before an IP packet for an SA's headers. */
export function outboundHeadroom(sa: OutboundSa): number {
  return sa.headroom;
}

/** Free bytes needed after an IP packet, at most, for padding, trailer and ICV. */
export function outboundTailroom(sa: OutboundSa): number {
  return 3 + 2 + sa.icvLength;
}

/**
 * Seals IP packets in place, in batches.
 * @example
 * import { randomBytes } from 'node:crypto';
 * import { chooseAead, hkdfSha256 } from 'vtep/aead';
 * import { OutboundEsp, outboundHeadroom, OutboundSa, outboundTailroom } from 'vtep/ipsec';
 * import { ClusterKey, deriveSa, Profile } from 'vtep/overlay';
 * import { parseIpv4 } from 'vtep/wire';
 *
 * const { aead } = chooseAead();
 * const key = new ClusterKey(29944, randomBytes(16));
 * const pair = { key, source: parseIpv4('192.168.50.1'), destination: parseIpv4('192.168.50.2') };
 * const sa = new OutboundSa(deriveSa(Profile.Swarm, pair, hkdfSha256), aead, { ivMask: randomBytes(8) });
 *
 * const packet = Buffer.from('4500002000004000401155d2c0a83201c0a832029c4012b5000c000064617461', 'hex');
 * const start = outboundHeadroom(sa);
 * const slot = new Uint8Array(start + packet.length + outboundTailroom(sa));
 * slot.set(packet, start);
 * const esp = new OutboundEsp(aead);
 * esp.push(sa, slot, start, start + packet.length, performance.now() / 1000);
 * esp.flush();
 * console.log(`${esp.end - esp.start} bytes on the wire`);
 */
export class OutboundEsp {
  /** Start of the last packet as ESP. */
  start = 0;
  /** End of the last packet as ESP. */
  end = 0;
  readonly #sealer: EspSealer;
  readonly #ipv4 = new Ipv4View();
  readonly #ipv6 = new Ipv6View();
  readonly #extensions = new Ipv6ExtensionWalk();
  readonly #udp = new UdpView();
  /** End of the headers that stay before ESP, and offset of the field that names what follows them. */
  #headerEnd = 0;
  #protocolAt = 0;

  /**
   * @param aead the cipher that holds the SAs' keys
   * @param capacity packets per batch
   */
  constructor(aead: Aead, capacity = 256) {
    this.#sealer = new EspSealer(aead, capacity);
  }

  /**
   * Turns an IP packet into ESP, at `this.start` to `this.end`. It is sealed when the batch is full or by `flush`; its
   * bytes must not change until then.
   * @param bytes with `outboundHeadroom` bytes before `start` and `outboundTailroom` after `end`
   * @param start offset of the IP header
   * @param end end of the bytes; the packet may end earlier by its own length
   * @param seconds the clock of the SA's limits
   * @param roomStart start of the room for headers; in an arena, of the packet's slot
   * @param roomEnd end of the room for trailer and ICV; in an arena, of the packet's slot
   * @returns `UnsupportedPacket`, `NoRoom`, `SequenceExhausted`, `SequenceNotReserved`, `Expired`, or `None`; unless `None`,
   * the packet is unchanged
   */
  push(
    sa: OutboundSa,
    bytes: Uint8Array,
    start: number,
    end: number,
    seconds: number,
    roomStart = 0,
    roomEnd: number = bytes.length,
  ): EspDrop {
    return this.pushRow(sa, sa.memory, sa.at, bytes, start, end, seconds, roomStart, roomEnd);
  }

  /** @internal `push` for an SA whose row is known; the object isn't read unless something is unusual. */
  pushRow(
    sa: OutboundSa,
    memory: SaMemory,
    at: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    seconds: number,
    roomStart: number,
    roomEnd: number,
  ): EspDrop {
    const { words } = memory;
    // Tailroom depends on the padding: `EspSealer` checks it.
    if (start - (words[at + SaWord.Identification] >>> 16) < roomStart || end > roomEnd) return EspDrop.NoRoom;
    const flags = words[at + SaWord.Flags];
    if ((flags & SaFlag.Plain) !== 0 && end - start >= IPV4_HEADER_LEN) {
      const view = viewOf(bytes);
      const first = view.getInt32(start);
      const second = view.getInt32(start + 4);
      const packetEnd = start + (first & 0xffff);
      const whole = packetEnd <= end && packetEnd - start >= IPV4_HEADER_LEN && packetEnd - start < SURELY_SEALABLE;
      if (first >>> 24 === VERSION_4_IHL_5 && (second & ANY_FRAGMENT) === 0 && whole) {
        return this.#plain(sa, memory, at, bytes, start, packetEnd, seconds, roomEnd);
      }
    }
    return (flags & SaFlag.Tunnel) !== 0
      ? this.#tunnel(sa, bytes, start, end, seconds, roomEnd)
      : this.#transport(sa, bytes, start, end, seconds, roomEnd);
  }

  /** Transport mode of an IPv4 datagram without options: its header is five words, written to their new offset. */
  #plain(
    sa: OutboundSa,
    memory: SaMemory,
    at: number,
    bytes: Uint8Array,
    start: number,
    end: number,
    seconds: number,
    roomEnd: number,
  ): EspDrop {
    const view = viewOf(bytes);
    const first = view.getInt32(start);
    const second = view.getInt32(start + 4);
    const third = view.getInt32(start + 8);
    const source = view.getInt32(start + 12);
    const destination = view.getInt32(start + 16);
    // ESP's header and IV overwrite most of the IP header, which is why its words were read first.
    const payload = start + IPV4_HEADER_LEN;
    const protocol = (third >>> 16) & 0xff;
    const drop = this.#sealer.pushRow(sa, memory, at, bytes, payload, end, protocol, seconds, roomEnd);
    if (drop !== EspDrop.None) return drop;
    const to = start - ESP_HEADER_BYTES;
    const length = this.#sealer.espEnd - to;
    this.start = to;
    this.end = this.#sealer.espEnd;
    const tos = (first >>> 16) & 0xff;
    writeIpv4(bytes, to, tos, length, second, third >>> 24, IpProtocol.Esp, source, destination);
    return EspDrop.None;
  }

  /** Seals the pushed packets. */
  flush(): void {
    this.#sealer.flush();
  }

  #transport(sa: OutboundSa, bytes: Uint8Array, start: number, end: number, seconds: number, roomEnd: number): EspDrop {
    const { family } = sa;
    if ((family === 4 ? checkIpv4(bytes, start, end) : checkIpv6(bytes, start, end)) !== HeaderError.None) {
      return EspDrop.UnsupportedPacket;
    }
    const packetEnd =
      family === 4 ? this.#ipv4.wrap(bytes, start).payloadEnd : this.#ipv6.wrap(bytes, start).payloadEnd;
    if (!(family === 4 ? this.#findIpv4Payload() : this.#findIpv6Payload(bytes, packetEnd)))
      return EspDrop.UnsupportedPacket;
    const payload = this.#headerEnd;
    const shift = sa.headroom;
    const sealed = payload - start + shift - ESP_HEADER_BYTES + espBytes(packetEnd - payload, sa.icvLength);
    if (sealed - (family === 4 ? 0 : IPV6_HEADER_LEN) > MAX_IP_PACKET) return EspDrop.UnsupportedPacket;
    const protocolAt = this.#protocolAt - shift;
    const protocol = bytes[this.#protocolAt];
    // The room before the payload holds the header to be moved, so move it first, and back on failure.
    bytes.copyWithin(start - shift, start, payload);
    const drop = this.#sealer.push(sa, bytes, payload, packetEnd, protocol, seconds, roomEnd);
    if (drop !== EspDrop.None) {
      bytes.copyWithin(start, start - shift, payload - shift);
      return drop;
    }
    this.start = start - shift;
    this.end = this.#sealer.espEnd;
    if (sa.encap) this.#putUdp(sa, bytes, payload - shift, this.start);
    bytes[protocolAt] = sa.encap ? IpProtocol.Udp : IpProtocol.Esp;
    const length = this.end - this.start;
    if (family === 4) writeIpv4Length(bytes, this.start, length);
    else this.#ipv6.wrap(bytes, this.start).payloadLength = length - IPV6_HEADER_LEN;
    return EspDrop.None;
  }

  #findIpv4Payload(): boolean {
    const ip = this.#ipv4;
    // RFC 4303 section 3.1.1: transport mode is for whole datagrams.
    if (ip.isFragment) return false;
    this.#headerEnd = ip.payloadOffset;
    this.#protocolAt = ip.offset + IPV4_PROTOCOL;
    return true;
  }

  /**
   * RFC 4303 section 3.1.1: headers that nodes en route read stay before ESP: hop-by-hop options, routing, and
   * destination options before it; later destination options are sealed.
   */
  #findIpv6Payload(bytes: Uint8Array, end: number): boolean {
    const { payloadOffset, nextHeaderOffset } = this.#ipv6;
    const walk = this.#extensions;
    const headerError = walk.run(bytes, bytes[nextHeaderOffset], nextHeaderOffset, payloadOffset, end);
    // Transport mode is for whole datagrams.
    if (headerError !== HeaderError.None || walk.fragmentHeaderOffset >= 0) return false;
    this.#headerEnd = walk.perFragmentEnd;
    this.#protocolAt = walk.perFragmentProtocolAt;
    return true;
  }

  #tunnel(sa: OutboundSa, bytes: Uint8Array, start: number, end: number, seconds: number, roomEnd: number): EspDrop {
    const inner = bytes[start] >>> 4 === 6 ? 6 : 4;
    if ((inner === 4 ? checkIpv4(bytes, start, end) : checkIpv6(bytes, start, end)) !== HeaderError.None) {
      return EspDrop.UnsupportedPacket;
    }
    const packetEnd = inner === 4 ? this.#ipv4.wrap(bytes, start).payloadEnd : this.#ipv6.wrap(bytes, start).payloadEnd;
    const span = sa.family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN;
    const outerStart = start - sa.headroom;
    const length = span + (sa.encap ? UDP_HEADER_LEN : 0) + espBytes(packetEnd - start, sa.icvLength);
    if (length - (sa.family === 4 ? 0 : IPV6_HEADER_LEN) > MAX_IP_PACKET) return EspDrop.UnsupportedPacket;
    const tos = inner === 4 ? this.#ipv4.tos : this.#ipv6.trafficClass;
    const dontFragment = inner === 4 && this.#ipv4.dontFragment;
    const nextHeader = inner === 4 ? IpProtocol.Ipip : IpProtocol.Ipv6;
    const drop = this.#sealer.push(sa, bytes, start, packetEnd, nextHeader, seconds, roomEnd);
    if (drop !== EspDrop.None) return drop;
    this.start = outerStart;
    this.end = this.#sealer.espEnd;
    if (sa.encap) this.#putUdp(sa, bytes, outerStart + span, outerStart);
    const protocol = sa.encap ? IpProtocol.Udp : IpProtocol.Esp;
    if (sa.family === 4) this.#putIpv4(sa, bytes, outerStart, tos, dontFragment, protocol);
    else this.#putIpv6(sa, bytes, outerStart, tos, protocol);
    return EspDrop.None;
  }

  /**
   * The outer header of tunnel mode (RFC 4301 section 5.1.2.1): TOS and DF copied from the inner one, a new
   * identification.
   */
  #putIpv4(sa: OutboundSa, bytes: Uint8Array, at: number, tos: number, df: boolean, protocol: number): void {
    const fragmentation = (sa.identification << 16) | (df ? DONT_FRAGMENT : 0);
    sa.identification = (sa.identification + 1) & 0xffff;
    const source = getWord(sa.source, 0);
    const destination = getWord(sa.destination, 0);
    writeIpv4(bytes, at, tos, this.end - at, fragmentation, HOP_LIMIT, protocol, source, destination);
  }

  #putIpv6(sa: OutboundSa, bytes: Uint8Array, at: number, trafficClass: number, protocol: number): void {
    writeIpv6(bytes, at, trafficClass, this.end - at - IPV6_HEADER_LEN, protocol, HOP_LIMIT);
    bytes.set(sa.source, at + IPV6_SOURCE);
    bytes.set(sa.destination, at + IPV6_SOURCE + 16);
  }

  /**
   * RFC 3948 section 2.1: the checksum should be zero. Over IPv6 receivers drop such packets (RFC 8200 section 8.1), so
   * it is computed there, over the sealed bytes.
   */
  #putUdp(sa: OutboundSa, bytes: Uint8Array, at: number, ip: number): void {
    const udp = this.#udp.wrap(bytes, at);
    udp.sourcePort = sa.encapSourcePort;
    udp.destinationPort = sa.encapDestinationPort;
    udp.length = this.end - at;
    udp.checksum = 0;
    if (sa.family === 6) this.#sealer.wantChecksum(at, ip + IPV6_SOURCE);
  }
}
