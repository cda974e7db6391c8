/**
 * The headers that a socket has taken off, put back in front of what it gave: Ethernet, IP and UDP, as `IngressChain` takes
 * packets. The kernel has verified the checksums; those written here are good for what stands there.
 */
import { viewOf } from '../memory/view.js';
import { getWord } from '../memory/word.js';
import { ETHERNET_SPAN, EtherType, IPV4_SPAN, IPV6_SPAN, IpProtocol, onesSum, UDP_SPAN } from '../wire/index.js';
import { addressIn } from './socket-address.js';

const VERSION_4_IHL_5 = 0x45;
const TTL = 64;
const PORT = 2;

/** Writes headers of packets to one VTEP. */
export class DatagramHeaders {
  /** 4 or 6. */
  readonly family: 4 | 6;
  readonly #vtep: Int32Array;
  readonly #port: number;

  /**
   * @param vtep address that the packets came to: 4 or 16 bytes
   * @param port UDP port that they came to, host order
   */
  constructor(vtep: Uint8Array, port: number) {
    this.family = vtep.length === 4 ? 4 : 6;
    this.#vtep = Int32Array.from({ length: vtep.length / 4 }, (_, i) => getWord(vtep, 4 * i));
    this.#port = port;
  }

  /**
   * Puts Ethernet, IP and UDP in front of a UDP payload.
   * @param bytes with 62 bytes before `start`
   * @param start where the payload begins
   * @param end where it ends
   * @param names where the sender's struct sockaddr stands, at `name`
   * @param trafficClass of the packet that came
   * @returns where the packet begins
   */
  putUdp(bytes: Uint8Array, start: number, end: number, names: Uint8Array, name: number, trafficClass: number): number {
    const udp = start - UDP_SPAN;
    const length = end - udp;
    const view = viewOf(bytes);
    view.setInt32(udp, (names[name + PORT] << 24) | (names[name + PORT + 1] << 16) | this.#port);
    view.setInt32(udp + 4, length << 16);
    if (this.family === 4) return this.putEthernet(bytes, this.#putIpv4(bytes, udp, end, names, name, trafficClass));
    const ip = this.#putIpv6(bytes, udp, end, names, name, trafficClass, IpProtocol.Udp);
    // IPv6 has no UDP without a checksum (RFC 8200 section 8.1).
    const pseudo = onesSum(bytes, ip + 8, ip + IPV6_SPAN, IpProtocol.Udp + length);
    view.setInt16(udp + 6, ~onesSum(bytes, udp, end, pseudo) & 0xffff || 0xffff);
    return this.putEthernet(bytes, ip);
  }

  /**
   * Puts Ethernet and IPv6 in front of what a raw IPv6 socket gave; parameters as of `putUdp`.
   * @param protocol what follows the IPv6 header
   */
  putIpv6(
    bytes: Uint8Array,
    start: number,
    end: number,
    names: Uint8Array,
    name: number,
    trafficClass: number,
    protocol: number,
  ): number {
    return this.putEthernet(bytes, this.#putIpv6(bytes, start, end, names, name, trafficClass, protocol));
  }

  /** Puts an Ethernet header, of which the EtherType counts alone, in front of an IP packet: returns where it begins. */
  putEthernet(bytes: Uint8Array, start: number): number {
    const at = start - ETHERNET_SPAN;
    const view = viewOf(bytes);
    view.setInt32(at, 0);
    view.setInt32(at + 4, 0);
    view.setInt32(at + 8, 0);
    view.setInt16(at + 12, this.family === 4 ? EtherType.Ipv4 : EtherType.Ipv6);
    return at;
  }

  #putIpv4(bytes: Uint8Array, start: number, end: number, names: Uint8Array, name: number, tos: number): number {
    const ip = start - IPV4_SPAN;
    const view = viewOf(bytes);
    view.setInt32(ip, (VERSION_4_IHL_5 << 24) | (tos << 16) | (end - ip));
    view.setInt32(ip + 4, 0);
    view.setInt32(ip + 8, (TTL << 24) | (IpProtocol.Udp << 16));
    view.setInt32(ip + 12, getWord(names, addressIn(name, 4)));
    view.setInt32(ip + 16, this.#vtep[0]);
    view.setInt16(ip + 10, ~onesSum(bytes, ip, start) & 0xffff);
    return ip;
  }

  #putIpv6(
    bytes: Uint8Array,
    start: number,
    end: number,
    names: Uint8Array,
    name: number,
    trafficClass: number,
    protocol: number,
  ): number {
    const ip = start - IPV6_SPAN;
    const view = viewOf(bytes);
    view.setInt32(ip, (6 << 28) | (trafficClass << 20));
    view.setInt32(ip + 4, ((end - start) << 16) | (protocol << 8) | TTL);
    const source = addressIn(name, 6);
    for (let i = 0; i < 16; i += 4) {
      view.setInt32(ip + 8 + i, getWord(names, source + i));
      view.setInt32(ip + 24 + i, this.#vtep[i / 4]);
    }
    return ip;
  }
}
