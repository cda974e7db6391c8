/** Writes pcapng files: one little-endian section, times in nanoseconds. */
import { checkRange } from '../memory/internal.js';
import { ByteBuffer } from './byte-buffer.js';
import { CaptureError } from './error.js';
import { LinkType } from '../wire/index.js';
import type { ByteSink, PacketSink } from './packet-sink.js';
import {
  BLOCK_FRAME,
  BlockType,
  BYTE_ORDER_MAGIC,
  ENHANCED_HEADER,
  MAX_COMMENT,
  MAX_NAME,
  OPTION_HEADER,
  OptionCode,
  padded,
  SECTION_HEADER,
} from './pcapng-format.js';
import { MAX_SECONDS, NanosecondTicks } from './timestamp.js';

/** `if_tsresol` of nanoseconds. */
const NANOSECONDS = 9;

/** A packet's comment: UTF-8 in a buffer that its owner may reuse for the next packet. */
export interface PacketComment {
  readonly bytes: Uint8Array;
  /** Length of the text in bytes, from the start of `bytes`. */
  readonly length: number;
}

/** The length of a comment, truncated at a character boundary if it is too long for an option. */
function commentLength({ bytes, length }: PacketComment): number {
  if (length <= MAX_COMMENT) return length;
  let end = MAX_COMMENT;
  while (end > 0 && (bytes[end] & 0xc0) === 0x80) end--;
  return end;
}

/**
 * A pcapng file as a packet sink. The section header is written immediately; add an interface before packets.
 * @example
 * import { OutputFile, PcapngWriter } from 'vtep/capture';
 *
 * const file = new OutputFile('inner.pcapng');
 * const writer = new PcapngWriter(file.write);
 * const web = writer.addInterface('web');
 * const frame = new Uint8Array(60);
 * writer.write(frame, 0, frame.length, frame.length, Math.floor(Date.now() / 1000), 0, web);
 * writer.flush();
 * file.commit();
 */
export class PcapngWriter implements PacketSink {
  readonly #buffer: ByteBuffer;
  readonly #ticks = new NanosecondTicks();
  #interfaces = 0;

  constructor(sink: ByteSink) {
    this.#buffer = new ByteBuffer(sink);
    const at = this.#buffer.reserve(SECTION_HEADER);
    const { view } = this.#buffer;
    view.setUint32(at, BlockType.SectionHeader, true);
    view.setUint32(at + 4, SECTION_HEADER, true);
    view.setUint32(at + 8, BYTE_ORDER_MAGIC, true);
    view.setUint16(at + 12, 1, true);
    view.setUint16(at + 14, 0, true);
    // Section length -1: unspecified.
    view.setUint32(at + 16, 0xffffffff, true);
    view.setUint32(at + 20, 0xffffffff, true);
    view.setUint32(at + 24, SECTION_HEADER, true);
  }

  /**
   * Adds an interface description.
   * @param name the interface name
   * @param linkType LINKTYPE_ value of its packets. Default: Ethernet.
   * @returns the interface id to pass to `write`
   */
  addInterface(name: string, linkType: number = LinkType.Ethernet): number {
    const text = new Uint8Array(MAX_NAME);
    // Whole characters only.
    const { written } = new TextEncoder().encodeInto(name, text);
    // Type, length, link type and snaplen; name, resolution and end-of-options; the repeated length.
    const length = BLOCK_FRAME + 8 + 4 + padded(written) + 8 + 4;
    const at = this.#buffer.reserve(length);
    const { view, bytes } = this.#buffer;
    bytes.fill(0, at, at + length);
    view.setUint32(at, BlockType.InterfaceDescription, true);
    view.setUint32(at + 4, length, true);
    view.setUint16(at + 8, linkType, true);
    let option = at + 16;
    view.setUint16(option, OptionCode.InterfaceName, true);
    view.setUint16(option + 2, written, true);
    bytes.set(text.subarray(0, written), option + 4);
    option += 4 + padded(written);
    view.setUint16(option, OptionCode.TimeResolution, true);
    view.setUint16(option + 2, 1, true);
    view.setUint8(option + 4, NANOSECONDS);
    view.setUint32(at + length - 4, length, true);
    return this.#interfaces++;
  }

  /**
   * @param comment shown with the packet (`opt_comment`); truncated to 65,535 bytes. Default: none
   * @throws CaptureError `TIME_OUT_OF_RANGE` for a time before 1970 or after 2554; MemoryError `BAD_RANGE`
   */
  write(
    bytes: Uint8Array,
    offset: number,
    length: number,
    originalLength: number,
    seconds: number,
    nanoseconds: number,
    interfaceId = 0,
    comment?: PacketComment,
  ): void {
    if (seconds < 0 || seconds > MAX_SECONDS) {
      throw new CaptureError('TIME_OUT_OF_RANGE', `pcapng can't represent the time ${seconds} s in nanoseconds`);
    }
    // Before the block's header is written.
    checkRange(bytes, offset, offset + length);
    const text = comment === undefined ? 0 : commentLength(comment);
    if (comment !== undefined) checkRange(comment.bytes, 0, text);
    const ticks = this.#ticks;
    ticks.join(seconds, nanoseconds);
    const padding = padded(length) - length;
    // The comment, and the end of options.
    const options = comment === undefined ? 0 : OPTION_HEADER + padded(text) + OPTION_HEADER;
    const block = ENHANCED_HEADER + length + padding + options + 4;
    const at = this.#buffer.reserve(ENHANCED_HEADER);
    const { view } = this.#buffer;
    view.setUint32(at, BlockType.EnhancedPacket, true);
    view.setUint32(at + 4, block, true);
    view.setUint32(at + 8, interfaceId, true);
    view.setUint32(at + 12, ticks.high, true);
    view.setUint32(at + 16, ticks.low, true);
    view.setUint32(at + 20, length, true);
    view.setUint32(at + 24, originalLength, true);
    this.#buffer.append(bytes, offset, length);
    const tail = this.#buffer.reserve(padding + options + 4);
    for (let i = 0; i < padding; i++) view.setUint8(tail + i, 0);
    if (comment !== undefined) this.#writeComment(tail + padding, comment.bytes, text);
    view.setUint32(tail + padding + options, block, true);
  }

  #writeComment(at: number, text: Uint8Array, length: number): void {
    const { bytes, view } = this.#buffer;
    view.setUint16(at, OptionCode.Comment, true);
    view.setUint16(at + 2, length, true);
    const start = at + OPTION_HEADER;
    for (let i = 0; i < length; i++) bytes[start + i] = text[i];
    for (let i = length; i < padded(length); i++) bytes[start + i] = 0;
    view.setUint32(start + padded(length), OptionCode.End, true);
  }

  /** File size in bytes so far, including buffered data. */
  get size(): number {
    return this.#buffer.total;
  }

  flush(): void {
    this.#buffer.flush();
  }
}
