/** Fills the columns of the index with what a decoder found in each packet. */
import type { CaptureBatch, CaptureInterface } from '../../../src/capture/portable.js';
import { type UnderlayDecoder, Verdict } from '../../../src/dataplane/index.js';
import { EtherType, HeaderError, IpProtocol, Layer, type Layers, TCP_HEADER_LEN } from '../../../src/wire/index.js';
import type { FileRow, IndexTables, InterfaceRow } from './capture-index.js';
import { NO_FLOW } from './flow-columns.js';
import { FlowIds } from './flow-ids.js';
import { NetworkIds, SaIds, TunnelIds } from './id-tables.js';
import { NO_ID, PacketMark, PacketPart, PacketProtocol, PART_PACKETS } from './packet-columns.js';
import { slicedPart } from './packet-parts.js';

/** Maximum number of files of an index. */
export const MAX_FILES = 256;
const MAX_INNER = 0xffff;
const NANO = 1e9;
const DNS_PORT = 53;
const GOSSIP_PORT = 7946;
const TCP_FLAGS_AT = 13;
const GROUP_BIT = 1;

/** A file whose packets follow. */
export interface IndexedFile {
  readonly name: string;
  readonly size: number;
  readonly format: FileRow['format'];
  /** Those described so far; the indexer reads them again when it makes its tables. */
  readonly interfaces: readonly CaptureInterface[];
}

/**
 * Indexes packets, one after the other. Its memory is bounded: 49 bytes for each packet that wasn't taken yet, at most
 * `PART_PACKETS` of them, and tables of 65,535 networks, directions and SAs and of `MAX_FLOWS` flows: at most 200 MB, and 1 MB
 * in common captures. Packets of what a full table doesn't have are counted.
 */
export class PacketIndexer {
  /** Packets so far. */
  packets = 0;
  /** Packets whose network, direction, SA or flow didn't fit. */
  unlisted = 0;
  readonly #part = new PacketPart(PART_PACKETS);
  readonly #networks = new NetworkIds();
  readonly #tunnels = new TunnelIds();
  readonly #sas = new SaIds();
  readonly #flows = new FlowIds();
  readonly #files: FileRow[] = [];
  readonly #interfaces: InterfaceRow[] = [];
  #file: IndexedFile | undefined;
  /** Id of the file's first interface. */
  #interfaceBase = 0;
  #firstSeconds = Number.NaN;
  #firstNanoseconds = 0;

  /** Whether packets must be taken before the next one. */
  get isFull(): boolean {
    return this.#part.count === PART_PACKETS;
  }

  /** Packets that weren't taken yet. */
  get waiting(): number {
    return this.#part.count;
  }

  /** Begins a file, at most `MAX_FILES`: the packets that follow are its. */
  beginFile(file: IndexedFile): void {
    this.#listInterfaces();
    this.#file = file;
    this.#interfaceBase = this.#interfaces.length;
    const { name, size, format } = file;
    this.#files.push({ name, size, firstPacket: this.packets, damage: undefined, format });
  }

  /** Ends the file. */
  endFile(damage: string | undefined): void {
    const last = this.#files.length - 1;
    this.#files[last] = { ...this.#files[last], damage };
  }

