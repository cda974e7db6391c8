/**
 * Writes frames to a TAP device directly from their arena. Coalesces the segments of each TCP connection, and the
 * datagrams of each UDP flow, into one write; large frames from senders that left segmentation to their NIC are written
 * whole.
 */
import { addressOf, lastErrno, NativeMemory } from '../../foreign/index.js';
import {
  type Coalescer,
  CoalescedFlows,
  flowKey,
  MAX_COALESCED_FRAMES,
  TcpCoalescer,
  UdpCoalescer,
  Segmenter,
} from '../../fragment/index.js';
import { checkRange, viewOf } from '../../memory/internal.js';
import {
  HeaderError,
  IpProtocol,
  Layers,
  onesSum,
  partialChecksumIn,
  pseudoHeaderSum,
  TCP_CHECKSUM,
  UDP_CHECKSUM,
} from '../../wire/index.js';
import { Errno, errnoName, type Linux, linux } from '../system/linux.js';
import { Refusals } from '../port/refusals.js';
import { PieceVector } from '../socket/piece-vector.js';
import { OFFLOAD_HEADER_BYTES, OffloadHeader, Segmentation } from './offload-header.js';

/** Why a large frame is refused, by the kernel's names (include/net/dropreason-core.h). */
const Refused = { TcpChecksum: 'TCP_CSUM', Segmentation: 'SKB_GSO_SEG' } as const;
/** Less payload per segment than TCP ever sends, see `Segmenter`. */
const MIN_SEGMENT = 8;
/** Largest frame: 64 KiB and an Ethernet header with tags. */
const LARGEST = 65_536 + 64;

/** Options of a writer. */
export interface TapWriterOptions {
  /**
   * Whether frames may have partial checksums, which the kernel then completes; if not, a field with the pseudo-header's
   * sum is a wrong checksum like any other.
   */
  readonly partial: boolean;
  /** The device's MTU in bytes: TCP in longer packets is yet to be segmented. */
  readonly mtu: number;
}

/** A writer for one descriptor. */
export class TapWriter {
  /** Frames that the device accepted; those that are yet to be segmented count as one. */
  sent = 0;
  /** Frames that it refused, by the name of the error. */
  readonly refusals = new Refusals();
  readonly #descriptor: number;
  readonly #system: Pick<Linux, 'writev'>;
  readonly #offload = new OffloadHeader();
  readonly #layers = new Layers();
  readonly #coalesced = new Layers();
  readonly #partial: boolean;
  readonly #mtu: number;
  readonly #tcp: CoalescedFlows<Coalescer>;
  readonly #udp: CoalescedFlows<Coalescer>;
  /** Whether the kernel segments UDP: it does from Linux 6.2 on. */
  #segmentsUdp = true;
  readonly #segmenter = new Segmenter();
  /** For a datagram that is segmented here; made with the first. */
  #datagram: NativeMemory | undefined;
  readonly #pieces = new PieceVector(1 + MAX_COALESCED_FRAMES);
  #bytes: Uint8Array = new Uint8Array(0);
  #base = 0;

  /**
   * @param descriptor of a TAP device with IFF_VNET_HDR, non-blocking
   * @param system the system calls
   */
  constructor(descriptor: number, { partial, mtu }: TapWriterOptions, system: Pick<Linux, 'writev'> = linux()) {
    this.#descriptor = descriptor;
    this.#system = system;
    this.#partial = partial;
    this.#mtu = mtu;
    this.#tcp = new CoalescedFlows(() => new TcpCoalescer(partial));
    this.#udp = new CoalescedFlows(() => new UdpCoalescer(partial));
    this.#pieces.set(0, this.#offload.address, OFFLOAD_HEADER_BYTES);
  }

