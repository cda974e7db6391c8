/** A packet in full: its layers, what fragments made of it, what its ESP holds, and why a receiver drops it. */
import { dropReasonText, Verdict } from '../../../src/dataplane/index.js';
import { formatTime } from '../../../src/inspect/index.js';
import { ESP_UDP_PORT, HeaderError, IpProtocol, Layers, UDP_HEADER_LEN, walkLink } from '../../../src/wire/index.js';
import { linkTypeName } from '../../../src/capture/portable.js';
import {
  espNode,
  ethernetNodes,
  fault,
  layer,
  linkNodes,
  type Located,
  networkNodes,
  vxlanNodes,
} from './layer-nodes.js';
import { openPacket, type OpenedPacket, type OpeningOptions } from './opened-packet.js';
import type { PacketBytes, PacketDetail, PacketNode } from './packet-node.js';
import type { ReadPacket } from './packet-reader.js';

/**
 * The layers of a packet, each with its bytes.
 * @param fragments packets before it that may be fragments of it
 */
export function packetDetail(
  packet: ReadPacket,
  fragments: readonly ReadPacket[],
  options: OpeningOptions,
): PacketDetail {
  const sealed = openPacket(packet, fragments, { ...options, openEsp: undefined });
  const buffers: PacketBytes[] = [{ name: 'Packet', bytes: packet.bytes }];
  const captured: Located = { bytes: packet.bytes, end: packet.bytes.length, buffer: 0 };
  const layers = [packetNode(packet, captured), ...linkNodes(captured, packet.linkType)];
  const outer = new Layers({ fromCapture: true });
  const limit = Math.max(packet.length, packet.bytes.length);
  const error = walkLink(outer, packet.linkType, packet.bytes, 0, packet.bytes.length, limit);
  if (error === HeaderError.BadValue && layers.length === 1) {
    layers.push(fault(`packets of link type ${linkTypeName(packet.linkType)} are not read`, captured, 0, captured.end));
  } else layers.push(...withoutPayload(networkNodes(captured, outer), sealed));
  if (sealed.decoder.parts > 1) {
    const { decoder } = sealed;
    const start = decoder.outer.networkOffset;
    const bytes = decoder.outerBytes.slice(start, decoder.capturedEnd);
    const whole: Located = { bytes, end: bytes.length, buffer: buffers.length };
    buffers.push({ name: 'Reassembled', bytes });
    layers.push(layer('Reassembled', whole, 0, bytes.length, [], `of ${decoder.parts} fragments`));
    layers.push(...withoutPayload(networkNodes(whole, walked(bytes, decoder.outer.etherType)), sealed));
    layers.push(...insideNodes(sealed, whole, start));
  } else if (!sealed.decoder.encrypted) layers.push(...insideNodes(sealed, captured, 0));
  if (sealed.decoder.encrypted) addEsp(packet, fragments, options, sealed, buffers, layers);
  else if (sealed.verdict === Verdict.Dropped) layers.push(dropNode(sealed, captured));
  return { buffers, layers };
}

function walked(bytes: Uint8Array, etherType: number): Layers {
  const layers = new Layers({ fromCapture: true });
  layers.walkNetwork(bytes, etherType, 0, bytes.length);
  return layers;
}

/**
 * The layers before ESP or VXLAN, whose payload is shown as layers of its own. Their ports have no filter: filters of ports
 * select by those of the flow, which is inside.
 */
function withoutPayload(nodes: PacketNode[], { decoder }: OpenedPacket): PacketNode[] {
  const hasMore = decoder.vni >= 0 || decoder.encrypted;
  if (!hasMore) return nodes;
  return nodes
    .filter(({ label }) => label !== 'Payload')
    .map((node) => (node.label === 'UDP' ? { ...node, children: node.children.map(withoutFilter) } : node));
}

function withoutFilter({ label, value, buffer, from, to, children }: PacketNode): PacketNode {
  return { label, value, buffer, from, to, children };
}

