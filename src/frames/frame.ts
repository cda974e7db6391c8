/** What the upper level reads: inner frames, and packets that were dropped. */
import { LinkType } from '../wire/index.js';
import type { CapturedPacket, PacketTime } from './captured-packet.js';
import { PacketHeaders } from './packet-headers.js';

/** How a packet was encrypted. */
export interface EspFields {
  /** The SPI; `0x` and 8 digits in Wireshark. */
  readonly spi: number;
  /** The lower 32 bits of the sequence number. */
  readonly sequence: number;
}

/** The decoded packet that carried a frame, as the decoder leaves it. */
export interface Carrier {
  /** From the link-layer header on, or from the IP header if it was reassembled or decrypted. Not copied again. */
  readonly bytes: Uint8Array;
  readonly linkType: number;
  /** Length on the wire in bytes. */
  readonly length: number;
  /** Start and end of the inner frame; the end is past the bytes if it is truncated. */
  readonly frameStart: number;
  readonly frameEnd: number;
}

/** What frames and dropped packets have in common. */
abstract class DecodedPacket implements PacketTime {
  /**
   * The captured packet, unchanged: of several, if it was fragmented, the last to arrive. Its time is the frame's.
   */
  readonly packet: CapturedPacket;
  /**
   * All captured packets that carried it, in the order in which they arrived: one, or the outer fragments. Of packets
   * that were fragmented inside ESP or inside another encapsulation only the last one.
   */
  readonly packets: readonly CapturedPacket[];
  /** SPI and sequence number, if it came in ESP. */
  readonly esp: EspFields | undefined;

  constructor(packets: readonly CapturedPacket[], esp: EspFields | undefined) {
    this.packet = packets[packets.length - 1];
    this.packets = packets;
    this.esp = esp;
  }

  /** Number of its packet in the capture, from 1. */
  get number(): number {
    return this.packet.number;
  }

  get time(): Date | undefined {
    return this.packet.time;
  }

  get timeNanoseconds(): bigint | undefined {
    return this.packet.timeNanoseconds;
  }

  /** Whether it was encrypted on the wire. */
  get encrypted(): boolean {
    return this.esp !== undefined;
  }

  /** The SPI of an encrypted packet. */
  get spi(): number | undefined {
    return this.esp?.spi;
  }
}

/**
 * A frame of a container: an Ethernet frame out of VXLAN, reassembled and decrypted. Its bytes are copies, which stay
 * valid; to change them, use `edit`. Headers are parsed on first access.
 * @example
 * import { openOverlay } from 'vtep';
 *
 * for await (const frame of openOverlay('wire.pcap', { keys: 'keys.txt' })) {
 *   const { source, destination, protocol, payload } = frame.inner;
 *   console.log(frame.vni, source, destination, protocol, payload.length);
 * }
 */
export class Frame extends DecodedPacket {
  /** Always undefined: tells frames from dropped packets. */
  readonly dropReason: undefined = undefined;
  /** The VNI; undefined for a frame that was captured without VXLAN. */
  readonly vni: number | undefined;
  /** The frame from its Ethernet header on, as far as it was captured. */
  readonly bytes: Uint8Array;
  /** Its length on the wire in bytes. */
  readonly length: number;
  readonly #carrier: Carrier;
  #inner: PacketHeaders | undefined;
  #outer: PacketHeaders | undefined;

  /**
   * @param vni undefined if the packet is itself the frame
   * @internal
   */
  constructor(
    packets: readonly CapturedPacket[],
    esp: EspFields | undefined,
    vni: number | undefined,
    carrier: Carrier,
  ) {
    super(packets, esp);
    this.vni = vni;
    this.bytes = carrier.bytes.subarray(carrier.frameStart, carrier.frameEnd);
    this.length = carrier.frameEnd - carrier.frameStart;
    this.#carrier = carrier;
  }

  /** Whether the capture truncated the frame (snaplen). */
  get truncated(): boolean {
    return this.bytes.length < this.length;
  }

  /** The container's headers, from Ethernet on. */
  get inner(): PacketHeaders {
    const linkType = this.vni === undefined ? this.#carrier.linkType : LinkType.Ethernet;
    return (this.#inner ??= new PacketHeaders(this.bytes, linkType, this.length));
  }

  /**
   * The headers of the packet that carried the frame, to VXLAN's UDP ports: after reassembly and decryption, inside any
   * other encapsulation. Undefined without VXLAN. See `packet.headers` for what was on the wire.
   */
  get outer(): PacketHeaders | undefined {
    if (this.vni === undefined) return undefined;
    const { bytes, linkType, length } = this.#carrier;
    return (this.#outer ??= new PacketHeaders(bytes, linkType, length));
  }

  /** The packet that carried the frame; undefined without VXLAN. @internal */
  get carrier(): Carrier | undefined {
    return this.vni === undefined ? undefined : this.#carrier;
  }
}

/** A packet of which there is no frame, because something is wrong with it. */
export class DroppedPacket extends DecodedPacket {
  /** Name of the drop reason, as in the kernel where it has one: `XfrmInNoStates`. */
  readonly dropReason: string;
  /** What it means. */
  readonly dropText: string;

  /** @internal */
  constructor(packets: readonly CapturedPacket[], esp: EspFields | undefined, dropReason: string, dropText: string) {
    super(packets, esp);
    this.dropReason = dropReason;
    this.dropText = dropText;
  }
}
