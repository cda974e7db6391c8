/** MSS clamping: lowers the MSS option of TCP SYNs to what fits the MTU (RFC 9293 section 3.7.1, RFC 4459). */
import {
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  type Layers,
  TCP_HEADER_LEN,
  TcpFlag,
  tcpLayout,
  updateChecksum,
} from '../wire/index.js';

const CHECKSUM = tcpLayout.offsetOf('checksum');
const FLAGS = tcpLayout.bitsOf('syn').offset + 1;
const OPTION_END = 0;
const OPTION_NOP = 1;
const OPTION_MSS = 2;
const MSS_LENGTH = 4;

/**
 * Clamps the MSS option of a TCP SYN and updates its checksum. Other frames are left unchanged.
 * @param inner the frame's parsed headers
 * @param mtu the largest inner IP packet, in bytes
 * @returns whether the MSS was lowered
 */
export function clampMss(bytes: Uint8Array, inner: Layers, mtu: number): boolean {
  if (inner.protocol !== IpProtocol.Tcp || inner.isFragment || inner.sourcePort < 0) return false;
  const tcp = inner.transportOffset;
  if ((bytes[tcp + FLAGS] & TcpFlag.Syn) === 0) return false;
  const mss = mtu - (inner.family === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN) - TCP_HEADER_LEN;
  const end = inner.payloadOffset;
  for (let at = tcp + TCP_HEADER_LEN; at < end && bytes[at] !== OPTION_END;) {
    if (bytes[at] === OPTION_NOP) {
      at++;
      continue;
    }
    const length = at + 1 < end ? bytes[at + 1] : 0;
    if (length < 2 || at + length > end) return false;
    if (bytes[at] === OPTION_MSS && length === MSS_LENGTH) return lower(bytes, tcp, at + 2, mss);
    at += length;
  }
  return false;
}

function lower(bytes: Uint8Array, tcp: number, at: number, mss: number): boolean {
  const current = (bytes[at] << 8) | bytes[at + 1];
  if (current <= mss || mss <= 0) return false;
  const field = tcp + CHECKSUM;
  const old = (bytes[field] << 8) | bytes[field + 1];
  // At an odd offset the field straddles two words of the sum; swapping its bytes gives the same update.
  const odd = ((at - tcp) & 1) !== 0;
  const sum = odd ? updateChecksum(old, swap(current), swap(mss)) : updateChecksum(old, current, mss);
  bytes[at] = mss >>> 8;
  bytes[at + 1] = mss;
  bytes[field] = sum >>> 8;
  bytes[field + 1] = sum;
  return true;
}

function swap(word: number): number {
  return ((word & 0xff) << 8) | (word >>> 8);
}
