/**
 * Reassembles IPv4 and IPv6 datagrams (RFC 791 section 3.2, RFC 8200 section 4.5) under the stricter later rules: an
 * overlap discards the whole datagram (RFC 5722, RFC 8900); memory, number and age are bounded. The clock is packet
 * time.
 */
import { getWord, KeyIndex } from '../memory/internal.js';
import {
  ESP_HEADER_LEN,
  HeaderError,
  ICMPV6_HEADER_LEN,
  IpProtocol,
  IPV6_HEADER_LEN,
  Ipv6ExtensionWalk,
  type Layers,
  TCP_HEADER_LEN,
  UDP_HEADER_LEN,
  writeIpv4Length,
} from '../wire/index.js';
import { FragmentQueue, HEADER_ROOM, Placement } from './fragment-queue.js';
import { PagePool } from './page-pool.js';
import { REASSEMBLY_DROPS, ReassemblyDrop } from './reassembly-drop.js';

/** Limits of reassembly. */
export interface ReassemblerOptions {
  /** Maximum payload bytes held.
   * @default 4 MiB, Linux's `ipfrag_high_thresh`
   */
  readonly maxBytes?: number;
  /** Maximum number of datagrams held, including failed ones.
   * @default 4096
   */
  readonly maxDatagrams?: number;
  /** Maximum number of fragments per datagram. The default is enough for the smallest IPv4 MTU of 68 bytes.
   * @default 2048
   */
  readonly maxParts?: number;
  /**
   * Timeout of an IPv4 datagram in seconds.
   * @default 30, Linux's `ipfrag_time`
   */
  readonly ipv4Timeout?: number;
  /**
   * Timeout of an IPv6 datagram in seconds.
   * @default 60 (RFC 8200 section 4.5)
   */
  readonly ipv6Timeout?: number;
}

/** The result for a fragment. */
export const ReassemblyOutcome = {
  /** It is held; more fragments are needed. */
  Held: 0,
  /** It completed the datagram: the packet is in `bytes` from `start` to `end`. */
  Complete: 1,
  /** It was dropped: `drop` has the reason. */
  Dropped: 2,
} as const;
export type ReassemblyOutcome = (typeof ReassemblyOutcome)[keyof typeof ReassemblyOutcome];

const KEY_WORDS = 10;
const NONE = -1;
const MAX_IP_LENGTH = 65_535;
const IPV4_DONT_FRAGMENT = 0x40;
const ECN_CE = 3;
const CE_SEEN = 1 << ECN_CE;
const NOT_ECT_SEEN = 1;

/** Holds fragments until their datagrams are complete. */
export class Reassembler {
  /** After `Complete`: the whole packet from its IP header. Valid until the next `push`. */
  readonly bytes = new Uint8Array(HEADER_ROOM + MAX_IP_LENGTH);
  start = 0;
  end = 0;
  /** After `Complete`: the sum of the weights of its fragments. */
  parts = 0;
  /** After `Complete`: where the payload of each fragment ended in the packet's, ascending, for the first `endCount`. */
  readonly ends: Int32Array;
  endCount = 0;
  /** After `Dropped`: the reason. */
  drop: ReassemblyDrop = ReassemblyDrop.None;

  /** Fragments received. fragments = reassembledFragments + heldFragments + the sum of droppedFragments. */
  fragments = 0;
  /** Packets reassembled, and the fragments that they consisted of. */
  datagrams = 0;
  reassembledFragments = 0;
  /** Fragments currently held. */
  heldFragments = 0;
  /** Fragments dropped, by `ReassemblyDrop`. */
  readonly droppedFragments = new Float64Array(REASSEMBLY_DROPS);

  readonly #index: KeyIndex;
  readonly #queues: FragmentQueue[] = [];
  readonly #pool: PagePool;
  readonly #maxParts: number;
  readonly #timeout: readonly [ipv4: number, ipv6: number];
  readonly #chain = new Ipv6ExtensionWalk();
  /**
   * Ends of the lists by age, one each for IPv4 and IPv6: their timeouts differ, so a single list would not be in order
   * of expiry.
   */
  readonly #oldest: [ipv4: number, ipv6: number] = [NONE, NONE];
  readonly #newest: [ipv4: number, ipv6: number] = [NONE, NONE];