function packetNode({ row, bytes, length, seconds, nanoseconds, linkType }: ReadPacket, at: Located): PacketNode {
  const cut = bytes.length < length ? `, ${bytes.length} of them captured` : '';
  const time = Number.isNaN(seconds) ? 'none' : formatTime(seconds, nanoseconds);
  const of = (label: string, value: string, filter?: string): PacketNode => ({
    ...layer(label, at, 0, 0, [], value),
    ...(filter === undefined ? {} : { filter }),
  });
  return layer('Packet', at, 0, bytes.length, [
    of('Number', String(row + 1), `frame.number == ${row + 1}`),
    of('Time', time),
    of('Length', `${length} bytes${cut}`, `frame.len == ${length}`),
    of('Link type', linkTypeName(linkType)),
  ]);
}

/**
 * VXLAN and the frame in it, or what another encapsulation holds.
 * @param shift what to subtract from the decoder's offsets to get those in the buffer
 */
function insideNodes({ decoder, inner }: OpenedPacket, at: Located, shift: number): PacketNode[] {
  if (decoder.vni < 0) return [];
  const offset = decoder.frameOffset - shift;
  const end = Math.min(decoder.frameEnd - shift, at.end);
  const frame: Located = { ...at, end };
  const layers = shift === 0 ? inner : new Layers({ fromCapture: true });
  if (shift !== 0) layers.walkEthernet(at.bytes, offset, end, decoder.frameEnd - shift);
  return [...vxlanNodes(at, offset - 8), ...ethernetNodes(frame, offset), ...networkNodes(frame, layers)];
}

function dropNode({ decoder }: OpenedPacket, at: Located): PacketNode {
  return fault(`dropped: ${dropReasonText(decoder.reason)}`, at, 0, 0);
}

/** ESP as it is on the wire, and what is in it, if a key opens it. */
function addEsp(
  packet: ReadPacket,
  fragments: readonly ReadPacket[],
  options: OpeningOptions,
  sealed: OpenedPacket,
  buffers: PacketBytes[],
  layers: PacketNode[],
): void {
  const { buffer, bytes } = sealed.decoder.parts > 1 ? lastOf(buffers) : { buffer: 0, bytes: packet.bytes };
  const wire: Located = { bytes, end: bytes.length, buffer };
  const { outer } = sealed.decoder;
  const shift = sealed.decoder.parts > 1 ? outer.networkOffset : 0;
  const inUdp = outer.protocol === IpProtocol.Udp;
  const offset = outer.transportOffset - shift + (inUdp ? UDP_HEADER_LEN : 0);
  const end = (inUdp ? outer.payloadEnd : outer.networkEnd) - shift;
  const opened = openPacket(packet, fragments, options);
  const { decoder, verdict } = opened;
  const state: PacketNode = decoder.opened
    ? layer('Decrypted', wire, offset, Math.min(end, wire.end), [], 'the ICV is right')
    : verdict === Verdict.Dropped
      ? fault(dropReasonText(decoder.reason), wire, offset, Math.min(end, wire.end))
      : layer('Encrypted', wire, offset, Math.min(end, wire.end), [], 'no key was given');
  layers.push(espNode(wire, offset, end, [state]));
  if (inUdp && outer.destinationPort !== ESP_UDP_PORT && outer.sourcePort !== ESP_UDP_PORT) return;
  if (!decoder.opened) return;
  const start = decoder.outer.networkOffset;
  const plain = decoder.outerBytes.slice(start, decoder.capturedEnd);
  const inside: Located = { bytes: plain, end: plain.length, buffer: buffers.length };
  buffers.push({ name: 'Decrypted', bytes: plain });
  layers.push(layer('Decrypted packet', inside, 0, plain.length, [], `${plain.length} bytes`));
  layers.push(...withoutPayload(networkNodes(inside, walked(plain, decoder.outer.etherType)), opened));
  layers.push(...insideNodes(opened, inside, start));
  if (verdict === Verdict.Dropped) layers.push(dropNode(opened, inside));
}

function lastOf(buffers: readonly PacketBytes[]): { buffer: number; bytes: Uint8Array } {
  const buffer = buffers.length - 1;
  return { buffer, bytes: buffers[buffer].bytes };
}
