/** Writes the inner frames of packets to a sink. */
import { type CaptureBatch, type PacketSink, PcapngWriter } from '../../capture/portable.js';
import type { UnderlayDecoder } from '../../dataplane/index.js';
import type { EspSurvey } from '../../inspect/internal.js';
import { decapPacket, FrameFlag, type FrameTaker } from './frame-taker.js';

/** Maximum number of SPIs counted separately. */
export const ESP_ROWS = 65_536;
/** Networks beyond this number share one interface of the output. */
const MAX_INTERFACES = 4096;

/** The frames written for one VNI. */
export interface DecapNetwork {
  readonly vni: number;
  /** Only if the network was learned. */
  readonly name?: string;
  frames: number;
  /** Of these, the frames that were in ESP. */
  encrypted: number;
  bytes: number;
}

/** A VNI, and the network's name if it is known. */
export function networkText({ vni, name }: { readonly vni: number; readonly name?: string | undefined }): string {
  return name === undefined ? String(vni) : `${vni} (${name})`;
}

/** Writes frames; in pcapng, each network gets its own interface. */
export class FrameWriter implements FrameTaker {
  readonly networks = new Map<number, DecapNetwork>();
  readonly #pcapng: PcapngWriter | undefined;
  readonly #sink: PacketSink;
  readonly #interfaces = new Map<number, number>();

  /** Truncated frames that were written. */
  truncated = 0;
  /** Frames of packets without a timestamp, which are written with the time 1970-01-01. */
  timeless = 0;
  readonly #keepTruncated: boolean;
  readonly #names: ReadonlyMap<number, string>;

  /**
   * @param sink a pcapng writer, which gets one interface per network, or any other sink for Ethernet frames
   * @param keepTruncated whether to write the captured part of frames that the snaplen truncated
   * @param names of networks, by VNI
   */
  constructor(sink: PacketSink, keepTruncated = false, names: ReadonlyMap<number, string> = new Map()) {
    this.#names = names;
    this.#keepTruncated = keepTruncated;
    this.#pcapng = sink instanceof PcapngWriter ? sink : undefined;
    this.#sink = sink;
  }

  /** Writes the frames of a batch's packets, and counts its ESP packets. */
  addBatch(batch: CaptureBatch, decoder: UnderlayDecoder, esp: EspSurvey): void {
    for (let i = 0; i < batch.count; i++) decapPacket(batch, i, decoder, esp, this.#keepTruncated, this);
  }

  flush(): void {
    this.#sink.flush();
  }

  /** Writes a frame. */
  take(
    bytes: Uint8Array,
    offset: number,
    captured: number,
    length: number,
    vni: number,
    flags: number,
    seconds: number,
    nanoseconds: number,
  ): void {
    let network = this.networks.get(vni);
    if (network === undefined) {
      const name = this.#names.get(vni);
      network = { vni, ...(name !== undefined && { name }), frames: 0, encrypted: 0, bytes: 0 };
      this.networks.set(vni, network);
    }
    network.frames++;
    if ((flags & FrameFlag.Opened) !== 0) network.encrypted++;
    network.bytes += length;
    if ((flags & FrameFlag.Truncated) !== 0) this.truncated++;
    if ((flags & FrameFlag.Timeless) !== 0) this.timeless++;
    const id = this.#pcapng === undefined ? 0 : this.#interfaceOf(this.#pcapng, vni);
    this.#sink.write(bytes, offset, captured, length, seconds, nanoseconds, id);
  }

  #interfaceOf(pcapng: PcapngWriter, vni: number): number {
    const known = this.#interfaces.get(vni);
    if (known !== undefined) return known;
    const last = this.#interfaces.size >= MAX_INTERFACES;
    const key = last ? -1 : vni;
    let id = this.#interfaces.get(key);
    if (id === undefined) {
      id = pcapng.addInterface(last ? 'other VNIs' : `vni ${networkText({ vni, name: this.#names.get(vni) })}`);
      this.#interfaces.set(key, id);
    }
    return id;
  }
}
