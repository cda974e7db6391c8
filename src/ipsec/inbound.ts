/**
 * ESP packets to IP packets (RFC 4301 section 5.2): looks up the SA, opens the packet, and restores the IP packet:
 * transport mode moves the IP header up to the payload, tunnel mode needs no change.
 */
import type { Aead } from '../aead/portable.js';
import { getWord, viewOf } from '../memory/internal.js';
import {
  propagateEcn,
  EtherType,
  IPV4_HEADER_LEN,
  IPV6_HEADER_LEN,
  IpProtocol,
  ipv4Layout,
  type Layers,
} from '../wire/index.js';
import { EspDrop } from './esp-drop.js';
import { EspOpener } from './esp-opener.js';
import type { InboundSa } from './inbound-sa.js';
import { ringWord } from './replay-window.js';
import { ROW_WORDS, SaFlag, type SaMemory, SaWord } from './sa-table.js';
import type { Sad } from './sad.js';
import { TransportPacket } from './transport-packet.js';

/** Finds or creates the SA of a packet whose SPI and destination aren't in the SAD. */
export interface SaResolver {
  /**
   * @param family 4 or 6
   * @param bytes holds the addresses
   * @param addressOffset offset of the source address, followed by the destination address
   * @returns the SA, which is in the SAD from then on; undefined if there is none
   */
  resolve(spi: number, family: number, bytes: Uint8Array, addressOffset: number): InboundSa | undefined;
}

/** With more SAs than this, most are not in the cache when a packet needs them. */
const MANY_SAS = 1000;
const IP_SOURCE = ipv4Layout.offsetOf('source');
const IP_DESTINATION = ipv4Layout.offsetOf('destination');

/**
 * Opens ESP packets in place, one by one (`open`) or in batches (`push`, `flush`, and `take` for each).
 * @example
 * import { readFileSync } from 'node:fs';
 * import { chooseAead } from 'vtep/aead';
 * import { batchesOf, openCaptureFile } from 'vtep/capture';
 * import { UnderlayDecoder } from 'vtep/dataplane';
 * import { InboundEsp, InboundSa, parseXfrmState, Sad } from 'vtep/ipsec';
 *
 * const { aead } = chooseAead();
 * const sad = new Sad();
 * for (const association of parseXfrmState(readFileSync('xfrm-state.txt', 'utf8')).associations) {
 *   // A capture seldom begins with an SA's first packet.
 *   sad.add(new InboundSa(association, aead, { midStream: true }));
 * }
 * const decoder = new UnderlayDecoder({ esp: new InboundEsp(aead, sad) });
 * for await (const batch of batchesOf(await openCaptureFile('wire.pcap'))) {
 *   for (let i = 0; i < batch.count; i++) decoder.receivePacket(batch, i);
 * }
 * console.log(`${decoder.openedPackets} packets decrypted`);
 */
export class InboundEsp {
  /** Maximum number of packets per batch. */
  readonly capacity: number;
  /** The SA of the last packet. */
  sa: InboundSa | undefined;
  /** Start of the IP packet in the last ESP packet. */
  start = 0;
  /** End of that IP packet. */
  end = 0;
  /** The type of that packet (`EtherType`). */
  etherType = 0;
  /** Whether that packet was tunnelled, as the payload of ESP; in transport mode its IP header was restored. */
  tunnelled = false;
  /** The last packet's sequence number; its upper half is 0 without ESN. */
  sequenceHigh = 0;

  readonly #sad: Sad;
  readonly #resolver: SaResolver | undefined;
  readonly #opener: EspOpener;
  readonly #transport = new TransportPacket();
  // Header offsets of each packet of the batch.
  readonly #networkOffset: Int32Array;
  readonly #transportOffset: Int32Array;
  readonly #protocolAt: Int32Array;
  readonly #family: Uint8Array;
  /** Ids of the SAs that a batch probably needs. */
  readonly #guesses: Int32Array;
  /** The sum of what was read ahead, so that the reads aren't optimized away. */
  readonly #touched = new Int32Array(1);
  readonly #headers = { networkOffset: 0, transportOffset: 0, protocolAt: 0, family: 0 };

