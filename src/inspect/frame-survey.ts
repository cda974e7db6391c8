/** Counts inner frames: networks, VTEPs, endpoints, sizes, checksums. */
import type { UnderlayDecoder } from '../dataplane/index.js';
import { ArpView, checkArp, EthernetView, EtherType, HeaderError, isZeroMac, Layers } from '../wire/index.js';
import { AddressTable } from './address-table.js';
import { ChecksumTable } from './checksum-table.js';
import { EndpointTable } from './endpoint-table.js';
import { NetworkTable } from './network-table.js';
import type { FrameCounts } from './shares/survey-part.js';
import { SIZE_BOUNDS, SizeTable } from './size-table.js';
import { TunnelTable } from './tunnel-table.js';

/** A packet larger than any network's jumbo frames was never on a wire. */
const MAX_WIRE_MTU = SIZE_BOUNDS[6];
/** Largest Ethernet frame without jumbo frames, with a VLAN tag. */
const ETHERNET_MAX = SIZE_BOUNDS[5];

/** What the frames of a capture are, in bounded memory. */
export class FrameSurvey {
  /** Layers of the last frame. */
  readonly inner = new Layers({ fromCapture: true });
  readonly addresses: AddressTable;
  readonly networks: NetworkTable;
  readonly tunnels: TunnelTable;
  readonly endpoints: EndpointTable;
  readonly sizes = new SizeTable();
  readonly checksums: ChecksumTable | undefined;
  readonly counts: FrameCounts = {
    innerFragments: 0,
    innerFaults: 0,
    badSources: 0,
    arpFrames: 0,
    superFrames: 0,
    unsetLengths: 0,
  };
  readonly #ethernet = new EthernetView();
  readonly #arp = new ArpView();

  /**
   * @param rows maximum number of rows of each table
   * @param checksums whether to verify checksums
   */
  constructor(rows: number, checksums: boolean) {
    this.addresses = new AddressTable(rows);
    this.networks = new NetworkTable(rows);
    this.tunnels = new TunnelTable(rows);
    this.endpoints = new EndpointTable(rows);
    this.checksums = checksums ? new ChecksumTable() : undefined;
  }

  /**
   * Counts the frame that was decoded last.
   * @param whole whether all of it was captured
   */
  add(decoder: UnderlayDecoder, whole: boolean): void {
    const { inner, counts } = this;
    const { outerBytes: bytes, frameOffset, frameEnd, outer, vni } = decoder;
    const length = frameEnd - frameOffset;
    const captured = Math.min(frameEnd, decoder.capturedEnd);
    inner.walkEthernet(bytes, frameOffset, captured, frameEnd);
    if (inner.lengthUnset || outer.lengthUnset) counts.unsetLengths++;
    this.sizes.add(length);
    this.networks.add(vni, length, !whole, decoder.opened);
    const source = this.addresses.source(bytes, outer);
    const destination = this.addresses.destination(bytes, outer);
    this.tunnels.addFrame(source, destination, vni, length);
    const faulty = inner.headerError !== HeaderError.None && inner.headerError !== HeaderError.Truncated;
    if (faulty) counts.innerFaults++;
    else if (inner.family !== 0 && inner.isFragment) counts.innerFragments++;
    if (captured >= frameOffset + 14) this.#addEndpoints(decoder, captured, source, destination, length);
    if (!whole) return;
    this.checksums?.add(bytes, outer, inner, decoder.opened);
    const wireLength = decoder.opened ? decoder.espBytes : outer.networkEnd - outer.networkOffset;
    const partial = this.checksums?.partial === true;
    // Anything that arrived in fragments was on the wire, whatever its length.
    if (decoder.parts > 1) return;
    if (wireLength > MAX_WIRE_MTU || (partial && wireLength > ETHERNET_MAX)) counts.superFrames++;
  }

  #addEndpoints(decoder: UnderlayDecoder, captured: number, source: number, destination: number, length: number): void {
    const { inner, counts } = this;
    const { vni, outerBytes: bytes } = decoder;
    const frame = this.#ethernet.wrap(bytes, decoder.frameOffset);
    const { sourceOffset, destinationOffset } = frame;
    let family = inner.family;
    let sourceIp = inner.addressOffset;
    let destinationIp = inner.addressOffset + (family === 4 ? 4 : 16);
    if (family === 0 && inner.etherType === EtherType.Arp) {
      counts.arpFrames++;
      if (checkArp(bytes, inner.networkOffset, captured) === HeaderError.None) {
        family = 4;
        sourceIp = this.#arp.wrap(bytes, inner.networkOffset).senderIpOffset;
        destinationIp = this.#arp.targetIpOffset;
      }
    }
    if ((bytes[sourceOffset] & 1) !== 0 || isZeroMac(bytes, sourceOffset)) counts.badSources++;
    else this.endpoints.sent(vni, bytes, sourceOffset, family, sourceIp, source, length);
    if (!frame.isGroup) {
      this.endpoints.received(vni, bytes, destinationOffset, family, destinationIp, destination, length);
    }
  }
}
