/** Writes the inner frames of packets to a sink. */
import { extname } from 'node:path';
import { type CaptureBatch, type PacketSink, PcapngWriter } from '../../capture/index.js';
import { type UnderlayDecoder, Verdict } from '../../dataplane/index.js';
import type { EspSurvey } from '../../inspect/internal.js';
import { type DecapNetwork, networkText } from '../capture/decap-report.js';

/** Maximum number of SPIs counted separately. */
export const ESP_ROWS = 65_536;
/** Networks beyond this number share one interface of the output. */
const MAX_INTERFACES = 4096;

/** Writes frames; in pcapng, each network gets its own interface. */
export class FrameWriter {
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
  take(batch: CaptureBatch, decoder: UnderlayDecoder, esp: EspSurvey): void {
    for (let i = 0; i < batch.count; i++) {
      const offset = batch.offset[i];
      const verdict = decoder.receive(
        batch.linkType[i],
        batch.bytes,
        offset,
        offset + batch.capturedLength[i],
        offset + batch.originalLength[i],
        batch.seconds[i],
      );
      if (decoder.encrypted) esp.add(decoder, verdict);
      // Among dropped packets, only those truncated inside their frame have a VNI.
      const cut = this.#keepTruncated && verdict === Verdict.Dropped && decoder.vni >= 0;
      if (verdict === Verdict.Frame || cut) {
        this.#write(decoder, batch.seconds[i], batch.nanoseconds[i]);
        this.timeless += batch.noTimestamp[i];
      }
      if (cut) this.truncated++;
    }
  }

  flush(): void {
    this.#sink.flush();
  }

  #write(decoder: UnderlayDecoder, seconds: number, nanoseconds: number): void {
    const length = decoder.frameEnd - decoder.frameOffset;
    const { vni } = decoder;
    let network = this.networks.get(vni);
    if (network === undefined) {
      const name = this.#names.get(vni);
      network = { vni, ...(name !== undefined && { name }), frames: 0, encrypted: 0, bytes: 0 };
      this.networks.set(vni, network);
    }
    network.frames++;
    if (decoder.opened) network.encrypted++;
    network.bytes += length;
    const id = this.#pcapng === undefined ? 0 : this.#interfaceOf(this.#pcapng, vni);
    const captured = Math.max(0, Math.min(decoder.frameEnd, decoder.capturedEnd) - decoder.frameOffset);
    this.#sink.write(decoder.outerBytes, decoder.frameOffset, captured, length, seconds, nanoseconds, id);
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

/** The format of an output: the value of `--format`, or else by the file's extension. */
export function formatOf(path: string, word: 'pcap' | 'pcapng' | undefined): 'pcap' | 'pcapng' {
  if (word !== undefined) return word;
  return extname(path).toLowerCase() === '.pcapng' ? 'pcapng' : 'pcap';
}