  /**
   * Sends a frame, see `FramePort.send`. The frames of a flow keep their order.
   * @throws MemoryError `BAD_RANGE`, since the kernel would read past the memory
   */
  send(bytes: Uint8Array, start: number, end: number, segment = 0): void {
    checkRange(bytes, start, end);
    if (this.#bytes !== bytes) {
      this.flush();
      this.#bytes = bytes;
      this.#base = addressOf(bytes);
    }
    const layers = this.#layers;
    const isWhole = layers.walkEthernet(bytes, start, end) === HeaderError.None;
    const { protocol } = layers;
    const isTcp = protocol === IpProtocol.Tcp;
    if (!isWhole || layers.family === 0 || layers.isFragment || (!isTcp && protocol !== IpProtocol.Udp)) {
      // It may belong to any flow, like a fragment, or ICMP about a packet.
      this.flush();
      this.#writeOne(start, end, isWhole ? layers : undefined);
      return;
    }
    const flows = isTcp ? this.#tcp : this.#udp;
    const key = flowKey(bytes, layers);
    let flow = flows.find(key);
    const isLarge = segment > 0 || (isTcp && layers.networkEnd - layers.networkOffset > this.#mtu);
    if (flow !== undefined && (isLarge || !flow.add(bytes, layers, start, end))) {
      this.#flush(flows, flow);
      flow = undefined;
    }
    if (isLarge) {
      if (isTcp) this.#writeLargeTcp(start, segment);
      else this.#writeLargeUdp(start, end, segment);
      return;
    }
    if (isTcp || this.#segmentsUdp) flow ??= flows.begin(bytes, layers, start, end, key);
    if (flow === undefined) {
      this.#writeOne(start, end, layers);
      return;
    }
    if (flow.complete) this.#flush(flows, flow);
    const { surplus } = flows;
    if (surplus !== undefined) this.#flush(flows, surplus);
  }

  /** Writes the frames held back for coalescing. */
  flush(): void {
    for (let flow = this.#tcp.pending; flow !== undefined; flow = this.#tcp.pending) this.#flush(this.#tcp, flow);
    for (let flow = this.#udp.pending; flow !== undefined; flow = this.#udp.pending) this.#flush(this.#udp, flow);
  }

  #flush(flows: CoalescedFlows<Coalescer>, flow: Coalescer): void {
    const { count, start, end, transport, checksum } = flow;
    if (count === 1) {
      if (flow.isPartial) this.#offload.putChecksum(transport, checksum);
      else this.#offload.putNone();
      this.#write(start[0], end[0]);
    } else {
      flow.finish();
      const tcp = flow.family === 4 ? Segmentation.Tcp4 : Segmentation.Tcp6;
      const how = checksum === TCP_CHECKSUM ? tcp : Segmentation.Udp;
      this.#offload.putSegments(how, flow.headers, flow.size, transport, checksum);
      let length = OFFLOAD_HEADER_BYTES;
      for (let i = 0; i < count; i++) {
        this.#pieces.set(1 + i, this.#base + start[i], end[i] - start[i]);
        length += end[i] - start[i];
      }
      const written = this.#system.writev(this.#descriptor, this.#pieces.address, 1 + count);
      if (how === Segmentation.Udp && this.#isRefused(written)) this.#writeEach(flow);
      else this.#count(written, length, count);
    }
    flows.clear(flow);
  }

  /** Whether the kernel doesn't segment UDP; then this doesn't ask for it again. */
  #isRefused(written: number): boolean {
    if (written >= 0 || lastErrno() !== Errno.Invalid) return false;
    this.#segmentsUdp = false;
    return true;
  }

  /** Writes coalesced frames one by one. */
  #writeEach(flow: Coalescer): void {
    flow.restore();
    const { count, start, end, headers } = flow;
    // `#layers` still describes the frame that is being sent.
    const layers = this.#coalesced;
    for (let i = 0; i < count; i++) {
      const frame = i === 0 ? start[0] : start[i] - headers;
      layers.walkEthernet(this.#bytes, frame, end[i]);
      this.#writeOne(frame, end[i], layers);
    }
  }

  /** Writes a TCP frame, walked by `#layers`, for the kernel to segment. */
  #writeLargeTcp(start: number, segment: number): void {
    const bytes = this.#bytes;
    const { family, networkOffset, networkEnd, transportOffset, payloadOffset, addressOffset } = this.#layers;
    const size = segment > 0 ? segment : this.#mtu - (payloadOffset - networkOffset);
    if (size < MIN_SEGMENT || payloadOffset >= networkEnd) {
      this.refusals.add(Refused.Segmentation);
      return;
    }
    const view = viewOf(bytes);
    const field = transportOffset + TCP_CHECKSUM;
    const pseudo = pseudoHeaderSum(family, bytes, addressOffset, IpProtocol.Tcp, networkEnd - transportOffset);
    if (segment === 0 && (!this.#partial || view.getUint16(field) !== pseudo)) {
      if (onesSum(bytes, transportOffset, networkEnd, pseudo) !== 0xffff) {
        this.refusals.add(Refused.TcpChecksum);
        return;
      }
    }
    view.setUint16(field, pseudo);
    const how = family === 4 ? Segmentation.Tcp4 : Segmentation.Tcp6;
    this.#offload.putSegments(how, payloadOffset - start, size, transportOffset - start, TCP_CHECKSUM);
    this.#write(start, networkEnd);
  }

  /** Writes a UDP frame, walked by `#layers`, for the kernel to segment; or segments it. */
  #writeLargeUdp(start: number, end: number, segment: number): void {
    const bytes = this.#bytes;
    const { family, networkEnd, transportOffset, payloadOffset, payloadEnd, addressOffset } = this.#layers;
    if (payloadEnd !== networkEnd || payloadOffset >= payloadEnd) {
      this.refusals.add(Refused.Segmentation);
      return;
    }
    if (this.#segmentsUdp) {
      const pseudo = pseudoHeaderSum(family, bytes, addressOffset, IpProtocol.Udp, payloadEnd - transportOffset);
      viewOf(bytes).setUint16(transportOffset + UDP_CHECKSUM, pseudo);
      const headers = payloadOffset - start;
      this.#offload.putSegments(Segmentation.Udp, headers, segment, transportOffset - start, UDP_CHECKSUM);
      const length = OFFLOAD_HEADER_BYTES + payloadEnd - start;
      this.#pieces.set(1, this.#base + start, payloadEnd - start);
      const written = this.#system.writev(this.#descriptor, this.#pieces.address, 2);
      if (!this.#isRefused(written)) {
        this.#count(written, length, 1);
        return;
      }
    }
    this.#segmentUdp(start, end, segment);
  }

  #segmentUdp(start: number, end: number, segment: number): void {
    const segmenter = this.#segmenter;
    if (!segmenter.begin(this.#bytes, start, end, segment)) {
      this.refusals.add(Refused.Segmentation);
      return;
    }
    const datagram = (this.#datagram ??= new NativeMemory(LARGEST));
    this.#offload.putNone();
    while (segmenter.pending) {
      const length = segmenter.next(datagram.bytes, 0);
      this.#pieces.set(1, datagram.address, length);
      const written = this.#system.writev(this.#descriptor, this.#pieces.address, 2);
      this.#count(written, OFFLOAD_HEADER_BYTES + length, 1);
    }
  }

  /**
   * Writes a frame as it is.
   * @param layers a walk over it, if that found no fault
   */
  #writeOne(start: number, end: number, layers: Layers | undefined): void {
    const field = this.#partial && layers !== undefined ? partialChecksumIn(this.#bytes, layers) : -1;
    if (field < 0 || layers === undefined) this.#offload.putNone();
    else this.#offload.putChecksum(layers.transportOffset - start, field);
    this.#write(start, end);
  }

  /** Writes the offload header and a frame. */
  #write(start: number, end: number): void {
    this.#pieces.set(1, this.#base + start, end - start);
    const written = this.#system.writev(this.#descriptor, this.#pieces.address, 2);
    this.#count(written, OFFLOAD_HEADER_BYTES + end - start, 1);
  }

  #count(written: number, bytes: number, frames: number): void {
    if (written === bytes) this.sent += frames;
    // A partially written frame did not arrive either; errno is set only if the call failed.
    else this.refusals.add(written < 0 ? errnoName(lastErrno()) : errnoName(Errno.Io), frames);
  }
}