  /**
   * @param aead the cipher that holds the SAs' keys
   * @param resolver asked for SAs that aren't in the SAD
   * @param capacity packets per batch
   */
  constructor(aead: Aead, sad: Sad, resolver?: SaResolver, capacity = 1) {
    this.#sad = sad;
    this.#resolver = resolver;
    this.#opener = new EspOpener(aead, capacity);
    this.capacity = capacity;
    this.#networkOffset = new Int32Array(capacity);
    this.#transportOffset = new Int32Array(capacity);
    this.#protocolAt = new Int32Array(capacity);
    this.#family = new Uint8Array(capacity);
    this.#guesses = new Int32Array(capacity);
  }

  /**
   * Opens a packet in place. If it fails at or after ICV verification, the sealed bytes are lost.
   * @param outer its parsed headers
   * @param espOffset offset of the ESP header: `outer.transportOffset`, or after UDP
   * @param end end of the ICV
   * @param seconds the clock of the SA's limits
   * @returns the drop reason, or `None`
   */
  open(bytes: Uint8Array, outer: Layers, espOffset: number, end: number, seconds: number): EspDrop {
    const refused = this.push(bytes, outer, espOffset, end, seconds);
    if (refused !== EspDrop.None) return refused;
    this.flush();
    return this.take(0, bytes);
  }

  /**
   * Adds a packet to the batch, at the next index from 0 on. Parameters as in `open`.
   * @returns why it wasn't added, or `None`
   */
  push(bytes: Uint8Array, outer: Layers, espOffset: number, end: number, seconds: number): EspDrop {
    const { family, addressOffset } = outer;
    const spi = getWord(bytes, espOffset) >>> 0;
    const destination = addressOffset + (family === 4 ? 4 : 16);
    const sa =
      this.#sad.find(spi, family, bytes, destination) ?? this.#resolver?.resolve(spi, family, bytes, addressOffset);
    this.sa = sa;
    this.sequenceHigh = 0;
    if (sa === undefined) return EspDrop.NoSa;
    if (!sa.isFrom(bytes, addressOffset)) return sa.refuse(EspDrop.SourceMismatch);
    if (outer.isFragment) return sa.refuse(EspDrop.Fragment);
    const inUdp = espOffset !== outer.transportOffset;
    if (inUdp !== sa.encap && !sa.inferMode) return sa.refuse(EspDrop.EncapMismatch);
    const drop = this.#opener.push(sa, bytes, espOffset, end, seconds);
    if (drop === EspDrop.None) this.#remember(outer.networkOffset, outer.transportOffset, family, outer.protocolAt);
    return drop;
  }

  /**
   * Adds an IPv4 packet to the batch that has no options, is not a fragment and has protocol ESP.
   * @param ip offset of the IP header; ESP follows it
   * @param end end of the ICV
   * @param seconds the clock of the SA's limits
   * @returns why it wasn't added, or `None`
   */
  pushPlain(bytes: Uint8Array, ip: number, end: number, seconds: number): EspDrop {
    const view = viewOf(bytes);
    const esp = ip + IPV4_HEADER_LEN;
    const spi = view.getUint32(esp);
    const sad = this.#sad;
    const id = sad.id4(spi, view.getInt32(ip + IP_DESTINATION));
    const sa = id < 0 ? this.#resolver?.resolve(spi, 4, bytes, ip + IP_SOURCE) : sad.entry4(id);
    this.sa = sa;
    this.sequenceHigh = 0;
    if (sa === undefined) return EspDrop.NoSa;
    let memory: SaMemory = sad.rows4;
    let at = id * sad.rows4.stride;
    if (id < 0 || memory.words[at + SaWord.Flags] === 0) {
      // Not in the table: it was created just now, or is in another SAD as well.
      memory = sa.memory;
      at = sa.at;
    }
    const { words } = memory;
    const flags = words[at + SaWord.Flags];
    if (words[at + SaWord.Source] !== view.getInt32(ip + IP_SOURCE) && (flags & SaFlag.AnySource) === 0)
      return sa.refuse(EspDrop.SourceMismatch);
    if ((flags & SaFlag.Encap) !== 0 && (flags & SaFlag.InferMode) === 0) return sa.refuse(EspDrop.EncapMismatch);
    const drop = this.#opener.pushRow(sa, memory, at, bytes, esp, end, seconds);
    if (drop === EspDrop.None) this.#remember(ip, esp, 4, 0);
    return drop;
  }

  /**
   * @internal The SA of an ESP packet.
   * @param bytes holds its source address at `addressOffset`, followed by its destination address
   */
  saOf(spi: number, family: number, bytes: Uint8Array, addressOffset: number): InboundSa | undefined {
    const destination = addressOffset + (family === 4 ? 4 : 16);
    return (
      this.#sad.find(spi, family, bytes, destination) ?? this.#resolver?.resolve(spi, family, bytes, addressOffset)
    );
  }

