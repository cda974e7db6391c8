/** One line per packet, in the style of tshark: number, time, addresses, protocol, length and details. */
import { linkTypeName } from '../capture/portable.js';
import { dropReasonName, type UnderlayDecoder, Verdict } from '../dataplane/index.js';
import { formatSpi } from '../ipsec/index.js';
import { type Encapsulation, encapsulationName, isLinkTypeKnown, type Layers, LinkType } from '../wire/index.js';
import { describePacket } from './packet-description.js';

/** Metadata of a packet in the capture. */
export interface PacketLineContext {
  /** Packet number, from 1. */
  readonly number: number;
  /** Seconds since the first packet; NaN for a packet without a time. */
  readonly time: number;
  /** Length on the wire in bytes. */
  readonly length: number;
  /** Offset of its Ethernet header in the batch's bytes, or -1 for other link types. */
  readonly link: number;
  /**
   * Its link type.
   * @default 1 (Ethernet)
   */
  readonly linkType?: number;
  /**
   * Width of the address columns, shared by all lines of a capture: IPv6 addresses widen them for the lines that
   * follow.
   */
  readonly columns?: { width: number };
  /**
   * Whether to omit what a narrow window has no room for: the outer addresses of a packet with a frame, padding,
   * TCP's sequence number and window, and half of the digits of the time.
   * @default false
   */
  readonly brief?: boolean;
}

/** Width of an IPv4 address. */
export const ADDRESS_WIDTH = 15;

function encapsulationsOf({ depth, encapsulations }: UnderlayDecoder): string {
  const kinds = Array.from(encapsulations.subarray(0, depth), (kind) => encapsulationName(kind as Encapsulation));
  return kinds.join(', ');
}

/**
 * Formats the packet that the decoder processed last.
 * @param inner layers of its frame, if `decoder.vni` isn't -1
 */
export function packetLine(
  decoder: UnderlayDecoder,
  verdict: Verdict,
  inner: Layers,
  context: PacketLineContext,
): string {
  const { outer, outerBytes } = decoder;
  const reassembled = decoder.parts > 1;
  // A reassembled or decrypted packet no longer has a link layer.
  const link = reassembled || decoder.opened ? -1 : decoder.depth > 0 ? decoder.innerLink : context.link;
  const described = describePacket(outerBytes, outer, link, decoder.capturedEnd);
  let { protocol, info } = described;
  const { linkType = LinkType.Ethernet, columns = { width: ADDRESS_WIDTH } } = context;
  if (!isLinkTypeKnown(linkType)) [protocol, info] = [linkTypeName(linkType), 'not read'];
  if (decoder.vni >= 0) {
    const frame = describePacket(
      outerBytes,
      inner,
      decoder.frameOffset,
      Math.min(decoder.frameEnd, decoder.capturedEnd),
    );
    protocol = 'VXLAN';
    info = `vni ${decoder.vni} ${frame.source} → ${frame.destination} ${frame.protocol} ${frame.info}`;
  }
  if (decoder.encrypted) {
    const inUdp = decoder.espInUdp ? ' in UDP' : '';
    const esp = `SPI=${formatSpi(decoder.spi)} seq=${decoder.sequence}${inUdp}`;
    if (!decoder.opened) [protocol, info] = ['ESP', esp];
    else info += ` [ESP ${esp}]`;
  }
  if (outer.lengthUnset) info += ' [IP length 0]';
  if (decoder.depth > 0) info += ` [in ${encapsulationsOf(decoder)}]`;
  if (reassembled) info += ` [of ${decoder.parts} fragments]`;
  if (verdict === Verdict.Held) info += ' [held]';
  if (verdict === Verdict.Dropped) {
    const fallen = decoder.heldDropped > 0 ? `, and ${decoder.heldDropped} held fragments` : '';
    info += ` [dropped: ${dropReasonName(decoder.reason)}${fallen}]`;
  }
  if (verdict === Verdict.Filtered) info += ' [filtered: another VNI]';
  const number = String(context.number).padStart(5);
  const time = (Number.isNaN(context.time) ? '' : context.time.toFixed(6)).padStart(11);
  if (context.brief === true) {
    const seconds = (Number.isNaN(context.time) ? '' : context.time.toFixed(3)).padStart(8);
    const outer = decoder.vni >= 0 ? '' : `${described.source} → ${described.destination} `;
    const name = decoder.vni >= 0 ? '' : `${protocol} `;
    const text = info.replace(/ seq=\d+ win=\d+/, '').trimEnd();
    return `${number} ${seconds} ${String(context.length).padStart(4)} ${outer}${name}${text}`;
  }
  columns.width = Math.max(columns.width, described.source.length, described.destination.length);
  const { width } = columns;
  const addresses = `${described.source.padStart(width)} → ${described.destination.padEnd(width)}`;
  return `${number} ${time} ${addresses} ${protocol.padEnd(6)} ${String(context.length).padStart(4)} ${info.trimEnd()}`;
}
