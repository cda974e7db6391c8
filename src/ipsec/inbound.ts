/**
 * ESP packets to IP packets (RFC 4301 section 5.2): the SA is looked up, the packet opened, and what it holds made an IP
 * packet again: in transport mode by moving the IP header up to the payload, in tunnel mode it is one already.
 */
import type { Aead } from '../aead/aead.js';
import { viewOf } from '../memory/view.js';
import { getWord } from '../memory/word.js';
import { bringEcn, EtherType, IPV4_SPAN, IPV6_SPAN, IpProtocol, ipv4Layout, type Layers } from '../wire/index.js';
import { EspDrop } from './esp-drop.js';
import { EspOpener } from './esp-opener.js';
import type { InboundSa } from './inbound-sa.js';
import type { Sad } from './sad.js';
import { TransportPacket } from './transport-packet.js';

/** Finds or makes the SA of a packet whose SPI and destination the SAD doesn't hold. */
export interface SaResolver {
  /**
   * @param family 4 or 6
   * @param bytes what the addresses stand in
   * @param addressOffset of the source address; the destination's follows it
   * @returns the SA, which the SAD holds from then on; undefined if there is none
   */
  resolve(spi: number, family: number, bytes: Uint8Array, addressOffset: number): InboundSa | undefined;
}

// Own constants are folded into the code, imported ones aren't (see wire/layers.ts).
const NONE = EspDrop.None;
const IP_HEADER = IPV4_SPAN;
const IP_SOURCE = ipv4Layout.offsetOf('source');
const IP_DESTINATION = ipv4Layout.offsetOf('destination');

/** Opens ESP packets in place, one by one (`open`) or in batches (`push`, `flush`, and `take` for each). */
export class InboundEsp {
  /** Packets of a batch at the most. */
  readonly capacity: number;
  /** The SA of the last packet that was given in. */
  sa: InboundSa | undefined;
  /** Where the IP packet begins and ends that the last one held, and what it is (`EtherType`). */
  start = 0;
  end = 0;
  etherType = 0;
  /** Whether it stood in the ESP packet whole (tunnel mode), or its IP header was restored here (transport mode). */
  tunnelled = false;
  /** The last packet's sequence number; its upper half is 0 without ESN. */
  sequenceHigh = 0;

  readonly #sad: Sad;
  readonly #resolver: SaResolver | undefined;
  readonly #opener: EspOpener;
  readonly #transport = new TransportPacket();
  // Of each packet of the batch, where its headers stand.
  readonly #networkOffset: Int32Array;
  readonly #transportOffset: Int32Array;
  readonly #protocolAt: Int32Array;
  readonly #family: Uint8Array;
  readonly #headers = { networkOffset: 0, transportOffset: 0, protocolAt: 0, family: 0 };

  /**
   * @param aead the cipher that the SAs' keys are in
   * @param resolver asked for SAs that the SAD doesn't hold
   * @param capacity packets of a batch
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
  }

  /**
   * Opens a packet in place. If it fails after its ICV was looked at, the sealed bytes are gone.
   * @param outer the walk over its headers
   * @param espOffset where the ESP header stands: at `outer.transportOffset`, or behind UDP
   * @param end where the ICV ends
   * @param seconds the clock of the SA's limits
   * @returns why not, or `None`
   */
  open(bytes: Uint8Array, outer: Layers, espOffset: number, end: number, seconds: number): EspDrop {
    const refused = this.push(bytes, outer, espOffset, end, seconds);
    if (refused !== EspDrop.None) return refused;
    this.flush();
    return this.take(0, bytes);
  }

