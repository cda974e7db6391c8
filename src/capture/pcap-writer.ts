/** Writes classic capture files of version 2.4, little-endian, with microseconds or nanoseconds. */
import { checkRange } from '../memory/internal.js';
import { ByteBuffer } from './byte-buffer.js';
import { CaptureError } from './error.js';
import { LinkType } from '../wire/index.js';
import type { ByteSink, PacketSink } from './packet-sink.js';
import { PCAP_HEADER, PCAP_RECORD, PcapMagic } from './pcap-format.js';
import { MAX_PACKET } from './record-decoder.js';

/** Options of a pcap file. */
export interface PcapWriterOptions {
  /**
   * Write nanosecond times; otherwise microseconds, truncated.
   * @default false
   */
  readonly nanoseconds?: boolean;
  /**
   * LINKTYPE_ value of every packet.
   * @default LinkType.Ethernet
   */
  readonly linkType?: number;
}

/**
 * A pcap file as a packet sink. The file header is written immediately.
 * @example
 * import { OutputFile, PcapWriter } from 'vtep/capture';
 *
 * const file = new OutputFile('inner.pcap');
 * const writer = new PcapWriter(file.write, { nanoseconds: true });
 * const frame = new Uint8Array(60);
 * writer.write(frame, 0, frame.length, frame.length, Math.floor(Date.now() / 1000), 0);
 * writer.flush();
 * file.commit();
 */
export class PcapWriter implements PacketSink {
  readonly #buffer: ByteBuffer;
  readonly #nanosPerTick: number;

  constructor(sink: ByteSink, options: PcapWriterOptions = {}) {
    this.#buffer = new ByteBuffer(sink);
    this.#nanosPerTick = options.nanoseconds === true ? 1 : 1000;
    const { view } = this.#buffer;
    const at = this.#buffer.reserve(PCAP_HEADER);
    view.setUint32(at, options.nanoseconds === true ? PcapMagic.Nano : PcapMagic.Micro, true);
    view.setUint16(at + 4, 2, true);
    view.setUint16(at + 6, 4, true);
    view.setUint32(at + 8, 0, true);
    view.setUint32(at + 12, 0, true);
    view.setUint32(at + 16, MAX_PACKET, true);
    view.setUint32(at + 20, options.linkType ?? LinkType.Ethernet, true);
  }

  /** @throws CaptureError `TIME_OUT_OF_RANGE` for a time before 1970 or after 2106; MemoryError `BAD_RANGE` */
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    originalLength: number,
    seconds: number,
    nanoseconds: number,
  ): void {
    if (seconds < 0 || seconds > 0xffffffff) {
      throw new CaptureError('TIME_OUT_OF_RANGE', `pcap can't represent the time ${seconds} s; write pcapng instead`);
    }
    // Before the record's header is written.
    checkRange(bytes, offset, offset + length);
    const at = this.#buffer.reserve(PCAP_RECORD);
    const { view } = this.#buffer;
    view.setUint32(at, seconds, true);
    view.setUint32(at + 4, Math.floor(nanoseconds / this.#nanosPerTick), true);
    view.setUint32(at + 8, length, true);
    view.setUint32(at + 12, originalLength, true);
    this.#buffer.append(bytes, offset, length);
  }

  /** File size in bytes so far, including buffered data. */
  get size(): number {
    return this.#buffer.total;
  }

  flush(): void {
    this.#buffer.flush();
  }
}
