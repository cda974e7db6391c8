/**
 * Restores what sockets strip from packets and ingress needs: the sender's address, and the IPv6 header of raw sockets,
 * for the SA lookup. Checksums are not restored: the kernel has verified them.
 */
import { getWord, viewOf } from '../../memory/internal.js';
import { IPV6_HEADER_LEN, writeIpv6 } from '../../wire/index.js';
import { addressIn } from './socket-address.js';

const HOP_LIMIT = 64;

/** Headroom that `putSender` needs in front of a datagram, in bytes. */
export const SENDER_ROOM = 16;

/**
 * Writes the sender's address directly in front of a datagram.
 * @param bytes with `SENDER_ROOM` bytes before `start`
 * @param start offset of the datagram
 * @param family 4 or 6
 * @param addresses contains the sender's struct sockaddr at offset `name`
 * @returns offset of the written address, 4 or 16 bytes
 */
export function putSender(
  bytes: Uint8Array,
  start: number,
  family: 4 | 6,
  addresses: Uint8Array,
  name: number,
): number {
  const view = viewOf(bytes);
  const from = addressIn(name, family);
  const span = family === 4 ? 4 : 16;
  const at = start - span;
  for (let i = 0; i < span; i += 4) view.setInt32(at + i, getWord(addresses, from + i));
  return at;
}

/** Writes the IPv6 headers of packets to one VTEP. */
export class Ipv6Headers {
  readonly #vtep: Int32Array;

  /** @param vtep destination address of the packets, 16 bytes */
  constructor(vtep: Uint8Array) {
    this.#vtep = Int32Array.from({ length: vtep.length / 4 }, (_, i) => getWord(vtep, 4 * i));
  }

  /**
   * Writes an IPv6 header in front of a payload from a raw socket. It is the received one except for the hop limit,
   * which the socket doesn't report.
   * @param bytes with 40 bytes before `start`
   * @param start offset of the payload
   * @param end offset of its end
   * @param addresses contains the sender's struct sockaddr at offset `name`
   * @param trafficClass traffic class of the received packet
   * @param protocol protocol of the payload
   * @returns offset of the header
   */
  put(
    bytes: Uint8Array,
    start: number,
    end: number,
    addresses: Uint8Array,
    name: number,
    trafficClass: number,
    protocol: number,
  ): number {
    const ip = start - IPV6_HEADER_LEN;
    const view = viewOf(bytes);
    writeIpv6(bytes, ip, trafficClass, end - start, protocol, HOP_LIMIT);
    const source = addressIn(name, 6);
    for (let i = 0; i < 16; i += 4) {
      view.setInt32(ip + 8 + i, getWord(addresses, source + i));
      view.setInt32(ip + 24 + i, this.#vtep[i / 4]);
    }
    return ip;
  }
}
