/** The inner frames of packets, written where they are wanted. */
import { extname } from 'node:path';
import { type CaptureBatch, type PacketSink, PcapngWriter } from '../capture/index.js';
import { type Ingress, Verdict } from '../dataplane/ingress.js';
import type { EspSurvey } from '../inspect/esp-survey.js';
import type { DecapNetwork } from './decap-report.js';

/** SPIs that are told apart at the most. */
export const ESP_ROWS = 65_536;
/** More networks than these share one interface of the output. */
const MAX_INTERFACES = 4096;

/** Writes frames, in pcapng each to the interface of its network. */
export class FrameWriter {
  readonly networks = new Map<number, DecapNetwork>();
  readonly #pcapng: PcapngWriter | undefined;
  readonly #sink: PacketSink;
  readonly #interfaces = new Map<number, number>();

  /** Frames of which the capture holds only a part that were written so. */
  truncated = 0;
  /** Frames of packets without a time, which are written as of 1970-01-01. */
  timeless = 0;
  readonly #keepTruncated: boolean;

  /**
   * @param sink a pcapng writer, which gets an interface for each network, or any other sink of Ethernet frames
   * @param keepTruncated whether frames that the capture's snaplen cut are written as far as they go
   */
  constructor(sink: PacketSink, keepTruncated = false) {
    this.#keepTruncated = keepTruncated;
    this.#pcapng = sink instanceof PcapngWriter ? sink : undefined;
    this.#sink = sink;
  }

  /** Writes the frames of a batch's packets, and counts its ESP packets. */
  take(batch: CaptureBatch, ingress: Ingress, esp: EspSurvey): void {
    for (let i = 0; i < batch.count; i++) {
      const offset = batch.offset[i];
      const verdict = ingress.receive(
        batch.linkType[i],
        batch.bytes,
        offset,
        offset + batch.capturedLength[i],
        offset + batch.originalLength[i],
        batch.seconds[i],
      );
      if (ingress.encrypted) esp.add(ingress, verdict);
      // Of dropped packets, those that were cut inside their frame alone have a VNI.
      const cut = this.#keepTruncated && verdict === Verdict.Dropped && ingress.vni >= 0;
      if (verdict === Verdict.Frame || cut) {
        this.#write(ingress, batch.seconds[i], batch.nanoseconds[i]);
        this.timeless += batch.timeless[i];
      }
      if (cut) this.truncated++;
    }
  }

  flush(): void {
    this.#sink.flush();
  }

  #write(ingress: Ingress, seconds: number, nanoseconds: number): void {
    const length = ingress.frameEnd - ingress.frameOffset;
    const { vni } = ingress;
    let network = this.networks.get(vni);
    if (network === undefined) {
      network = { vni, frames: 0, encrypted: 0, bytes: 0 };
      this.networks.set(vni, network);
    }
    network.frames++;
    if (ingress.opened) network.encrypted++;
    network.bytes += length;
    const id = this.#pcapng === undefined ? 0 : this.#interfaceOf(this.#pcapng, vni);
    const captured = Math.max(0, Math.min(ingress.frameEnd, ingress.capturedEnd) - ingress.frameOffset);
    this.#sink.write(ingress.outerBytes, ingress.frameOffset, captured, length, seconds, nanoseconds, id);
  }

  #interfaceOf(pcapng: PcapngWriter, vni: number): number {
    const known = this.#interfaces.get(vni);
    if (known !== undefined) return known;
    const last = this.#interfaces.size >= MAX_INTERFACES;
    const key = last ? -1 : vni;
    let id = this.#interfaces.get(key);
    if (id === undefined) {
      id = pcapng.addInterface(last ? 'other VNIs' : `vni ${vni}`);
      this.#interfaces.set(key, id);
    }
    return id;
  }
}

/** The format of an output: what `--format` says, or else the file's ending. */
export function formatOf(path: string, word: 'pcap' | 'pcapng' | undefined): 'pcap' | 'pcapng' {
  if (word !== undefined) return word;
  return extname(path).toLowerCase() === '.pcapng' ? 'pcapng' : 'pcap';
}