  /** @throws VtepError `BAD_INDEX` for a limit below 1 */
  constructor(options: ReassemblerOptions = {}) {
    this.#index = new KeyIndex(KEY_WORDS, options.maxDatagrams ?? 4096);
    this.#pool = new PagePool(options.maxBytes ?? 4 << 20);
    this.#maxParts = options.maxParts ?? 2048;
    this.ends = new Int32Array(this.#maxParts);
    this.#timeout = [options.ipv4Timeout ?? 30, options.ipv6Timeout ?? 60];
  }

  /** Datagrams held, including failed ones. */
  get heldDatagrams(): number {
    return this.#index.size;
  }

  /** Bytes of memory in use for payload. */
  get heldBytes(): number {
    return this.#pool.bytesTaken;
  }

  /**
   * Takes a fragment. Its bytes are copied, so the caller may reuse them.
   * @param bytes holds the packet
   * @param layers its parsed headers, with `isFragment`
   * @param end end of the captured bytes
   * @param seconds packet time
   * @param weight number of packets the fragment counts as: more than 1 if it arrived in a packet that was itself
   * reassembled
   */
  push(bytes: Uint8Array, layers: Layers, end: number, seconds: number, weight = 1): ReassemblyOutcome {
    this.fragments += weight;
    this.expire(seconds);
    const length = layers.networkEnd - layers.transportOffset;
    if (layers.networkEnd > end || layers.networkEnd > bytes.length)
      return this.#refuse(ReassemblyDrop.Truncated, weight);
    if (length <= 0 || (layers.moreFragments && length % 8 !== 0))
      return this.#refuse(ReassemblyDrop.BadLength, weight);

    let id = this.#find(bytes, layers);
    if (id >= 0 && seconds - this.#queues[id].firstSeconds > this.#timeout[layers.family === 4 ? 0 : 1]) {
      this.#discard(id, ReassemblyDrop.Timeout);
      id = -1;
    }
    if (id < 0) id = this.#begin(bytes, layers, seconds);
    const datagram = this.#queues[id];
    if (datagram.refused !== ReassemblyDrop.None) return this.#refuse(datagram.refused as ReassemblyDrop, weight);

    const begin = layers.fragmentOffset;
    const stop = begin + length;
    const headerLength =
      layers.family === 4
        ? layers.transportOffset - layers.networkOffset
        : layers.fragmentHeaderOffset - layers.networkOffset;
    const failure = this.#check(bytes, layers, datagram, begin, stop, headerLength);
    if (failure === ReassemblyDrop.Duplicate) return this.#refuse(failure, weight);
    if (failure !== ReassemblyDrop.None) {
      this.#poison(datagram, failure);
      return this.#refuse(failure, weight);
    }

    this.#makeRoom(id, datagram.pagesMissing(begin, stop));
    datagram.insert(begin, stop, this.#pool, bytes, layers.transportOffset);
    this.heldFragments += weight;
    datagram.weight += weight;
    if (!layers.moreFragments) datagram.total = stop;
    if (begin === 0) this.#keepHeader(bytes, layers, datagram, headerLength);
    datagram.ecn |= 1 << ecnOf(bytes, layers);
    if (!datagram.isComplete) return ReassemblyOutcome.Held;
    if (isEcnMixed(datagram.ecn)) {
      this.#discard(id, ReassemblyDrop.EcnMixed);
      this.drop = ReassemblyDrop.EcnMixed;
      return ReassemblyOutcome.Dropped;
    }
    this.#finish(id, layers.family);
    return ReassemblyOutcome.Complete;
  }

  /** Drops the datagrams whose timeout has passed. `push` does so too; call this if no fragments arrive. */
  expire(seconds: number): void {
    for (let list = 0; list < 2; list++) {
      while (this.#oldest[list] !== NONE) {
        if (seconds - this.#queues[this.#oldest[list]].firstSeconds <= this.#timeout[list]) break;
        this.#discard(this.#oldest[list], ReassemblyDrop.Timeout);
      }
    }
  }

  #check(
    bytes: Uint8Array,
    layers: Layers,
    datagram: FragmentQueue,
    begin: number,
    stop: number,
    headerLength: number,
  ): ReassemblyDrop {
    // The packet gets the first fragment's headers, which may be longer than this one's (RFC 791: options that aren't
    // copied).
    const headers = begin === 0 ? headerLength : Math.max(headerLength, datagram.headerLength);
    const counted = layers.family === 4 ? headers : headers - IPV6_HEADER_LEN;
    if (counted + Math.max(stop, datagram.highest) > MAX_IP_LENGTH) return ReassemblyDrop.TooLong;
    if (headerLength > HEADER_ROOM) return ReassemblyDrop.TooLong;
    const { total } = datagram;
    // Only the last fragment ends at the datagram's end, and no data follows it.
    if (total >= 0 && (stop > total || layers.moreFragments === (stop === total))) return ReassemblyDrop.Inconsistent;
    if (total < 0 && !layers.moreFragments && datagram.highest >= stop) return ReassemblyDrop.Inconsistent;
    const placement = datagram.classify(begin, stop, this.#pool, bytes, layers.transportOffset);
    if (placement === Placement.Duplicate) return ReassemblyDrop.Duplicate;
    if (placement === Placement.Overlap) return ReassemblyDrop.Overlap;
    if (datagram.parts === this.#maxParts) return ReassemblyDrop.TooManyParts;
    if (begin === 0 && layers.family === 6) {
      const { transportOffset, networkEnd, protocol, fragmentHeaderOffset } = layers;
      const headerError = this.#chain.run(bytes, protocol, fragmentHeaderOffset, transportOffset, networkEnd);
      if (headerError !== HeaderError.None || !holdsUpperLayerHeader(this.#chain, networkEnd))
        return ReassemblyDrop.HeaderChain;
    }
    return ReassemblyDrop.None;
  }

  #keepHeader(bytes: Uint8Array, layers: Layers, datagram: FragmentQueue, headerLength: number): void {
    const from = layers.networkOffset;
    datagram.header.set(bytes.subarray(from, from + headerLength));
    datagram.headerLength = headerLength;
    // IPv6: the fragment header is left out, so the header before it must announce what followed it.
    if (layers.family === 6) datagram.header[layers.fragmentAnnouncedAt - from] = layers.protocol;
  }

  #finish(id: number, family: number): void {
    const datagram = this.#queues[id];
    const { bytes } = this;
    const start = HEADER_ROOM - datagram.headerLength;
    bytes.set(datagram.header.subarray(0, datagram.headerLength), start);
    // The second copy of a payload, from its pages into one buffer.
    datagram.copyPayload(this.#pool, bytes, HEADER_ROOM);
    this.start = start;
    this.end = HEADER_ROOM + datagram.total;
    this.parts = datagram.weight;
    this.endCount = datagram.parts;
    datagram.copyEnds(this.ends);
    // RFC 3168 section 5.3: CE on any fragment sets CE on the packet.
    if ((datagram.ecn & CE_SEEN) !== 0) bytes[start + 1] |= family === 4 ? ECN_CE : ECN_CE << 4;
    if (family === 4) {
      bytes[start + 6] &= IPV4_DONT_FRAGMENT;
      bytes[start + 7] = 0;
      writeIpv4Length(bytes, start, this.end - start);
    } else {
      const payloadLength = this.end - start - IPV6_HEADER_LEN;
      bytes[start + 4] = payloadLength >>> 8;
      bytes[start + 5] = payloadLength;
    }
    this.datagrams++;
    this.reassembledFragments += datagram.weight;
    this.heldFragments -= datagram.weight;
    this.#remove(id);
  }

  #refuse(reason: ReassemblyDrop, weight: number): ReassemblyOutcome {
    this.drop = reason;
    this.droppedFragments[reason] += weight;
    return ReassemblyOutcome.Dropped;
  }

  /** Discards a datagram's contents, and keeps its key so that further fragments are dropped too. */
  #poison(datagram: FragmentQueue, reason: ReassemblyDrop): void {
    this.droppedFragments[reason] += datagram.weight;
    this.heldFragments -= datagram.weight;
    datagram.weight = 0;
    datagram.parts = 0;
    datagram.received = 0;
    datagram.refused = reason;
    datagram.release(this.#pool);
  }

  #discard(id: number, reason: ReassemblyDrop): void {
    const { weight } = this.#queues[id];
    this.droppedFragments[reason] += weight;
    this.heldFragments -= weight;
    this.#remove(id);
  }

  #remove(id: number): void {
    const datagram = this.#queues[id];
    datagram.release(this.#pool);
    const list = this.#listOf(id);
    const { older, newer } = datagram;
    if (older !== NONE) this.#queues[older].newer = newer;
    else this.#oldest[list] = newer;
    if (newer !== NONE) this.#queues[newer].older = older;
    else this.#newest[list] = older;
    this.#index.delete(id);
  }

  /** Which of the two lists by age a datagram is in. */
  #listOf(id: number): 0 | 1 {
    return this.#index.word(id, KEY_WORDS - 1) >>> 8 === 4 ? 0 : 1;
  }

  /** Evicts the oldest other datagrams until a datagram's pages fit. */
  #makeRoom(id: number, pages: number): void {
    while (this.#pool.available < pages) this.#discard(this.#oldestExcept(id), ReassemblyDrop.Evicted);
  }

  /** The oldest datagram of both families other than `id`. There must be one. */
  #oldestExcept(id: number): number {
    const unlessId = (oldest: number): number =>
      oldest !== NONE && oldest === id ? this.#queues[oldest].newer : oldest;
    const first = unlessId(this.#oldest[0]);
    const second = unlessId(this.#oldest[1]);
    if (first === NONE) return second;
    if (second === NONE) return first;
    return this.#queues[second].firstSeconds < this.#queues[first].firstSeconds ? second : first;
  }

  #begin(bytes: Uint8Array, layers: Layers, seconds: number): number {
    let id = this.#index.add();
    if (id < 0) {
      this.#discard(this.#oldestExcept(NONE), ReassemblyDrop.Evicted);
      this.#find(bytes, layers);
      id = this.#index.add();
    }
    if (id === this.#queues.length) this.#queues.push(new FragmentQueue());
    const datagram = this.#queues[id];
    datagram.reset(seconds);
    const list = this.#listOf(id);
    const newest = this.#newest[list];
    datagram.older = newest;
    datagram.newer = NONE;
    if (newest !== NONE) this.#queues[newest].newer = id;
    else this.#oldest[list] = id;
    this.#newest[list] = id;
    return id;
  }

  #find(bytes: Uint8Array, layers: Layers): number {
    const { key } = this.#index;
    const at = layers.addressOffset;
    if (layers.family === 4) {
      key.fill(0);
      key[0] = getWord(bytes, at);
      key[4] = getWord(bytes, at + 4);
      // RFC 791: the protocol is part of the datagram's key; in IPv6 it isn't (RFC 8200 section 4.5).
      key[KEY_WORDS - 1] = (4 << 8) | layers.protocol;
    } else {
      for (let i = 0; i < 8; i++) key[i] = getWord(bytes, at + 4 * i);
      key[KEY_WORDS - 1] = 6 << 8;
    }
    key[KEY_WORDS - 2] = layers.identification;
    return this.#index.find();
  }
}

/** Whether the fixed part of the upper-layer header after an extension chain is present; true for unknown protocols. */
function holdsUpperLayerHeader(chain: Ipv6ExtensionWalk, end: number): boolean {
  return chain.payloadOffset + upperLayerSpan(chain.protocol) <= end;
}

function upperLayerSpan(protocol: number): number {
  switch (protocol) {
    case IpProtocol.Tcp:
      return TCP_HEADER_LEN;
    case IpProtocol.Udp:
      return UDP_HEADER_LEN;
    case IpProtocol.Icmpv6:
      return ICMPV6_HEADER_LEN;
    case IpProtocol.Esp:
      return ESP_HEADER_LEN;
    default:
      return 0;
  }
}

function ecnOf(bytes: Uint8Array, layers: Layers): number {
  const field = bytes[layers.networkOffset + 1];
  return (layers.family === 4 ? field : field >>> 4) & ECN_CE;
}

/** Whether some fragments were ECN-capable and others not (Linux's ip_frag_ecn_table). */
function isEcnMixed(seen: number): boolean {
  return (seen & NOT_ECT_SEEN) !== 0 && seen !== NOT_ECT_SEEN;
}