  /**
   * Adds the packet that was decoded last; at most `PART_PACKETS` until `take`.
   * @param verdict the decoder's verdict
   * @param inner layers of its inner frame, if `decoder.vni` isn't -1
   * @param hasWrongChecksum whether a checksum of the frame or its packet is wrong; of no matter for other verdicts than `Frame`
   */
  add(
    batch: CaptureBatch,
    index: number,
    decoder: UnderlayDecoder,
    verdict: Verdict,
    inner: Layers,
    hasWrongChecksum: boolean,
  ): void {
    const part = this.#part;
    const row = part.count++;
    this.packets++;
    let marks = batch.originalLength[index] > batch.capturedLength[index] ? PacketMark.Truncated : 0;
    part.position[row] = batch.origin + batch.offset[index];
    part.captured[row] = batch.capturedLength[index];
    part.length[row] = batch.originalLength[index];
    part.interface[row] = Math.min(NO_ID, this.#interfaceBase + batch.interfaceId[index]);
    part.file[row] = this.#files.length - 1;
    part.verdict[row] = verdict;
    part.reason[row] = verdict === Verdict.Dropped ? decoder.reason : 0;
    let seconds = Number.NaN;
    if (batch.noTimestamp[index] === 0) {
      seconds = batch.seconds[index];
      part.time[row] = this.#time(seconds, batch.nanoseconds[index]);
    } else {
      part.time[row] = Number.NaN;
      marks |= PacketMark.NoTime;
    }
    const { outer, encrypted } = decoder;
    let fits = true;
    part.tunnel[row] = NO_ID;
    part.sa[row] = NO_ID;
    part.sequence[row] = 0;
    if (encrypted) {
      const { espFamily, espAddresses, espInUdp } = decoder;
      marks |= PacketMark.Encrypted | (decoder.opened ? PacketMark.Opened : 0) | (espInUdp ? PacketMark.EspInUdp : 0);
      part.sequence[row] = decoder.sequence;
      part.tunnel[row] = this.#tunnels.of(espFamily, espAddresses, 0);
      part.sa[row] = this.#sas.of(decoder.spi, espFamily, espAddresses, espInUdp);
      fits = part.tunnel[row] !== NO_ID && part.sa[row] !== NO_ID;
    } else if (outer.family !== 0) {
      part.tunnel[row] = this.#tunnels.of(outer.family, decoder.outerBytes, outer.addressOffset);
      fits = part.tunnel[row] !== NO_ID;
    }
    if (decoder.parts > 1) marks |= PacketMark.Fragment | PacketMark.Reassembled;
    else if (verdict === Verdict.Held || (verdict === Verdict.Dropped && outer.family !== 0 && outer.isFragment)) {
      marks |= PacketMark.Fragment;
    }
    if (decoder.vni >= 0) {
      if (!this.#addFrame(row, decoder, inner, seconds)) fits = false;
      const { frameOffset, capturedEnd, outerBytes } = decoder;
      if (frameOffset < capturedEnd && (outerBytes[frameOffset] & GROUP_BIT) !== 0) marks |= PacketMark.Group;
      if (inner.family === 6) marks |= PacketMark.Ipv6;
      if (hasWrongChecksum && verdict === Verdict.Frame) marks |= PacketMark.BadChecksum;
    } else {
      if (!this.#addOther(row, decoder, verdict, seconds)) fits = false;
      if ((encrypted && !decoder.opened ? decoder.espFamily : outer.family) === 6) marks |= PacketMark.Ipv6;
    }
    part.marks[row] = marks;
    if (!fits) this.unlisted++;
  }

  /** Copies the packets that weren't taken yet, and removes them. */
  take(): PacketPart {
    const part = slicedPart(this.#part, 0, this.#part.count);
    this.#part.count = 0;
    return part;
  }

  /** A copy of the tables as they are now. */
  tables(): IndexTables {
    this.#listInterfaces();
    return {
      files: [...this.#files],
      interfaces: [...this.#interfaces],
      networks: [...this.#networks.vnis],
      tunnels: [...this.#tunnels.rows],
      sas: [...this.#sas.rows],
      flows: this.#flows.columns(),
      firstSeconds: this.#firstSeconds,
      firstNanoseconds: this.#firstNanoseconds,
      unlisted: this.unlisted,
    };
  }

  #time(seconds: number, nanoseconds: number): number {
    if (Number.isNaN(this.#firstSeconds)) {
      this.#firstSeconds = seconds;
      this.#firstNanoseconds = nanoseconds;
    }
    return (seconds - this.#firstSeconds) * NANO + (nanoseconds - this.#firstNanoseconds);
  }

  /** @returns whether its network and flow are listed */
  #addFrame(row: number, decoder: UnderlayDecoder, inner: Layers, seconds: number): boolean {
    const part = this.#part;
    const { outerBytes, vni, frameOffset, frameEnd } = decoder;
    const end = Math.min(frameEnd, decoder.capturedEnd);
    const network = this.#networks.of(vni);
    part.network[row] = network;
    part.inner[row] = Math.min(MAX_INNER, frameEnd - frameOffset);
    part.flow[row] = this.#flows.of(vni, outerBytes, inner, end, seconds);
    part.protocol[row] = protocolOf(inner, false);
    part.tcpFlags[row] = tcpFlagsOf(outerBytes, inner, end);
    return network !== NO_ID && !this.#flows.isFull;
  }

  /** @returns whether its flow is listed, if it has one */
  #addOther(row: number, decoder: UnderlayDecoder, verdict: Verdict, seconds: number): boolean {
    const part = this.#part;
    const { outer, outerBytes, capturedEnd } = decoder;
    part.network[row] = NO_ID;
    part.inner[row] = 0;
    part.flow[row] = NO_FLOW;
    part.tcpFlags[row] = 0;
    if (decoder.encrypted && !decoder.opened) {
      part.protocol[row] = PacketProtocol.Esp;
      return true;
    }
    part.protocol[row] = protocolOf(outer, true);
    if (verdict !== Verdict.Other) return true;
    part.flow[row] = this.#flows.of(-1, outerBytes, outer, capturedEnd, seconds);
    part.tcpFlags[row] = tcpFlagsOf(outerBytes, outer, capturedEnd);
    return !this.#flows.isFull;
  }

  /** Lists the interfaces that the file has described by now. */
  #listInterfaces(): void {
    const described = this.#file?.interfaces ?? [];
    const rows = this.#interfaces;
    for (let i = rows.length - this.#interfaceBase; i < described.length && rows.length < NO_ID; i++) {
      const { name, linkType } = described[i];
      rows.push({ file: this.#files.length - 1, name, linkType });
    }
  }
}

/** @param isNode whether it is a packet of a node, on the underlay */
function protocolOf(layers: Layers, isNode: boolean): PacketProtocol {
  const { family, headerError, layer } = layers;
  if (family === 0) return layers.etherType === EtherType.Arp ? PacketProtocol.Arp : PacketProtocol.Unknown;
  // Before the transport header was found, the protocol is that of an earlier packet.
  if (headerError !== HeaderError.None && layer < Layer.Transport) return PacketProtocol.Ip;
  switch (layers.protocol) {
    case IpProtocol.Icmp:
      return PacketProtocol.Icmp;
    case IpProtocol.Icmpv6:
      return PacketProtocol.Icmpv6;
    case IpProtocol.Esp:
      return PacketProtocol.Esp;
    case IpProtocol.Tcp:
      return hasPort(layers, DNS_PORT) ? PacketProtocol.Dns : withGossip(layers, isNode, PacketProtocol.Tcp);
    case IpProtocol.Udp:
      return hasPort(layers, DNS_PORT) ? PacketProtocol.Dns : withGossip(layers, isNode, PacketProtocol.Udp);
    default:
      return PacketProtocol.Ip;
  }
}

function withGossip(layers: Layers, isNode: boolean, otherwise: PacketProtocol): PacketProtocol {
  return isNode && hasPort(layers, GOSSIP_PORT) ? PacketProtocol.Gossip : otherwise;
}

function hasPort(layers: Layers, port: number): boolean {
  return !layers.isFragment && (layers.sourcePort === port || layers.destinationPort === port);
}

function tcpFlagsOf(bytes: Uint8Array, layers: Layers, end: number): number {
  const { headerError, family, protocol, isFragment, transportOffset } = layers;
  if (headerError !== HeaderError.None || family === 0 || protocol !== IpProtocol.Tcp || isFragment) return 0;
  return transportOffset + TCP_HEADER_LEN <= end ? bytes[transportOffset + TCP_FLAGS_AT] : 0;
}
