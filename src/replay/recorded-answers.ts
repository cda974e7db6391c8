/**
 * Turns a recorded answer of a virtual IP back into the frame that the task had sent, so that a replay can take it through
 * the wire and the load balancer again. What the balancer did to the connection's requests says what to undo.
 */
import { getWord, KeyIndex, putWord, viewOf } from '../memory/internal.js';
import {
  ETHERNET_HEADER_LEN,
  EtherType,
  IpProtocol,
  IPV4_HEADER_LEN,
  onesSum,
  TCP_CHECKSUM,
  TCP_HEADER_LEN,
  UDP_CHECKSUM,
  UDP_HEADER_LEN,
  writeIpv4Checksum,
} from '../wire/index.js';

/** Maximum number of connections remembered: answers of later ones are not taken back. */
const MAX_CONNECTIONS = 65_536;
const FIRST_CAPACITY = 64;
/** Words of a connection: both MACs towards the task, both addresses, both ports. */
const WORDS = 6;
const MACS = 12;
const FRAGMENT = 0x3fff;
const MAX_TTL = 255;

/** Offset of a frame's TCP or UDP header, or -1 if it has none, is a fragment or too short. */
function transportOf(bytes: Uint8Array, start: number, end: number): number {
  const at = start + ETHERNET_HEADER_LEN;
  if (end - at < IPV4_HEADER_LEN) return -1;
  const view = viewOf(bytes);
  const headerLength = (bytes[at] & 0xf) * 4;
  const protocol = bytes[at + 9];
  const least = protocol === IpProtocol.Tcp ? TCP_HEADER_LEN : UDP_HEADER_LEN;
  const isPlain =
    view.getUint16(start + 12) === EtherType.Ipv4 &&
    bytes[at] >>> 4 === 4 &&
    headerLength >= IPV4_HEADER_LEN &&
    (view.getUint16(at + 6) & FRAGMENT) === 0 &&
    (protocol === IpProtocol.Tcp || protocol === IpProtocol.Udp);
  const total = view.getUint16(at + 2);
  if (!isPlain || total < headerLength + least || at + total > end) return -1;
  return at + headerLength;
}

/** The translated connections of a replay. */
export class RecordedAnswers {
  /** Client, VIP, ports and protocol, as the client's frames have them. */
  readonly #index = new KeyIndex(4, MAX_CONNECTIONS);
  #rows = new Int32Array(FIRST_CAPACITY * WORDS);

  /**
   * Notes a client's frame before its translation; call `noteTranslated` with the result.
   * @returns the connection, or -1 if the frame is of none
   */
  noteRequest(bytes: Uint8Array, start: number, end: number): number {
    const transport = transportOf(bytes, start, end);
    if (transport < 0) return -1;
    const at = start + ETHERNET_HEADER_LEN;
    const { key } = this.#index;
    key[0] = getWord(bytes, at + 12);
    key[1] = getWord(bytes, at + 16);
    key[2] = getWord(bytes, transport);
    key[3] = bytes[at + 9];
    const id = this.#index.add();
    if ((id + 1) * WORDS > this.#rows.length) {
      const rows = new Int32Array(2 * this.#rows.length);
      rows.set(this.#rows);
      this.#rows = rows;
    }
    return id;
  }

  /** Notes what the frame of `noteRequest` became. */
  noteTranslated(connection: number, bytes: Uint8Array, start: number): void {
    const at = start + ETHERNET_HEADER_LEN;
    const transport = at + (bytes[at] & 0xf) * 4;
    const base = connection * WORDS;
    for (let i = 0; i < MACS / 4; i++) this.#rows[base + i] = getWord(bytes, start + 4 * i);
    this.#rows[base + 3] = getWord(bytes, at + 12);
    this.#rows[base + 4] = getWord(bytes, at + 16);
    this.#rows[base + 5] = getWord(bytes, transport);
  }

  /**
   * Turns an answer to a client into the task's frame, in place.
   * @returns whether its connection is known; if not, the frame is unchanged
   */
  undo(bytes: Uint8Array, start: number, end: number): boolean {
    const transport = transportOf(bytes, start, end);
    if (transport < 0) return false;
    const at = start + ETHERNET_HEADER_LEN;
    const { key } = this.#index;
    const ports = getWord(bytes, transport);
    key[0] = getWord(bytes, at + 16);
    key[1] = getWord(bytes, at + 12);
    key[2] = (ports << 16) | (ports >>> 16);
    key[3] = bytes[at + 9];
    const id = this.#index.find();
    if (id < 0 || bytes[at + 8] === MAX_TTL) return false;
    const rows = this.#rows;
    const base = id * WORDS;
    const view = viewOf(bytes);
    const total = view.getUint16(at + 2);
    const protocol = bytes[at + 9];
    const length = at + total - transport;
    const field = transport + (protocol === IpProtocol.Tcp ? TCP_CHECKSUM : UDP_CHECKSUM);
    const stored = view.getUint16(field);
    const isPartial =
      stored === onesSum(bytes, at + 12, at + 20, protocol + length) &&
      onesSum(bytes, transport, at + total, stored) !== 0xffff;
    // What the packet's words add up to must stay the same, whatever the payload and the checksum are.
    const before = onesSum(bytes, transport, transport + 4, onesSum(bytes, at + 12, at + 20, 0));
    // The way back: from the task, to the balancer.
    const backPorts = rows[base + 5];
    this.#swapMacs(bytes, start, base);
    putWord(bytes, at + 12, rows[base + 4]);
    putWord(bytes, at + 16, rows[base + 3]);
    putWord(bytes, transport, (backPorts << 16) | (backPorts >>> 16));
    bytes[at + 8]++;
    writeIpv4Checksum(bytes, at);
    if (isPartial) {
      view.setUint16(field, onesSum(bytes, at + 12, at + 20, protocol + length));
    } else if (stored !== 0 || protocol === IpProtocol.Tcp) {
      const after = onesSum(bytes, transport, transport + 4, onesSum(bytes, at + 12, at + 20, 0));
      view.setUint16(field, replacedSum(stored, before, after, protocol));
    }
    return true;
  }

  #swapMacs(bytes: Uint8Array, start: number, base: number): void {
    const rows = this.#rows;
    // The words hold the task's MAC, then the balancer's; the answer has them the other way round.
    const first = rows[base];
    const middle = rows[base + 1];
    const last = rows[base + 2];
    putWord(bytes, start, (middle << 16) | (last >>> 16));
    putWord(bytes, start + 4, (last << 16) | (first >>> 16));
    putWord(bytes, start + 8, (first << 16) | (middle >>> 16));
  }
}

/** A checksum after the words that it covers changed their sum (RFC 1624). */
function replacedSum(stored: number, before: number, after: number, protocol: number): number {
  let sum = (~stored & 0xffff) + (~before & 0xffff) + after;
  sum = (sum & 0xffff) + (sum >>> 16);
  sum = (sum & 0xffff) + (sum >>> 16);
  const checksum = ~sum & 0xffff;
  return checksum === 0 && protocol === IpProtocol.Udp ? 0xffff : checksum;
}