  /** @internal Whether most of the SAs that packets need are not in the cache. */
  get hasManySas(): boolean {
    return this.#sad.size > MANY_SAS;
  }

  /**
   * @internal Reads the memory that `pushPlain` will need for a batch. With many SAs it is seldom in the cache, and
   * `pushPlain` would wait for each word in turn; in these short loops the processor reads for many packets at a time.
   * @param bytes holds packets as for `pushPlain`
   * @param starts offsets of their IP headers
   */
  readAhead(bytes: Uint8Array, starts: Int32Array, count: number): void {
    const view = viewOf(bytes);
    const sad = this.#sad;
    const { words, stride } = sad.rows4;
    const ids = this.#guesses;
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const ip = starts[i];
      ids[i] = sad.guess4(view.getInt32(ip + IPV4_HEADER_LEN), view.getInt32(ip + IP_DESTINATION));
    }
    for (let i = 0; i < count; i++) {
      const at = Math.max(0, ids[i]) * stride;
      sum |= words[at] | words[at + ROW_WORDS - 1] | words[at + 2 * ROW_WORDS - 1];
      if (sad.entry4(ids[i]) === undefined) sum++;
    }
    for (let i = 0; i < count; i++) {
      const at = Math.max(0, ids[i]) * stride;
      const sequence = view.getInt32(starts[i] + IPV4_HEADER_LEN + 4);
      sum |= words[ringWord(at + ROW_WORDS, words[at + SaWord.WindowMask], sequence)];
    }
    this.#touched[0] ^= sum;
  }

  /** Propagates the outer header's ECN mark to the tunnelled packet (RFC 4301 section 5.1.2.1). */
  #propagateEcn(index: number, bytes: Uint8Array): boolean {
    const outer = this.#networkOffset[index];
    const tos = this.#family[index] === 4 ? bytes[outer + 1] : bytes[outer + 1] >>> 4;
    const inner = this.etherType === EtherType.Ipv4 ? 4 : 6;
    // A payload without a complete header has no ECN field; the next stage's parser rejects it.
    const whole =
      this.end - this.start >= (inner === 4 ? IPV4_HEADER_LEN : IPV6_HEADER_LEN) && bytes[this.start] >>> 4 === inner;
    return !whole || propagateEcn(bytes, tos, inner, this.start);
  }

  /** Records the header offsets of the packet added last. */
  #remember(networkOffset: number, transportOffset: number, family: number, protocolAt: number): void {
    const index = this.#opener.count - 1;
    this.#networkOffset[index] = networkOffset;
    this.#transportOffset[index] = transportOffset;
    this.#family[index] = family;
    this.#protocolAt[index] = protocolAt;
  }

  /** Opens the packets of the batch. The next `push` begins another one. */
  flush(): void {
    this.#opener.flush();
  }

  /**
   * Restores the IP packet of a packet of the flushed batch; in tunnel mode the outer packet's ECN mark is propagated
   * to it.
   * @param index the packet's index in the batch
   * @returns why it was not opened, or `None`
   */
  take(index: number, bytes: Uint8Array): EspDrop {
    const opener = this.#opener;
    this.sequenceHigh = opener.sequenceHigh[index];
    const drop = opener.drop[index] as EspDrop;
    if (drop !== EspDrop.None) return drop;
    const nextHeader = opener.nextHeader[index];
    const payload = opener.payloadOffset[index];
    this.end = opener.payloadEnd[index];
    this.tunnelled = opener.tunnelled[index] === 1;
    if (this.tunnelled) {
      this.start = payload;
      this.etherType = nextHeader === IpProtocol.Ipip ? EtherType.Ipv4 : EtherType.Ipv6;
      if (!this.#propagateEcn(index, bytes)) return opener.reject(index, EspDrop.EcnLost);
    } else {
      const headers = this.#headers;
      headers.networkOffset = this.#networkOffset[index];
      headers.transportOffset = this.#transportOffset[index];
      headers.protocolAt = this.#protocolAt[index];
      headers.family = this.#family[index];
      this.start = this.#transport.restore(bytes, headers, payload, this.end, nextHeader);
      this.etherType = headers.family === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
    }
    return EspDrop.None;
  }
}
