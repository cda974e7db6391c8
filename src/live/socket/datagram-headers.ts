/**
 * What a socket took off its datagrams and the ingress needs: the sender's address, and the IPv6 header of a raw socket, which
 * ESP is looked up by. No checksum is written: the kernel has verified those that came.
 */
import { viewOf } from '../../memory/view.js';
import { getWord } from '../../memory/word.js';
import { IPV6_SPAN } from '../../wire/index.js';
import { addressIn } from './socket-address.js';

const HOP_LIMIT = 64;
const VERSION_6 = 6;

/** Bytes in front of a datagram that `putSender` may write to. */
export const SENDER_ROOM = 16;

/**
 * Puts the sender's address right in front of a datagram.
 * @param bytes with `SENDER_ROOM` bytes before `start`
 * @param start where the datagram begins
 * @param family 4 or 6
 * @param names where the sender's struct sockaddr is, at `name`
 * @returns offset of the address: 4 or 16 bytes
 */
export function putSender(bytes: Uint8Array, start: number, family: 4 | 6, names: Uint8Array, name: number): number {
  const view = viewOf(bytes);
  const from = addressIn(name, family);
  const span = family === 4 ? 4 : 16;
  const at = start - span;
  for (let i = 0; i < span; i += 4) view.setInt32(at + i, getWord(names, from + i));
  return at;
}

/** Writes the IPv6 headers of packets to one VTEP. */
export class Ipv6Headers {
  readonly #vtep: Int32Array;

  /** @param vtep address that the packets came to: 16 bytes */
  constructor(vtep: Uint8Array) {
    this.#vtep = Int32Array.from({ length: vtep.length / 4 }, (_, i) => getWord(vtep, 4 * i));
  }

  /**
   * Puts an IPv6 header in front of what a raw socket gave, as it came but for the hop limit, which the socket doesn't tell.
   * @param bytes with 40 bytes before `start`
   * @param start where the payload begins
   * @param end where it ends
   * @param names where the sender's struct sockaddr is, at `name`
   * @param trafficClass of the packet that came
   * @param protocol of the payload
   * @returns offset of the header
   */
  put(
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
    view.setInt32(ip, (VERSION_6 << 28) | (trafficClass << 20));
    view.setInt32(ip + 4, ((end - start) << 16) | (protocol << 8) | HOP_LIMIT);
    const source = addressIn(name, 6);
    for (let i = 0; i < 16; i += 4) {
      view.setInt32(ip + 8 + i, getWord(names, source + i));
      view.setInt32(ip + 24 + i, this.#vtep[i / 4]);
    }
    return ip;
  }
}
