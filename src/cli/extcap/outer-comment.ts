/** What a packet's comment says of the packet around a frame: VTEPs, VNI, ports, SPI, sequence number. */
import { formatIp } from '../../wire/index.js';
import { type DropReason, dropReasonName, dropReasonText, type UnderlayDecoder } from '../../dataplane/index.js';
import { AddressTable } from '../../inspect/internal.js';
import { CommentText } from './comment-text.js';

/** Addresses whose text is kept; those of further ones are formatted for each packet. */
const MAX_ADDRESSES = 65_536;
const IPV4_BYTES = 4;
const IPV6_BYTES = 16;

/** Composes comments; each is valid until the next. */
export class OuterComment {
  readonly #text = new CommentText();
  readonly #addresses = new AddressTable(MAX_ADDRESSES);
  readonly #names: ReadonlyMap<number, string>;

  /** @param names of networks, by VNI */
  constructor(names: ReadonlyMap<number, string> = new Map()) {
    this.#names = names;
  }

  /** The comment of a frame: `VXLAN VNI 4099, 192.168.50.1:40000 -> 192.168.50.2:4789; ESP SPI 0xc207fc1c, ...`. */
  frame(decoder: UnderlayDecoder): CommentText {
    const { outer, outerBytes, vni, parts } = decoder;
    const { family, addressOffset, sourcePort, destinationPort } = outer;
    const name = this.#names.get(vni);
    const text = this.#text.clear().text('VXLAN VNI ').integer(vni);
    if (name !== undefined) text.text(' (').text(name).text(')');
    text.text(', ');
    this.#endpoint(family, outerBytes, addressOffset, sourcePort);
    text.text(' -> ');
    this.#endpoint(family, outerBytes, addressOffset + (family === 4 ? IPV4_BYTES : IPV6_BYTES), destinationPort);
    if (decoder.encrypted) this.#esp(decoder, decoder.espFamily !== family || !isSame(decoder));
    if (parts > 1) text.text(', in ').integer(parts).text(' fragments');
    return text;
  }

  /** The comment of a packet that wasn't decrypted for lack of keys. */
  undecrypted(decoder: UnderlayDecoder): CommentText {
    this.#text.clear().text('not decrypted: there are no keys');
    this.#esp(decoder, false);
    return this.#text;
  }

  /** The comment of a packet that was dropped. */
  dropped(decoder: UnderlayDecoder, reason: DropReason): CommentText {
    this.#text.clear().text(dropReasonName(reason)).text(': ').text(dropReasonText(reason));
    if (decoder.encrypted) this.#esp(decoder, false);
    return this.#text;
  }

  #esp(decoder: UnderlayDecoder, withAddresses: boolean): void {
    const text = this.#text.text(decoder.espInUdp ? '; ESP in UDP' : '; ESP');
    if (withAddresses) {
      const { espFamily: family, espAddresses } = decoder;
      text.text(' ');
      this.#address(family, espAddresses, 0);
      text.text(' -> ');
      this.#address(family, espAddresses, family === 4 ? IPV4_BYTES : IPV6_BYTES);
      text.text(',');
    }
    text.text(' SPI ').hex(decoder.spi).text(', sequence number ');
    // With extended sequence numbers, as Wireshark shows 64 bits: both halves in hexadecimal.
    if (decoder.sequenceHigh > 0) text.hex(decoder.sequenceHigh).text(' ').hex(decoder.sequence);
    else text.integer(decoder.sequence);
    text.text(', ').integer(decoder.espBytes).text(' bytes');
  }

  #endpoint(family: number, bytes: Uint8Array, offset: number, port: number): void {
    if (family === 6) this.#text.text('[');
    this.#address(family, bytes, offset);
    this.#text.text(family === 6 ? ']:' : ':').integer(port);
  }

  #address(family: number, bytes: Uint8Array, offset: number): void {
    const id = this.#addresses.at(family, bytes, offset);
    this.#text.text(id < 0 ? formatIp(family, bytes, offset) : this.#addresses.text(id));
  }
}

/** Whether the VTEPs' addresses are those of the ESP packet, as in transport mode. */
function isSame({ outer, outerBytes, espAddresses, espFamily }: UnderlayDecoder): boolean {
  const span = 2 * (espFamily === 4 ? IPV4_BYTES : IPV6_BYTES);
  for (let i = 0; i < span; i++) if (outerBytes[outer.addressOffset + i] !== espAddresses[i]) return false;
  return true;
}