  /**
   * Puts a packet into the batch, as the next number from 0 on. Parameters as of `open`.
   * @returns why it isn't in the batch, or `None`
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
    if (inUdp !== sa.encap && !sa.lenient) return sa.refuse(EspDrop.EncapMismatch);
    const drop = this.#opener.push(sa, bytes, espOffset, end, seconds);
    if (drop === NONE) this.#remember(outer.networkOffset, outer.transportOffset, family, outer.protocolAt);
    return drop;
  }

  /**
   * Puts a packet into the batch that an IPv4 header without options announces as ESP, and that is no fragment.
   * @param ip where the IP header stands; ESP stands behind it
   * @param end where the ICV ends
   * @param seconds the clock of the SA's limits
   * @returns why it isn't in the batch, or `None`
   */
  pushPlain(bytes: Uint8Array, ip: number, end: number, seconds: number): EspDrop {
    const view = viewOf(bytes);
    const esp = ip + IP_HEADER;
    const spi = view.getUint32(esp);
    const sa =
      this.#sad.find4(spi, view.getInt32(ip + IP_DESTINATION)) ??
      this.#resolver?.resolve(spi, 4, bytes, ip + IP_SOURCE);
    this.sa = sa;
    this.sequenceHigh = 0;
    if (sa === undefined) return EspDrop.NoSa;
    if (sa.sourceWord !== view.getInt32(ip + IP_SOURCE) && !sa.anySource) return sa.refuse(EspDrop.SourceMismatch);
    if (sa.encap && !sa.lenient) return sa.refuse(EspDrop.EncapMismatch);
    const drop = this.#opener.push(sa, bytes, esp, end, seconds);
    if (drop === NONE) this.#remember(ip, esp, 4, 0);
    return drop;
  }

  /** Brings the outer header's congestion mark into the packet that the tunnel held (RFC 4301 section 5.1.2.1). */
  #bringEcn(index: number, bytes: Uint8Array): boolean {
    const outer = this.#networkOffset[index];
    const tos = this.#family[index] === 4 ? bytes[outer + 1] : bytes[outer + 1] >>> 4;
    const inner = this.etherType === EtherType.Ipv4 ? 4 : 6;
    // What holds no whole header is for the next walk to refuse.
    const whole = this.end - this.start >= (inner === 4 ? IPV4_SPAN : IPV6_SPAN) && bytes[this.start] >>> 4 === inner;
    return !whole || bringEcn(bytes, tos, inner, this.start);
  }

  /** Keeps where the headers of the packet stand that was put into the batch last. */
  #remember(networkOffset: number, transportOffset: number, family: number, protocolAt: number): void {
    const index = this.#opener.count - 1;
    this.#networkOffset[index] = networkOffset;
    this.#transportOffset[index] = transportOffset;
    this.#family[index] = family;
    this.#protocolAt[index] = protocolAt;
  }

  /** Opens the batch. The next `push` begins another one. */
  flush(): void {
    this.#opener.flush();
  }

  /**
   * Makes what a packet of the flushed batch held an IP packet again; in tunnel mode the outer packet's congestion mark goes
   * into it.
   * @param index its number
   * @returns why it was not opened, or `None`
   */
  take(index: number, bytes: Uint8Array): EspDrop {
    const opener = this.#opener;
    this.sequenceHigh = opener.sequenceHigh[index];
    const drop = opener.drop[index] as EspDrop;
    if (drop !== NONE) return drop;
    const nextHeader = opener.nextHeader[index];
    const payload = opener.payloadOffset[index];
    this.end = opener.payloadEnd[index];
    this.tunnelled = opener.tunnelled[index] === 1;
    if (this.tunnelled) {
      this.start = payload;
      this.etherType = nextHeader === IpProtocol.Ipip ? EtherType.Ipv4 : EtherType.Ipv6;
      if (!this.#bringEcn(index, bytes)) return opener.reject(index, EspDrop.EcnLost);
    } else {
      const headers = this.#headers;
      headers.networkOffset = this.#networkOffset[index];
      headers.transportOffset = this.#transportOffset[index];
      headers.protocolAt = this.#protocolAt[index];
      headers.family = this.#family[index];
      this.start = this.#transport.restore(bytes, headers, payload, this.end, nextHeader);
      this.etherType = headers.family === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
    }
    return NONE;
  }
}
