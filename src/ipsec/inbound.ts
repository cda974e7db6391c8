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

/** Opens ESP packets one by one, in place. Results stand in its fields until the next call. */
export class InboundEsp {
  /** The SA of the last packet. */
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
   */
  constructor(aead: Aead, sad: Sad<InboundSa>, resolver?: SaResolver) {
    this.#sad = sad;
    this.#resolver = resolver;
    this.#opener = new EspOpener(aead, 1);
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
    const opener = this.#opener;
    const refused = opener.push(sa, bytes, espOffset, end, seconds);
    if (refused !== EspDrop.None) return refused;
    opener.flush();
    this.sequenceHigh = opener.sequenceHigh[0];
    const drop = opener.drop[0] as EspDrop;
    if (drop !== EspDrop.None) return drop;
    const nextHeader = opener.nextHeader[0];
    this.end = opener.payloadEnd[0];
    const ip = nextHeader === IpProtocol.Ipip || nextHeader === IpProtocol.Ipv6;
    if (sa.tunnel || (sa.lenient && ip)) {
      this.start = opener.payloadOffset[0];
      this.etherType = nextHeader === IpProtocol.Ipip ? EtherType.Ipv4 : EtherType.Ipv6;
    } else {
      this.start = this.#transport.restore(bytes, outer, opener.payloadOffset[0], this.end, nextHeader);
      this.etherType = outer.family === 4 ? EtherType.Ipv4 : EtherType.Ipv6;
    }
    return EspDrop.None;
  }
}
