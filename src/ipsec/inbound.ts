/**
 * ESP packets to IP packets (RFC 4301 section 5.2): the SA is looked up, the packet opened, and what it holds made an IP
 * packet again: in transport mode by moving the IP header up to the payload, in tunnel mode it is one already.
 */
import type { Aead } from '../aead/aead.js';
import { getWord } from '../memory/word.js';
import { EtherType, IpProtocol, type Layers } from '../wire/index.js';
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

/** Opens ESP packets in place, one by one (`open`) or in batches (`push`, `flush`, and `take` for each). */
export class InboundEsp {
  /** The SA of the last packet that was given in. */
  sa: InboundSa | undefined;
  /** Where the IP packet begins and ends that the last one held, and what it is (`EtherType`). */
  start = 0;
  end = 0;
  etherType = 0;
  /** The last packet's sequence number; its upper half is 0 without ESN. */
  sequenceHigh = 0;

  readonly #sad: Sad<InboundSa>;
  readonly #resolver: SaResolver | undefined;
  readonly #opener: EspOpener;
  readonly #transport = new TransportPacket();

  /**
   * @param aead the cipher that the SAs' keys are in
   * @param resolver asked for SAs that the SAD doesn't hold
   * @param capacity packets of a batch
   */
  constructor(aead: Aead, sad: Sad<InboundSa>, resolver?: SaResolver, capacity = 1) {
    this.#sad = sad;
    this.#resolver = resolver;
    this.#opener = new EspOpener(aead, capacity);
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
    return this.take(0, bytes, outer);
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
    if (outer.isFragment) return sa.refuse(EspDrop.Fragment);
    const inUdp = espOffset !== outer.transportOffset;
    if (inUdp !== sa.encap && !sa.lenient) return sa.refuse(EspDrop.EncapMismatch);
    return this.#opener.push(sa, bytes, espOffset, end, seconds);
  }

  /** Opens the batch. The next `push` begins another one. */
  flush(): void {
    this.#opener.flush();
  }

  /**
   * Makes what a packet of the flushed batch held an IP packet again.
   * @param index its number
   * @param outer the walk over its headers, as they still are
   * @returns why it was not opened, or `None`
   */
  take(index: number, bytes: Uint8Array, outer: Layers): EspDrop {
    const opener = this.#opener;
    this.sequenceHigh = opener.sequenceHigh[index];
    const drop = opener.drop[index] as EspDrop;
    if (drop !== EspDrop.None) return drop;
    const nextHeader = opener.nextHeader[index];
    const payload = opener.payloadOffset[index];
    this.end = opener.payloadEnd[index];
    if (opener.tunnelled[index] === 1) {
      this.start = payload;
      this.etherType = nextHeader === IpProtocol.Ipip ? EtherType.Ipv4 : EtherType.Ipv6;
    } else {
      this.start = this.#transport.restore(bytes, outer, payload, this.end, nextHeader);
      this.etherType = outer.family === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
    }
    return EspDrop.None;
  }
}
